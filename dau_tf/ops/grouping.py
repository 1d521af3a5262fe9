"""Groups of channels, by an op that has none: a call for each run of groups.

    y[.., g F/G + f] = conv(x[.., g S/G : (g+1) S/G], weight[:, :, g F/G + f])

Narrow groups share a call, with zero weights between them. A call for every channel of a depthwise
layer runs on vectors that are almost empty: 64 channels of 8 x 32 x 32, K = 2, took 24 ms forward
and backward on two cores in 64 calls, 7 ms in calls of 16 channels and 5 ms in one, which at 256
channels is no longer the fastest (88, 24 and 27 ms). The cost is that of 16 channels a group.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

CHANNELS_A_CALL = 16


def grouped(
    conv: Callable[..., tf.Tensor],
    inputs: tf.Tensor,
    parameters: Sequence[tf.Tensor],
    fills: Sequence[float],
    groups: int,
    channel_axis: int,
) -> tf.Tensor:
    """Computes a convolution with groups by calls of one without.

    Args:
        conv: From images and parameters to images; every filter sees all input channels.
        inputs: Images with S channels on `channel_axis`.
        parameters: Tensors of static shape (..., S / groups, F).
        fills: For each of them the value between groups that share a call. With the fill of the
            weight, 0, the images must not matter; what reaches no output gets no gradient, so that
            a NaN in one channel leaves the gradients of other groups' parameters alone.
        groups: Number of groups G; S and F are multiples.
        channel_axis: 1 or 3.

    Returns:
        Images with F channels on `channel_axis`.
    """
    if groups == 1:
        return conv(inputs, *parameters)
    in_channels, filters = parameters[0].shape[-2], parameters[0].shape[-1] // groups
    together = min(groups, max(1, CHANNELS_A_CALL // in_channels))
    runs = [min(together, groups - first) for first in range(0, groups, together)]
    images = tf.split(inputs, [n * in_channels for n in runs], axis=channel_axis)
    of_filters = [tf.split(p, [n * filters for n in runs], axis=-1) for p in parameters]
    outputs = []
    for run, image, *mine in zip(runs, images, *of_filters, strict=True):
        blocks = [_block_diagonal(p, run, fill) for p, fill in zip(mine, fills, strict=True)]
        outputs.append(conv(image, *blocks))
    return tf.concat(outputs, axis=channel_axis)


def _block_diagonal(parameter: tf.Tensor, groups: int, fill: float) -> tf.Tensor:
    """(..., S / G, F) -> (..., S, F): each filter's parameters at its own group's channels."""
    if groups == 1:
        return parameter
    in_channels, filters = parameter.shape[-2:]
    own = np.kron(np.eye(groups), np.ones((in_channels, filters // groups))).astype(bool)
    repeats = [1] * (parameter.shape.rank - 2) + [groups, 1]
    return tf.where(own, tf.tile(parameter, repeats), tf.constant(fill, parameter.dtype))
