"""The training: the recipe's rates, its logs, what it refuses."""

import csv
import dataclasses
import json
import math

import keras
import pytest
import tensorflow as tf

from dau_tf.analysis import layer_units
from examples.cli import UserError
from examples.datasets.gopro import find_pairs
from examples.datasets.pictures import DatasetError
from examples.deblurring.evaluate import evaluate, load_model, mean_score
from examples.deblurring.recipe import RECIPES, optimizer
from examples.deblurring.train import train
from examples.deblurring.validation import Validation
from examples.training.callbacks import Checkpoint
from tests.examples.events import read_events


def _rates(optimizer):
    return {name: float(rate) for name, rate in optimizer.learning_rates.items()}


def test_displacements_have_their_own_rate():
    rates = optimizer(RECIPES["paper"], 1000)
    assert _rates(rates) == pytest.approx({"displacement$": 1e-3, "default": 5e-4})
    weight = keras.Variable([1.0], name="unit_weight")
    displacement = keras.Variable([1.0], name="displacement")
    rates.build([weight, displacement])
    rates.apply([tf.constant([1.0]), tf.constant([1.0])])
    assert 1 - float(weight[0]) == pytest.approx(5e-4, rel=1e-3)
    assert 1 - float(displacement[0]) == pytest.approx(1e-3, rel=1e-3)
    rates.iterations.assign(499)
    rates.apply([tf.constant([1.0]), tf.constant([1.0])])  # the groups follow the common counter
    assert _rates(rates) == pytest.approx({"displacement$": 1e-3 * 0.5, "default": 5e-4 * 0.5**0.3})


def test_the_papers_recipe():
    paper = RECIPES["paper"]
    assert (paper.epochs, paper.batch, paper.crop) == (2000, 16, 256)
    assert paper.total_steps(2103) == 2000 * 2103 // 16
    assert not any([paper.input_skip, paper.motion, paper.colours, paper.negatives])


def test_writes_model_and_logs(trained):
    with (trained["run"] / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [r["step"] for r in rows] == ["2", "4", "6"]
    assert all(
        float(r["loss"]) == pytest.approx(sum(float(r[f"{s}_loss"]) for s in _SCALES), rel=1e-3)
        for r in rows
    )
    logged = read_events(trained["run"] / "tensorboard")
    assert [float(value) for _, value in logged["loss"]] == pytest.approx(
        [float(r["loss"]) for r in rows], rel=1e-4
    )
    histograms = [tag for tag in logged if tag.endswith("vertical displacement")]
    units = layer_units(keras.models.load_model(trained["model"], compile=False))
    assert len(histograms) == len(units) > 1
    step, table = logged[f"{units[0].name}/vertical displacement"][-1]
    assert step == 6
    assert table[0, 0] == pytest.approx(units[0].displacement[0].min())
    assert table[:, 2].sum() == units[0].displacement[0].size
    state = json.loads((trained["run"] / "recipe.json").read_text())
    assert state["seconds"] > 0
    assert int(keras.models.load_model(trained["model"]).optimizer.iterations) == 6


_SCALES = ("quarter", "half", "full")


def test_validation_measures_as_the_evaluation_does(trained, tmp_path):
    writer = tf.summary.create_file_writer(str(tmp_path / "events"))
    validation = Validation(find_pairs(trained["data"], "test"), writer)
    validation.set_model(keras.models.load_model(trained["model"]))
    logs = {"loss": 1.0}
    validation.on_epoch_end(0, logs)
    writer.flush()
    mean = mean_score(
        evaluate(load_model(trained["model"]), trained["data"], "test", tmp_path / "out")[0]
    )
    assert logs["val_psnr"] == pytest.approx(mean.psnr_restored)
    assert logs["val_ssim"] == pytest.approx(mean.ssim_restored)
    events = read_events(tmp_path / "events")
    ((step, picture),) = events["b/000000.png: blurred, restored, sharp"]
    assert step == 6
    assert tf.io.decode_png(picture[2]).shape == (45, 3 * 50, 3)


def test_a_finished_training_is_left_alone(trained, tiny):
    before = trained["model"].stat().st_mtime_ns
    result = train(trained["data"], trained["run"], tiny, steps_per_round=2)
    assert trained["model"].stat().st_mtime_ns == before
    assert result["steps"] == 6


def test_another_recipe_is_refused(trained, tiny):
    other = dataclasses.replace(tiny, seed=1)
    with pytest.raises(UserError, match="holds a training with seed=0, not 1"):
        train(trained["data"], trained["run"], other, steps_per_round=2)


def test_foreign_folder_is_refused(dataset, tiny, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="no training of ours"):
        train(dataset, tmp_path / "out", tiny)


def test_a_loss_that_is_not_finite_is_reported_and_not_saved(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    saved = []
    checkpoint = Checkpoint(tmp_path / "model.keras", saved.append)
    checkpoint.set_model(model)
    checkpoint.on_epoch_end(0, {"loss": 1.0})
    before = (tmp_path / "model.keras").read_bytes()
    with pytest.raises(UserError, match=r"the loss is nan at step 0: lower --rate"):
        checkpoint.on_epoch_end(1, {"loss": math.nan})
    assert (tmp_path / "model.keras").read_bytes() == before
    assert len(saved) == 1


def test_corrupt_file_is_named_by_the_training(dataset, tiny, tmp_path):
    file = dataset / "train/a/sharp/000001.png"
    file.write_bytes(file.read_bytes()[:-60])
    with pytest.raises(DatasetError, match=r"sharp/000001\.png: cannot be read"):
        train(dataset, tmp_path / "out", dataclasses.replace(tiny, crop=16))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "missing", "--out", "x"], "missing/train: no such folder"),
        (["--data", "a", "--out", "x", "--width", "0"], "--width: expected an integer >= 1"),
        (["--data", "a", "--out", "x", "--sigma", "-1"], "--sigma: expected a number > 0"),
        (["--data", "a", "--out", "x", "--crop", "40"], "--crop: must be a multiple of 16"),
        (["--data", "a", "--out", "x", "--conv", "dense"], "--conv: invalid choice"),
        (["--data", "a"], "--out"),
    ],
)
def test_command_line_errors(arguments, message, run_program):
    code, printed = run_program("train", *arguments)
    assert code == 2
    assert message in printed.err
    assert "Traceback" not in printed.err
