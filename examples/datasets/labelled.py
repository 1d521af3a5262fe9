"""Images of one size with one label each, in memory, and endless batches of them.

Every batch is a function of (seed, number of the batch) alone: a pipeline can start at any of them,
so that a training that was killed continues with the data it would have seen.
"""

import dataclasses

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Labelled:
    """Images of one size.

    Args:
        images: [n, H, W, C] uint8.
        labels: [n] int64, 0 ... classes - 1.
        classes: number of classes.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: int

    def first(self, count: int | None) -> "Labelled":
        """The first `count`, or all."""
        return dataclasses.replace(self, images=self.images[:count], labels=self.labels[:count])


def training_batches(
    data: Labelled, batch: int, seed: int, first_batch: int = 0, pad: int = 4, mirror: bool = True
) -> tf.data.Dataset:
    """An endless pipeline; each pass over the images has an order of its own.

    Args:
        data: the images.
        batch: images in a batch, >= 1.
        seed: any integer.
        first_batch: number of the batch to start with.
        pad: pixels of black around an image before one of its size is cut out of it anywhere.
        mirror: turn half of the images around, left to right.

    Returns:
        Batches (images [batch, H, W, C] float32 in -1..1, labels [batch] int64).
    """
    images, labels = tf.constant(data.images), tf.constant(data.labels)
    count = len(data.labels)
    height, width, channels = data.images.shape[1:]

    def make(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        examples = number * batch + tf.range(batch, dtype=tf.int64)
        # Three numbers a seed; tf.random.experimental.index_shuffle takes but one seed at a time.
        passes = examples // count
        seeds = tf.stack([tf.fill([batch], tf.constant(seed, tf.int64)), passes, 0 * passes], 1)
        chosen = tf.raw_ops.RandomIndexShuffle(
            index=examples % count, seed=seeds, max_index=tf.constant(count - 1, tf.int64), rounds=4
        )
        x = tf.gather(images, chosen)
        step_seeds = tf.random.split(tf.stack([tf.constant(seed, tf.int64), number]), 2)
        if pad:
            x = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
            corners = tf.random.stateless_uniform(
                [batch, 2], step_seeds[0], 0, 2 * pad + 1, tf.int32
            )
            rows = corners[:, :1] + tf.range(height)
            cols = corners[:, 1:] + tf.range(width)
            x = tf.gather(tf.gather(x, rows, batch_dims=1), cols, axis=2, batch_dims=1)
        if mirror:
            turned = tf.random.stateless_uniform([batch, 1, 1, 1], step_seeds[1]) < 0.5
            x = tf.where(turned, x[:, :, ::-1], x)
        return to_float(tf.ensure_shape(x, [batch, height, width, channels])), tf.gather(
            labels, chosen
        )

    numbers = tf.data.Dataset.range(first_batch, np.iinfo(np.int64).max // batch)
    return numbers.map(make, num_parallel_calls=2, deterministic=True).prefetch(2)


def evaluation_batches(data: Labelled, batch: int) -> tf.data.Dataset:
    """All images once, in their order; as `training_batches`, the last batch may be smaller."""
    pairs = tf.data.Dataset.from_tensor_slices((data.images, data.labels)).batch(batch)
    return pairs.map(lambda x, y: (to_float(x), y))


def to_float(images: tf.Tensor) -> tf.Tensor:
    """uint8 -> float32 in -1..1."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0
