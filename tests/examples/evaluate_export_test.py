"""Evaluation and export of a tiny trained model, and the programs' help and errors."""

import json
import math

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from examples.datasets.gopro import find_pairs, read_pair
from examples.deblurring import demo, evaluate, export, metrics


def test_to_uint8_clips_and_cuts():
    image = np.array([-1.0, 0.0, 0.9999, 1.0, 2.0, 100.9 / 255], np.float32)
    np.testing.assert_array_equal(metrics.to_uint8(image), [0, 0, 254, 255, 255, 100])


def test_psnr_and_ssim():
    image = np.random.default_rng(0).integers(0, 246, (32, 32, 3), np.uint8)
    assert metrics.psnr(image, image + 10) == pytest.approx(20 * math.log10(255 / 10), rel=1e-5)
    assert metrics.ssim(image, image) == pytest.approx(1.0)


def test_evaluation(trained, tmp_path, run_program):
    out = tmp_path / "results"
    arguments = ["--data", trained["data"], "--split", "test", "--model", trained["model"]]
    code, printed = run_program("evaluate", *arguments, "--out", out)
    assert code == 0
    assert "mean" in printed.out
    report = json.loads((out / "metrics.json").read_text())
    assert report["images"] == 2
    model = evaluate.load_model(trained["model"])
    gains = []
    for pair, scores in zip(find_pairs(trained["data"], "test"), report["per_image"], strict=True):
        blur, sharp = read_pair(pair)
        restored = metrics.to_uint8(model(blur[None] / np.float32(255))[0].numpy())
        assert scores["psnr_blurred"] == pytest.approx(metrics.psnr(blur, sharp), rel=1e-5)
        assert scores["psnr_restored"] == pytest.approx(metrics.psnr(restored, sharp), rel=1e-3)
        gains.append(scores["psnr_restored"] - scores["psnr_blurred"])
    assert report["mean"]["gain"] == pytest.approx(np.mean(gains))
    with Image.open(out / "picture.png") as picture:
        assert picture.width > 3 * 50
    assert run_program("evaluate", *arguments, "--out", out)[0] == 0


def test_export_in_a_fresh_process(trained, tmp_path):
    model = evaluate.load_model(trained["model"])
    needs = export.export(model, tmp_path / "saved")
    assert needs["ops"] == ["Dau>Conv2D"]
    assert export.verify(model, tmp_path / "saved", needs) <= export.TOLERANCE
    written = json.loads((tmp_path / "saved/assets.extra/needs.json").read_text())
    assert written == needs
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    signature = loaded.signatures["serving_default"]
    assert signature.structured_input_signature[1]["images"].shape.as_list() == [None] * 3 + [3]


def test_a_wrong_export_is_noticed(trained, tmp_path):
    model = evaluate.load_model(trained["model"])
    needs = export.export(model, tmp_path / "saved")
    for variable in model.trainable_variables:
        variable.assign(variable + 0.5)
    with pytest.raises(RuntimeError, match="the export differs"):
        export.verify(model, tmp_path / "saved", needs)


def test_errors_are_one_line(trained, tmp_path, run_program):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "mine.txt").write_text("mine")
    model, data = trained["model"], trained["data"]
    log = trained["run"] / "log.csv"
    ok = ["--data", data, "--out", tmp_path / "x"]
    cases = [
        (
            ["evaluate", *ok, "--model", "missing.keras"],
            "holds no model of train (no such file)",
        ),
        (["evaluate", *ok, "--model", log], "holds no model of train"),
        (["evaluate", "--data", data, "--out", mine, "--model", model], "no evaluation of ours"),
        (["evaluate", *ok, "--model", model, "--split", "val"], "val: no such folder"),
        (["export", "--model", model, "--out", mine], "exists already"),
        (["export", "--model", log, "--out", tmp_path / "x"], "holds no model of train"),
        (["demo", "--out", mine], "holds no demo of ours"),
        (["demo", "--out", tmp_path / "x", "--steps", "none"], "--steps: expected an integer"),
    ]
    for arguments, message in cases:
        code, printed = run_program(*arguments)
        assert code == 2, arguments
        assert message in printed.err
        assert "Traceback" not in printed.err
    assert [p.name for p in mine.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("module", ["make_dataset", "train", "evaluate", "export", "demo"])
def test_help(module, run_program):
    code, printed = run_program(module, "--help")
    assert code == 0
    assert "--out" in printed.out
    assert "SUPPRESS" not in printed.out


def test_the_demos_tests_are_apart_from_its_training():
    train, later, second = demo._SELECTIONS
    assert (train.split, later.split, second.split) == ("train", "test", "test")
    assert later.first - (train.last - 1) >= 6
    assert (second.first, second.last) == (116, 190)
