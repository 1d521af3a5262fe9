"""Images convolved with the discrete Gaussian's derivatives (Eq. 16 and the next order).

(D * x)(p) = sum_i D(i) x(p + i),    D(i, j) = d_m(i) d_n(j),    |i|, |j| <= r
d_0(i) = g(i),   d_1(i) = i / sigma^2 g(i),   d_2(i) = (i^2 / sigma^4 - 1 / sigma^2) g(i)
"""

from collections.abc import Sequence

import tensorflow as tf

from dau_tf.ops import geometry


def support_radius(sigma: tf.Tensor) -> tf.Tensor:
    """Returns `geometry.support_radius` of a sigma that only the graph knows, int32."""
    radius = tf.math.ceil(3.0 * tf.cast(sigma, tf.float64) - geometry.RADIUS_SLACK)
    return tf.maximum(1, tf.cast(radius, tf.int32))


def derivative_images(
    x: tf.Tensor, sigma: tf.Tensor, orders: Sequence[tuple[int, int]], channels_last: bool
) -> tf.Tensor:
    """Convolves every channel with derivatives of the Gaussian, on the whole plane.

    Args:
        x: [N, H, W, S], or [N, S, H, W].
        sigma: Scalar, px.
        orders: O pairs, vertical and horizontal, each of 0, 1, 2.
        channels_last: Where the channels of x stand.

    Returns:
        [N, H + 2 r, W + 2 r, O S], or [N, O S, H + 2 r, W + 2 r], the channels of the first order
        first. r pixels are added on each side, as far as the derivatives reach.
    """
    planes = tf.transpose(x, [0, 3, 1, 2]) if channels_last else x
    size = tf.shape(planes)
    radius = support_radius(sigma)
    around = [2 * radius, 2 * radius]
    planes = tf.reshape(planes, [size[0] * size[1], size[2], size[3], 1])
    planes = tf.pad(planes, [[0, 0], around, around, [0, 0]])
    taps = _taps(tf.cast(sigma, x.dtype), radius)
    kernel = tf.stack([taps[m][:, None] * taps[n][None, :] for m, n in orders], -1)
    result = tf.nn.conv2d(planes, kernel[:, :, None, :], 1, "VALID")
    rows, columns = size[2] + 2 * radius, size[3] + 2 * radius
    result = tf.reshape(result, [size[0], size[1], rows, columns, len(orders)])
    channels = None if x.shape.rank is None else x.shape[3 if channels_last else 1]
    channels = size[1] * len(orders) if channels is None else channels * len(orders)
    if channels_last:
        result = tf.transpose(result, [0, 2, 3, 4, 1])
        return tf.reshape(result, [size[0], rows, columns, channels])
    result = tf.transpose(result, [0, 4, 1, 2, 3])
    return tf.reshape(result, [size[0], channels, rows, columns])


def _taps(sigma: tf.Tensor, radius: tf.Tensor) -> list[tf.Tensor]:
    """d_0, d_1, d_2 of one axis."""
    i = tf.cast(tf.range(-radius, radius + 1), sigma.dtype)
    g = tf.exp(-tf.square(i) / (2 * tf.square(sigma)))
    g /= tf.reduce_sum(g)
    slope = i / tf.square(sigma)
    return [g, slope * g, (tf.square(slope) - 1 / tf.square(sigma)) * g]
