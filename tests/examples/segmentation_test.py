"""The segmentation study on tiny scenes: loss, metrics, training that goes on, what it writes."""

import dataclasses
import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from examples import cli
from examples.segmentation import data, draw
from examples.segmentation.evaluate import Scorer
from examples.segmentation.metrics import MeanAccuracy, MeanIoU, PixelCrossentropy, iou_per_class
from examples.segmentation.recipe import RECIPES, build, optimizer
from examples.segmentation.train import train
from tests.examples.events import read_events
from tests.examples.written import write_cityscapes

# Everything switched on; four steps in two rounds.
TINY = dataclasses.replace(
    RECIPES["small"], depth=14, width=2, filters=4, low_level_filters=2, rates=(2, 3), steps=4,
    batch=2, crop=33, shrink=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    write_cityscapes(folder, "train", 5)
    write_cityscapes(folder, "val", 3)
    return folder


@pytest.fixture(scope="module")
def trained(scenes, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    training, validation = (data.find("cityscapes", scenes, s) for s in ("train", "val"))
    assert train(training, out, TINY, 2, validation)
    return out


@pytest.fixture
def run(run_example):
    return functools.partial(run_example, "segmentation")


def random_case():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 5, 7, 4)).astype("float32")
    truth = rng.integers(0, 3, (3, 5, 7)).astype(np.uint8)  # class 3 is given, but nowhere true
    truth[0, :2] = 255
    truth[2] = 255
    return truth, logits


def test_loss_is_the_mean_of_each_images_counted_pixels():
    truth, logits = random_case()
    shifted = logits.astype(np.float64)
    nll = np.log(np.exp(shifted).sum(-1, keepdims=True)) - shifted
    means = [
        np.take_along_axis(n[t != 255], t[t != 255].astype(int)[:, None], 1).mean()
        for n, t in zip(nll[:2], truth[:2], strict=True)
    ]
    # The third image has no class anywhere.
    expected = (means[0] + means[1] + 0) / 3
    assert float(PixelCrossentropy()(truth, logits)) == pytest.approx(expected, rel=1e-6)
    changed = logits.copy()
    changed[truth == 255] += 7 * np.arange(4, dtype="float32")
    assert float(PixelCrossentropy()(truth, changed)) == float(PixelCrossentropy()(truth, logits))


def test_metrics_follow_from_the_confusion_matrix():
    truth, logits = random_case()
    expected = np.zeros((4, 4), int)
    for t, g in zip(truth.ravel(), logits.argmax(-1).ravel(), strict=True):
        if t != 255:
            expected[t, g] += 1
    iou, accuracy = MeanIoU(4), MeanAccuracy(4)
    for metric in (iou, accuracy):
        for t, g in zip(truth, logits, strict=True):
            metric.update_state(t[None], g[None])
    np.testing.assert_array_equal(iou.confusion, expected)
    right = expected.diagonal()
    each = right / (expected.sum(0) + expected.sum(1) - right)
    np.testing.assert_allclose(iou_per_class(iou.confusion), each)
    assert each[3] == 0
    assert float(iou.result()) == pytest.approx(each.mean())
    assert float(accuracy.result()) == pytest.approx((right[:3] / expected.sum(1)[:3]).mean())
    iou.reset_state()
    assert not iou.confusion.any()


def test_classes_that_do_not_appear_are_left_out():
    iou = MeanIoU(4)
    iou.update_state(np.zeros((1, 2, 2)), np.eye(4)[np.array([[[0, 0], [0, 1]]])])
    np.testing.assert_array_equal(iou_per_class(iou.confusion), [0.75, 0, np.nan, np.nan])
    assert float(iou.result()) == pytest.approx(0.375)


def test_counts_are_exact_beyond_floats():
    """float32 stops counting at 2^24, a twelfth of a large image's worth."""
    iou = MeanIoU(2)
    iou.total_cm.assign(np.full((2, 2), 2**24))
    iou.update_state(np.zeros((1, 1, 1)), np.array([[[[1.0, 0.0]]]]))
    assert iou.confusion[0, 0] == 2**24 + 1


def test_the_papers_recipe():
    paper = RECIPES["paper"]
    assert (paper.steps, paper.batch, paper.crop, paper.scale) == (50_000, 8, 769, (0.5, 2.0))
    assert (paper.conv, paper.context, paper.decoder, paper.depth) == ("dau", "dau", "dau", 101)
    assert (paper.mirror, paper.weight_decay, paper.momentum) == (True, 1e-4, 0.9)
    made = optimizer(paper, True)
    groups = {"weights": (made.default, 1.0), "displacements": (made.groups[0][1], 500.0)}
    for group, factor in groups.values():
        assert float(group.momentum) == pytest.approx(0.9)
        for step in (0, 12_500, 45_000):
            rate = factor * 0.01 * (1 - step / 50_000) ** 0.9
            assert float(group._learning_rate(step)) == pytest.approx(rate, rel=1e-4)
    assert isinstance(optimizer(paper, False), keras.optimizers.SGD)


@pytest.mark.parametrize("context", ["dau", "aspp", "none"])
@pytest.mark.parametrize("pooling", [True, False])
def test_every_head_can_be_built(context, pooling):
    recipe = dataclasses.replace(TINY, context=context, image_pooling=pooling, decoder="none")
    model = build(recipe, 19)
    assert model(np.zeros((1, 20, 30, 3), "float32")).shape == (1, 20, 30, 19)
    names = {layer.name for layer in model.layers}
    assert ("image_pooling" in names) == pooling
    assert ("context_dau" in names) == (context == "dau")


