"""Augmentation for small films: simulated straight motion, shuffled colours, negatives.

Not part of the paper's recipe, which takes crops as they are.
"""

import dataclasses
import math

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How often each change is made.

    Args:
        motion: share of the crops whose blurred picture is replaced by the sharp one moved
            along a straight line, in 0..1.
        colours: share of the crops with shuffled colour channels, in 0..1.
        negatives: share of the crops turned into negatives, in 0..1.
        longest: longest simulated motion, pixels.
    """

    motion: float = 0.0
    colours: float = 0.0
    negatives: float = 0.0
    longest: float = 13.0

    @property
    def margin(self) -> int:
        """Pixels on each side of the crop that the simulated motion looks at."""
        return math.ceil(self.longest / 2) + 1 if self.motion > 0 else 0

    def __call__(
        self, blur: tf.Tensor, sharp: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Changes one pair of crops.

        Args:
            blur, sharp: [C + 2 margin, C + 2 margin, 3] float32 in 0..1.
            seed: [2] int64.

        Returns:
            The pair, [C, C, 3] float32 each: the margin is cut off.
        """
        seeds = tf.unstack(tf.random.split(seed, 6))
        chance = tf.random.stateless_uniform([3], seeds[0])
        m = self.margin
        if m:
            moved = tf.cond(chance[0] < self.motion, lambda: self._move(sharp, seeds), lambda: blur)
            blur, sharp = moved[m:-m, m:-m], sharp[m:-m, m:-m]
        pair = tf.stack([blur, sharp])
        order = tf.random.experimental.stateless_shuffle(tf.range(3), seeds[1])
        pair = tf.where(chance[1] < self.colours, tf.gather(pair, order, axis=-1), pair)
        pair = tf.where(chance[2] < self.negatives, 1.0 - pair, pair)
        return pair[0], pair[1]

    def _move(self, sharp: tf.Tensor, seeds: list[tf.Tensor]) -> tf.Tensor:
        """The sharp crop averaged along a segment, rounded to 8 bits as a film would be."""
        angle = tf.random.stateless_uniform([], seeds[2], maxval=math.pi)
        length = tf.random.stateless_uniform([], seeds[3], minval=2.0, maxval=self.longest)
        kernel = segment_kernel(length, angle, self.margin)
        kernel = tf.tile(kernel[:, :, tf.newaxis, tf.newaxis], [1, 1, 3, 1])
        moved = tf.nn.depthwise_conv2d(sharp[tf.newaxis], kernel, [1, 1, 1, 1], "SAME")[0]
        return tf.round(moved * 255.0) / 255.0


def segment_kernel(length: tf.Tensor, angle: tf.Tensor, radius: int) -> tf.Tensor:
    """Spreads a segment through the centre over the pixels, bilinearly; the sum is 1.

    Args:
        length: scalar float32, pixels.
        angle: scalar float32, radians from the horizontal.
        radius: half the kernel's side, pixels.

    Returns:
        [2 radius + 1, 2 radius + 1] float32.
    """
    along = tf.linspace(-0.5, 0.5, 4 * radius + 1) * length
    pixels = tf.range(-radius, radius + 1, dtype=tf.float32)
    rows = tf.nn.relu(1.0 - tf.abs(along[:, tf.newaxis] * tf.sin(angle) - pixels))
    columns = tf.nn.relu(1.0 - tf.abs(along[:, tf.newaxis] * tf.cos(angle) - pixels))
    kernel = tf.matmul(rows, columns, transpose_a=True)
    return kernel / tf.reduce_sum(kernel)
