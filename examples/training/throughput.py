"""How many examples a pipeline makes and a network takes a second, on this machine."""

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from examples.datasets.order import ALL
from examples.training.loop import Batches, build

NEEDED = 2.0
"""The pipeline must feed so many times what the network can take."""


@dataclasses.dataclass(frozen=True)
class Throughput:
    """Examples a second: of the pipeline alone, and of training steps on one batch, again and
    again."""

    pipeline: float
    network: float

    @property
    def ratio(self) -> float:
        """How many times as fast the pipeline is."""
        return self.pipeline / self.network

    def __str__(self) -> str:
        return (
            f"pipeline {self.pipeline:.1f} examples/s, network {self.network:.2f} examples/s: "
            f"{self.ratio:.1f} times what the network takes (needed: {NEEDED:g})"
        )


def measure(batches: Batches, model: keras.Model, seconds: float, warm_up: int) -> Throughput:
    """Measures one after the other, so that neither takes the other's cores.

    Args:
        batches: the pipeline.
        model: compiled.
        seconds: of each measurement; at least two batches are taken.
        warm_up: batches before the pipeline's clock starts, for what it keeps in memory.
    """
    iterator = iter(batches(0, ALL))
    for _ in range(warm_up):
        next(iterator)
    first = next(iterator)
    pipeline = _rate(lambda: next(iterator), _examples(first), seconds)
    step = _training_step(model, first)
    return Throughput(pipeline, _rate(step, _examples(first), seconds))


def step_seconds(
    batches: Batches, models: Mapping[str, keras.Model], rounds: int = 15
) -> dict[str, float]:
    """Medians of the time of a training step, on one batch.

    The models take turns, so that other work on the machine meets them alike.

    Args:
        batches: the pipeline.
        models: compiled.
        rounds: steps of each.
    """
    batch = next(iter(batches(0, ALL)))
    steps = {name: _training_step(model, batch) for name, model in models.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            _wait(step())
            times[name].append(time.perf_counter() - start)
    return {name: float(np.median(taken)) for name, taken in times.items()}


def _training_step(model: keras.Model, batch: Any) -> Any:
    """The step, traced."""
    build(model, tf.distribute.get_strategy(), batch)
    step = tf.function(model.train_step)
    _wait(step(batch))
    return lambda: step(batch)


def _wait(result: Any) -> None:
    # A number comes back: nothing is left to be computed.
    float(tf.reshape(tf.nest.flatten(result)[0], [-1])[0])


def _examples(batch: Any) -> int:
    return int(tf.nest.flatten(batch)[0].shape[0])


def _rate(call: Any, examples: int, seconds: float) -> float:
    start, count = time.perf_counter(), 0
    while count < 2 or time.perf_counter() - start < seconds:
        _wait(call())
        count += 1
    return count * examples / (time.perf_counter() - start)
