"""Which example comes when, as a function of (seed, number) alone, and who of several workers.

A pipeline made of this can start at any example, so that a training that was killed continues with
the data it would have seen, and several workers see together what one would see.
"""

import dataclasses

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Shard:
    """The part of each joint batch that one of several workers takes.

    Args:
        index: which, 0 ... count - 1.
        count: of how many; the joint batch must be a multiple of it.

    Raises:
        ValueError: `index` is not within `count`.
    """

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise ValueError(
                f"`index` must be in 0 ... count - 1. Received: index={self.index}, "
                f"count={self.count}"
            )

    def of(self, batch: int) -> int:
        """Examples of a joint batch that are the shard's.

        Raises:
            ValueError: the joint batch cannot be shared equally.
        """
        if batch % self.count:
            raise ValueError(
                f"`batch` must be a multiple of the number of workers, {self.count}. "
                f"Received: batch={batch}"
            )
        return batch // self.count


ALL = Shard()
"""Of one worker."""


def numbers(first: int, batch: int, shard: Shard) -> tf.data.Dataset:
    """The endless numbers of a shard's examples, scalars int64, joint batch after joint batch.

    Args:
        first: number of the first joint batch's first example.
        batch: examples in a joint batch.
        shard: whose; its part of a joint batch is consecutive.
    """
    own, end = shard.of(batch), np.iinfo(np.int64).max
    if shard.count == 1:
        return tf.data.Dataset.range(first, end)
    offset = first + shard.index * own
    return tf.data.Dataset.range(end // batch).map(lambda i: offset + (i // own) * batch + i % own)


def place(number: tf.Tensor, count: int, seed: int) -> tf.Tensor:
    """Which of `count` things example `number` takes; each pass has an order of its own.

    Args:
        number: scalar int64.
        count: of things, >= 1.
        seed: any integer.

    Returns:
        Scalar int64, 0 ... count - 1.
    """
    order_seed = tf.stack([tf.constant(seed, tf.int64), number // count])
    return tf.random.experimental.index_shuffle(number % count, order_seed, count - 1)


def seeds(number: tf.Tensor, seed: int, count: int) -> list[tf.Tensor]:
    """`count` seeds ([2] int64) for `tf.random.stateless_*` that belong to example `number`."""
    return tf.unstack(tf.random.split(tf.stack([tf.constant(seed, tf.int64), number]), count))
