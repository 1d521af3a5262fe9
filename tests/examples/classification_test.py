"""Training, evaluation and studies on a tiny Fashion-MNIST, and that a stopped run goes on."""

import dataclasses
import functools
import gzip
import json

import keras
import numpy as np
import pytest

from examples import cli
from examples.classification import data
from examples.classification.evaluate import evaluate
from examples.classification.recipe import RECIPES, Recipe, optimizer
from examples.classification.study import SIGMAS, rows_of
from examples.classification.train import build, train
from examples.training.optimizers import set_decay

TINY = Recipe(
    width=2,
    units=2,
    epochs=3,
    batch=8,
    rate=0.05,
    weight_decay=1e-3,
    displacement_factor=2.0,
    pad=1,
)


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    """Squares of 4 x 4 pixels in ten places: learnable; 32 to train and 20 to test."""
    folder = tmp_path_factory.mktemp("mnist")
    for prefix, count in (("train", 32), ("t10k", 20)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        images = np.zeros((count, 28, 28), np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[5 * (label // 5) + 6 :, 5 * (label % 5) :][:4, :4] = 255
        for name, values in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
            file = folder / f"{prefix}-{name}-ubyte.gz"
            file.write_bytes(gzip.compress(head + values.tobytes()))
    return folder


@pytest.fixture(scope="module")
def trained(mnist, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    assert train("fashion-mnist", mnist, out, TINY)
    return out


@pytest.fixture
def run(run_example):
    return functools.partial(run_example, "classification")


def test_writes_what_it_says(trained):
    names = {path.name for path in trained.iterdir()}
    assert names >= {"recipe.json", "initial.keras", "model.keras", "log.csv", "units.png"}
    model = keras.models.load_model(trained / "model.keras")
    assert int(model.optimizer.iterations) == 3 * 4
    before = keras.models.load_model(trained / "initial.keras", compile=False)
    moved = [v for v in model.trainable_variables if v.name == "displacement"]
    old = [v for v in before.trainable_variables if v.name == "displacement"]
    assert all(
        np.abs(np.asarray(a) - np.asarray(b)).max() > 0 for a, b in zip(moved, old, strict=True)
    )


def test_a_stopped_training_goes_on_as_if_nothing_was(trained, mnist, tmp_path):
    out = tmp_path / "run"
    assert not train("fashion-mnist", mnist, out, TINY, seconds=0.0)
    assert not train("fashion-mnist", mnist, out, TINY, seconds=0.0)
    assert train("fashion-mnist", mnist, out, TINY, seconds=0.0)
    one, other = (keras.models.load_model(p / "model.keras") for p in (trained, out))
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len((out / "log.csv").read_text().splitlines()) == 4


def test_another_recipe_is_refused(trained, mnist):
    with pytest.raises(cli.UserError, match=r"with rate=0\.05, not 0\.1"):
        train("fashion-mnist", mnist, trained, dataclasses.replace(TINY, rate=0.1))


def test_score_counts_labels_among_the_largest(mnist):
    split = data.load("fashion-mnist", mnist, "test", TINY)
    labels = np.concatenate([y for _, y in split.evaluation(256)])
    # Logits that put class c in the place c: the label's rank is the label's number + 1.
    inputs = keras.Input((28, 28, 1))
    zeros = keras.layers.Dense(
        10, kernel_initializer="zeros", bias_initializer=lambda s, dtype: -np.arange(10.0)
    )
    model = keras.Model(inputs, zeros(keras.layers.Flatten()(inputs)))
    score = evaluate(model, split, batch=7)
    assert score.images == 20
    assert score.top1 == pytest.approx((labels < 1).mean())
    assert score.top5 == pytest.approx((labels < 5).mean())
    ties = keras.Model(
        inputs, keras.layers.Dense(10, kernel_initializer="zeros")(keras.layers.Flatten()(inputs))
    )
    assert evaluate(ties, split).top5 == 0


@pytest.mark.parametrize(
    ("config", "rates"),
    [("cifar10", [0.01, 0.001]), ("resnet", [0.1, 0.01, 0.001, 1e-4, 1e-5])],
)
def test_rates_of_the_paper(config, rates):
    recipe = RECIPES[config]
    made = optimizer(recipe, 1000)
    groups = [(made.default if config == "resnet" else made, 1.0)]
    if config == "resnet":
        groups.append((made.groups[0][1], 500.0))
    for part, factor in groups:
        schedule = part._learning_rate
        starts = [0, *(round(1000 * share) + 1 for share in recipe.drops)]
        found = [float(schedule(step)) for step in starts]
        assert found == pytest.approx([factor * rate for rate in rates], rel=1e-5)


def test_decay_is_of_weights_alone():
    model = build(TINY, 10, (28, 28, 1))
    set_decay(model, 0.5)
    weights = [v for v in model.trainable_variables if v.name in ("kernel", "unit_weight")]
    assert len(weights) == len(model.losses) == 4
    expected = 0.25 * sum(float(np.sum(np.square(v))) for v in weights)
    assert sum(float(loss) for loss in model.losses) == pytest.approx(expected, rel=1e-5)


def test_rows_of_the_studies():
    rows = rows_of("sigma", TINY)
    assert [row.sigma for row in rows.values()] == [*SIGMAS, 0.0]
    assert {name: row.conv for name, row in rows_of("width", TINY).items()} == {
        "dau": "dau",
        "standard": "standard",
    }


def test_study_in_several_calls(mnist, tmp_path, run):
    arguments = ["width", "--dataset", "fashion-mnist", "--data", mnist, "--out", tmp_path / "out"]
    arguments += ["--config", "small", "--width", 2, "--epochs", 1, "--batch", 8, "--seeds", 1]
    _, printed = run("study", *arguments, "--minutes", 1e-9)
    assert [line.split()[1] for line in printed.out.splitlines()[1:]] == ["–", "–"]
    _, printed = run("study", *arguments)
    rows = [line.split() for line in printed.out.splitlines()[1:]]
    assert [row[0] for row in rows] == ["dau", "standard"]
    score = json.loads((tmp_path / "out" / "dau-0" / "score.json").read_text())
    assert float(rows[0][1].rstrip("%")) == pytest.approx(100 * score["top1"], abs=0.01)


def test_pruning_curve(trained, mnist, tmp_path, monkeypatch, run):
    monkeypatch.setattr("examples.classification.study.THRESHOLDS", (0.0, 0.4))
    arguments = ["prune", "--dataset", "fashion-mnist", "--data", mnist, "--out", tmp_path / "out"]
    arguments += ["--model", trained / "model.keras", "--config", "small", "--batch", 8]
    code, printed = run("study", *arguments)
    assert code == 0
    rows = [line.split() for line in printed.out.splitlines()[1:]]
    assert rows[0][:3] == ["0.0", "20", "0.0%"]
    assert int(rows[1][1]) < 20


def test_command_lines(trained, mnist, tmp_path, run):
    arguments = ["--dataset", "fashion-mnist", "--data", mnist, "--model", trained / "model.keras"]
    code, printed = run("evaluate", *arguments)
    assert code == 0
    assert printed.out.startswith("top-1 ")
    wrong = ["--dataset", "fashion-mnist", "--data", tmp_path, "--out", tmp_path / "x"]
    for program, given, message in (
        ("train", wrong, "train-images-idx3-ubyte"),
        ("train", [*wrong[:3], mnist, *wrong[4:], "--conv", "dense"], "`conv` must be"),
        ("study", ["prune", *wrong], "needs --model"),
        ("evaluate", [*arguments[:5], tmp_path / "none.keras"], "holds no model"),
    ):
        code, printed = run(program, *given)
        assert code == 2
        assert message in printed.err
        assert "Traceback" not in printed.err