def test_the_papers_recipe_for_voc():
    voc = RECIPES["voc"]
    assert (voc.net, voc.steps, voc.batch, voc.weight_decay) == ("fcn-alexnet", 65_000, 20, 5e-4)
    made = optimizer(voc, True)
    assert [float(made._learning_rate(step)) for step in (0, 64_999, 65_000)] == pytest.approx(
        [2e-4] * 3
    )
    model = build(dataclasses.replace(voc, conv="dau-small", filters=2), 21)
    assert model(np.zeros((1, 20, 30, 3), "float32")).shape == (1, 20, 30, 21)


def test_starts_from_the_weights_of_another_training(trained, scenes, tmp_path):
    training = data.find("cityscapes", scenes, "train")
    recipe = dataclasses.replace(TINY, seed=5, steps=1, rate=1e-9)
    train(training, tmp_path / "run", recipe, 1, weights=trained / "model.keras")
    before, after = (
        {v.path: v.numpy() for v in keras.models.load_model(p / "model.keras").trainable_variables}
        for p in (trained, tmp_path / "run")
    )
    for path, value in before.items():
        same = np.allclose(after[path], value, atol=1e-6)
        assert same == (not path.startswith("classes/")), path


def test_writes_what_it_says(trained):
    lines = [line.split(",") for line in (trained / "log.csv").read_text().splitlines()]
    assert set(lines[0]) == {"step", "loss", "miou", "val_miou", "val_mean_accuracy"}
    assert [line[0] for line in lines[1:]] == ["2", "4"]
    events = read_events(trained / "tensorboard")
    assert {"loss", "val_miou", "iou/road", "iou/car"} <= events.keys()
    assert any(tag.endswith("horizontal displacement") for tag in events)
    (step, image), _ = events["aachen_000000_000019_leftImg8bit/given"]
    assert step == 2
    assert tf.io.decode_png(image[2]).shape == (40, 60, 3)


def weights(folder):
    model = keras.models.load_model(folder / "model.keras")
    return [*model.get_weights(), *(np.asarray(v) for v in model.optimizer.variables)]


def test_a_stopped_training_goes_on_as_if_nothing_was(trained, scenes, tmp_path):
    training = data.find("cityscapes", scenes, "train")
    out = tmp_path / "run"
    assert not train(training, out, TINY, 2, seconds=0.0)
    assert train(training, out, TINY, 2, seconds=0.0)
    for one, other in zip(weights(trained), weights(out), strict=True):
        np.testing.assert_array_equal(one, other)
    assert train(training, out, TINY, 2)
    with pytest.raises(cli.UserError, match=r"with crop=33, not 17"):
        train(training, out, dataclasses.replace(TINY, crop=17), 2)


def test_score_is_right_for_a_net_that_knows(scenes):
    """A net that calls dark pixels road and bright ones car, which is how they are painted."""
    inputs = keras.Input((None, None, 3))
    logits = keras.layers.Conv2D(19, 1, kernel_initializer="zeros")
    model = keras.Model(inputs, logits(inputs))
    kernel, bias = np.zeros((1, 1, 3, 19), "float32"), np.full(19, -9.0, "float32")
    kernel[..., 0], kernel[..., 13], bias[[0, 13]] = -1, 1, 0
    logits.set_weights([kernel, bias])
    split = data.find("cityscapes", scenes, "val")
    scorer = Scorer(model, 19)
    for _ in range(2):  # figures start anew
        score, rows = scorer.score(split, shown=2)
    assert score.iou == {"road": 1.0, "car": 1.0}
    assert (score.miou, score.mean_accuracy, score.accuracy, score.images) == (1, 1, 1, 3)
    assert [row.title[:6] for row in rows] == ["aachen", "bochum"]


def test_overlay_leaves_ignored_pixels():
    image = np.full((1, 3, 3), 100, np.uint8)
    colours = np.array([[0, 0, 0], [200, 100, 0]], np.uint8)
    drawn = draw.overlay(image, np.array([[0, 1, 255]], np.uint8), colours)
    np.testing.assert_array_equal(drawn[0], [[45, 45, 45], [155, 100, 45], [100, 100, 100]])


def test_command_lines(trained, scenes, tmp_path, run):
    evaluated = ["--data", scenes, "--model", trained / "model.keras", "--out", tmp_path / "val"]
    code, printed = run("evaluate", *evaluated, "--shown", 2)
    assert code == 0
    assert "mean IoU" in printed.out
    metrics = json.loads((tmp_path / "val" / "metrics.json").read_text())
    assert metrics["images"] == 3
    assert Image.open(tmp_path / "val" / "sheet.png").width > 3 * 60
    out = ["--out", tmp_path / "x"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    for program, given, message in (
        ("train", ["--data", tmp_path, *out], "leftImg8bit/train: no such folder"),
        ("train", ["--data", scenes, *out, "--context", "dense"], "--context: invalid choice"),
        ("train", ["--data", scenes, *out, "--conv", "dense"], "`backbone_conv` must be"),
        ("train", ["--data", scenes, *out, "--weights", tmp_path / "no.h5"], "no.h5"),
        ("train", ["--data", scenes, "--out", tmp_path / "full"], "no training of ours"),
        (
            "train",
            ["--data", scenes, *out, "--strategy", "multiworker", "--minutes", 1],
            "--minutes: not with --strategy multiworker",
        ),
        ("train", ["--data", scenes, *out, "--strategy", "multiworker"], "TF_CONFIG must be"),
        ("evaluate", [*evaluated[:3], tmp_path / "none.keras", *out], "holds no model"),
        ("evaluate", [*evaluated[:4], "--out", tmp_path / "full"], "holds no evaluation of ours"),
    ):
        code, printed = run(program, *given)
        assert code == 2, given
        assert message in printed.err
        assert "Traceback" not in printed.err
