"""Studies that stop and go on, and the measurement of the pipelines."""

import dataclasses
import json
import math
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from examples.deblurring import study as deblurring
from examples.deblurring.recipe import RECIPES as deblurring_recipes
from examples.segmentation import study as segmentation
from examples.segmentation.recipe import RECIPES
from examples.training import study
from examples.training.throughput import Throughput, measure, step_seconds
from tests.examples.written import write_cityscapes


@dataclasses.dataclass(frozen=True)
class Recipe:
    size: int
    seed: int = 0


def test_every_training_runs_once_in_the_order_of_seeds(tmp_path):
    called = []

    def score(recipe, folder, left):
        called.append((recipe.size, recipe.seed))
        folder.mkdir(exist_ok=True)
        return {"size": recipe.size + recipe.seed} if len(called) != 3 else None

    rows = study.with_seeds({"a": Recipe(1), "b c": Recipe(20)}) | {"never": lambda seed: None}
    later = time.monotonic() + 100
    first = study.run(tmp_path, rows, range(4, 6), later, score)
    assert called == [(1, 4), (20, 4), (1, 5), (20, 5)]
    assert first == {"a": [{"size": 5}], "b c": [{"size": 24}, {"size": 25}], "never": []}
    assert study.run(tmp_path, rows, range(4, 6), -math.inf, score) == first
    second = study.run(tmp_path, rows, range(4, 6), later, score)
    assert called[4:] == [(1, 5)]
    assert second["a"] == [{"size": 5}, {"size": 6}]
    table = study.table(second, {"pixels": ("size", ".1f")}).splitlines()
    assert [line.split() for line in table] == [
        ["pixels", "spread", "seeds"],
        ["a", "5.5", "1.0", "2"],
        ["b", "c", "24.5", "1.0", "2"],
        ["never", "–", "–", "0"],
    ]


def test_rows_of_the_heads():
    rows = segmentation.rows_of(RECIPES["small"])
    assert {name: (row.context, row.image_pooling) for name, row in rows.items()} == {
        "aspp pooling": ("aspp", True),
        "aspp": ("aspp", False),
        "dau pooling": ("dau", True),
        "dau": ("dau", False),
        "none pooling": ("none", True),
        "none": ("none", False),
    }


def test_heads_in_several_calls(tmp_path, monkeypatch, capsys):
    write_cityscapes(tmp_path, "train", 3)
    write_cityscapes(tmp_path, "val", 2)
    monkeypatch.setattr(segmentation, "CONTEXTS", ("none",))
    arguments = ["study", "--data", tmp_path, "--out", tmp_path / "out", "--config", "small"]
    arguments += ["--seeds", 1, "--steps", 2, "--batch", 1, "--crop", 33, "--shrink", 1]
    arguments += ["--depth", 14, "--width", 2, "--filters", 4, "--round", 1, "--minutes"]
    printed = []
    for minutes in (1e-9, 60):
        monkeypatch.setattr("sys.argv", [str(a) for a in (*arguments, minutes)])
        segmentation.main()
        printed.append([line.rsplit("  ", 6) for line in capsys.readouterr().out.splitlines()])
    assert [row[-1].strip() for row in printed[0][1:]] == ["0", "0"]
    assert [row[-1].strip() for row in printed[1][1:]] == ["1", "1"]
    scores = json.loads((tmp_path / "out" / "none-pooling-0" / "score.json").read_text())
    metrics = json.loads((tmp_path / "out" / "none-pooling-0" / "val" / "metrics.json").read_text())
    assert scores["miou"] == metrics["miou"]
    assert (tmp_path / "out" / "none-0" / "val" / "sheet.png").exists()


