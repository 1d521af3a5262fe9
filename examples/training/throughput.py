"""How many examples a pipeline makes and a network takes a second, on this machine."""

import dataclasses
import time
from typing import Any

import keras
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
    build(model, tf.distribute.get_strategy(), first)
    step = tf.function(model.train_step)
    # The first call traces.
    step(first)
    return Throughput(pipeline, _rate(lambda: step(first), _examples(first), seconds))


def _examples(batch: Any) -> int:
    return int(tf.nest.flatten(batch)[0].shape[0])


def _rate(call: Any, examples: int, seconds: float) -> float:
    start, count = time.perf_counter(), 0
    while count < 2 or time.perf_counter() - start < seconds:
        # A number comes back: nothing is left to be computed.
        float(tf.reshape(tf.nest.flatten(call())[0], [-1])[0])
        count += 1
    return count * examples / (time.perf_counter() - start)