@pytest.mark.parametrize(
    ("conv", "seconds", "steps"),
    [
        ("dau", {"dau": 2.0, "standard": 3.0}, 750),
        ("standard", {"dau": 2.0, "standard": 3.0}, None),
        ("dau", {"dau": 2.0, "standard": 2.0}, None),
        ("dau", {}, None),
    ],
)
def test_the_faster_gets_the_steps_of_the_others_time(conv, seconds, steps):
    recipe = dataclasses.replace(deblurring_recipes["small"], conv=conv)
    expected = steps and dataclasses.replace(recipe, steps=steps, seed=1)
    assert deblurring.longer(recipe, 500, seconds, 1) == expected


def test_deblurring_in_several_calls(trained, tmp_path, monkeypatch, capsys):
    """The training is another test's; here a step takes 3 s with standard layers, 2 s with DAUs."""
    called = []
    times = {"dau": 2.0, "standard": 3.0}
    monkeypatch.setattr(deblurring.throughput, "step_seconds", lambda batches, models: times)

    def train(data, out, recipe, steps_per_round, seconds):
        called.append((recipe.conv, recipe.steps, seconds))
        out.mkdir(parents=True)
        return {"model": str(trained["model"]), "complete": True, "steps": recipe.steps}

    monkeypatch.setattr(deblurring, "train", train)
    arguments = ["study", "--data", trained["data"], "--out", tmp_path / "out", "--seeds", 1]
    arguments += ["--config", "small", "--steps", 600, "--minutes"]
    for minutes, done in ((1e-9, "0000"), (60, "1110")):
        monkeypatch.setattr("sys.argv", [str(a) for a in (*arguments, minutes)])
        deblurring.main()
        rows = [row.split() for row in capsys.readouterr().out.splitlines()[1:]]
        assert "".join(row[-1] for row in rows) == done
    assert [call[:2] for call in called] == [("dau", 600), ("standard", 600), ("dau", 900)]
    assert all(0 < left <= 3600 for *_, left in called)
    score = json.loads((tmp_path / "out" / "dau-0" / "score.json").read_text())
    metrics = json.loads((tmp_path / "out" / "dau-0" / "test" / "metrics.json").read_text())
    assert score["psnr"] == metrics["mean"]["psnr_restored"]
    assert rows[0][1:4] == [f"{score['psnr']:.2f}", "0.00", f"{score['gain']:+.2f}"]
    assert rows[2][:2] == ["dau", "longer"]
    assert rows[2][-3:] == ["900", "2.000", "1"]


def test_steps_are_timed_in_turn_and_kept(tmp_path):
    data = tf.data.Dataset.from_tensors((tf.zeros([4, 2]), tf.zeros([4, 1]))).repeat()

    def compiled(units):
        hidden = [keras.layers.Dense(units)] * (units > 1)
        model = keras.Sequential([keras.Input((2,)), *hidden, keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    models = {"small": compiled(1), "large": compiled(2_000_000)}
    timed = step_seconds(lambda step, shard: data, models, rounds=3)
    assert 0 < timed["small"] < timed["large"]
    assert study.step_seconds(tmp_path / "new", -math.inf, lambda: timed) == {}
    later = time.monotonic() + 100
    assert study.step_seconds(tmp_path / "new", later, lambda: timed) == timed
    assert study.step_seconds(tmp_path / "new", -math.inf, dict) == timed


def test_throughput_counts_examples():
    """A pipeline that sleeps 20 ms a batch of four, and a net that takes no time to speak of."""
    pause = tf.data.Dataset.range(1000).map(
        lambda i: tf.numpy_function(lambda j: (time.sleep(0.02), j)[1], [i], tf.int64)
    )
    data = pause.map(lambda i: (tf.zeros([4, 2]), tf.zeros([4, 1])))
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    result = measure(lambda step, shard: data, model, 0.3, 2)
    assert 40 < result.pipeline <= 200  # sleeping longer than told is allowed
    assert result.ratio == pytest.approx(result.pipeline / result.network)
    assert "4.0 times" in str(Throughput(200.0, 50.0))
    assert np.isfinite(result.network)
