"""The functional DAU convolution.

    y[n,h,w,f] = sum_s sum_k weight[k,s,f] * B(g * x[n,.,.,s];
                                               h stride_h + mu_v[k,s,f], w stride_w + mu_h[k,s,f])

g is the discrete Gaussian of sigma, B bilinear interpolation (Eq. 11-14 of the paper).
"""

from typing import Any

import tensorflow as tf

from dau_tf.ops import arguments, grouping, loader, tensors
from dau_tf.ops.dense import dau_conv2d_dense
from dau_tf.ops.native import SigmaOps

_OP_DATA_FORMAT = {"channels_last": "NHWC", "channels_first": "NCHW"}
_UNLIMITED = -1.0
_FROM_SIGMA = -1


def dau_conv2d(
    inputs: Any,
    weight: Any,
    displacement: Any,
    sigma: Any = 0.5,
    *,
    strides: int | tuple[int, int] = 1,
    padding: str = "same",
    data_format: str = "channels_last",
    groups: int = 1,
    max_displacement: float | None = None,
    margin: int | None = None,
    max_sigma: float | None = None,
    displacement_gradient: str = "gaussian",
) -> tf.Tensor:
    """Convolves images with displaced aggregation units (Eq. 11-14 of the paper).

        y[n,h,w,f] = sum_s sum_k weight[k,s,f] * B(g * x[n,.,.,s]; h + mu_v[k,s,f], w + mu_h[k,s,f])

    It is exactly `tf.nn.conv2d` with zero padding and the kernel sum_k weight * (g shifted
    bilinearly by mu), borders included. A unit at (0, +1) looks one pixel to the right.

    A NaN or infinity in an image may reach any output of that image, and none of another; in a
    weight, any output of its filter, and none of another (docs/extreme_values.md).

    Args:
        inputs: Images, shape (N, H, W, S), or (N, S, H, W) for `channels_first`; float16, bfloat16
            (both computed in float32), float32 or float64. Arrays and lists that are not tensors
            take the dtype of the first argument that is one.
        weight: Amplification of the units w, shape (K, S / groups, F), dtype of `inputs`.
        displacement: Displacement of the units mu in pixels, shape (2, K, S / groups, F), dtype of
            `inputs`; with 16-bit inputs float32 as well, which keeps the positions exact. [0] is
            vertical, down positive; [1] is horizontal, right positive. Any finite value is legal;
            beyond the image it contributes zeros.
        sigma: Aggregation perimeter in pixels, > 0; cast to the dtype of `inputs`, or float32 where
            that is of 16 bits. A scalar, to which a gradient flows where `max_sigma` is given; or
            of shape (K, S / groups, F), one a unit (Eq. 2-4), with its gradient: then each unit is
            a Gaussian around mu.
        strides: Step between outputs in pixels, an int or (vertical, horizontal).
        padding: "same" (zeros outside) or "valid", which drops
            m = ceil(max_displacement) + ceil(3 sigma) rows and columns on each side.
        data_format: "channels_last" or "channels_first".
        groups: Number of groups, which S and F must be multiples of: filters f of the g-th F /
            groups see the g-th S / groups channels, as in `Conv2D`; groups = S is a depthwise
            layer. Groups of less than 16 channels share calls of the op, up to 16 channels each,
            so that a depthwise layer costs what one with 16 channels a group does; a channel that
            is not finite then reaches the outputs of all groups in its call.
        max_displacement: In pixels; fixes the margin of "valid" and is not used otherwise: the
            displacements are not clipped here. None is unlimited.
        margin: m of "valid" where it is to be known before `sigma` has a value, as XLA
            (`jit_compile=True`) needs where sigma is a variable; a sigma with another m is refused.
            None takes m from sigma.
        max_sigma: In pixels; needed for a sigma per unit, and for a scalar that is to be learned:
            its largest value, which fixes how far units reach, so that the derivative by sigma is
            exact, and stands in the margin of "valid" for sigma. Larger sigmas are refused. Where
            TensorFlow finds a GPU, whose kernels know a fixed sigma only, it is computed by dense
            kernels (`dau_tf.ops.dense`), slowly.
        displacement_gradient: "gaussian" for the smoothed derivative of the paper (Eq. 16), which
            is not the derivative of the forward; "exact" for that derivative, right-hand at
            integers. Both can be differentiated again, in inputs, weight and displacement:
            "gaussian" applies Eq. 16 to every derivative by a displacement. With a sigma per unit
            the derivative is exact in either case. With `max_sigma` second derivatives of w, mu and
            sigma take dense kernels, slowly, and those of "gaussian" are not the smoothed ones.

    Returns:
        Shape (N, ceil(H / stride_h), ceil(W / stride_w), F) for "same", with H - 2 m and W - 2 m in
        place of H and W for "valid", or with F in second place; dtype of `inputs`.

    Raises:
        ValueError: An argument has a value or a static shape that is not allowed.
        TypeError: A dtype that is not supported, or dtypes that differ.
        tf.errors.InvalidArgumentError: The same found when the op runs, or a displacement that is
            not finite.
        FileNotFoundError: The op library is not built.

    Example:
        >>> import tensorflow as tf
        >>> import dau_tf
        >>> images = tf.random.normal([1, 32, 32, 3])
        >>> weight = tf.random.normal([2, 3, 8])
        >>> displacement = tf.random.uniform([2, 2, 3, 8], -1.5, 1.5)
        >>> dau_tf.dau_conv2d(images, weight, displacement, sigma=0.5, strides=2).shape
        TensorShape([1, 16, 16, 8])
    """
    stride_pair = arguments.strides(strides)
    padding = arguments.padding(padding)
    data_format = arguments.data_format(data_format)
    groups = arguments.positive_int("groups", groups)
    limit = arguments.max_displacement(max_displacement, padding)
    displacement_gradient = arguments.displacement_gradient(displacement_gradient)

    x, w, mu = tensors.to_tensors(inputs=inputs, weight=weight, displacement=displacement)
    tensors.check_static_shapes(x.shape, w.shape, mu.shape, data_format, groups)
    sigma = tensors.sigma_of_any_shape(sigma, mu.dtype, w.shape)
    channel_axis = 3 if data_format == "channels_last" else 1
    if max_sigma is not None:
        max_sigma = arguments.finite_number("max_sigma", max_sigma, "pixels", positive=True)
        if loader.finds_gpu():
            return dau_conv2d_dense(
                x,
                w,
                mu,
                sigma,
                max_sigma=max_sigma,
                strides=stride_pair,
                padding=padding,
                data_format=data_format,
                groups=groups,
                max_displacement=limit,
                displacement_gradient=displacement_gradient,
            )
        ops = SigmaOps(
            {
                "max_sigma": max_sigma,
                "strides": list(stride_pair),
                "padding": padding.upper(),
                "data_format": _OP_DATA_FORMAT[data_format],
                "max_displacement": _UNLIMITED if limit is None else limit,
                "displacement_gradient": displacement_gradient,
            }
        )
        if sigma.shape.rank == 3:
            parameters, fills = (w, mu, sigma), (0.0, 0.0, max_sigma)
            return grouping.grouped(ops.forward, x, parameters, fills, groups, channel_axis)
        return grouping.grouped(
            lambda x, w, mu: ops.forward(x, w, mu, sigma),
            x,
            (w, mu),
            (0.0, 0.0),
            groups,
            channel_axis,
        )
    if sigma.shape.rank == 3:
        raise ValueError(
            "A `sigma` per unit needs `max_sigma`, which fixes how far the units reach. "
            f"Expected a number in pixels. Received: max_sigma={max_sigma!r}"
        )

    def conv(x: tf.Tensor, w: tf.Tensor, mu: tf.Tensor) -> tf.Tensor:
        return loader.load_library().dau_conv2d(
            input=x,
            weight=w,
            displacement=mu,
            sigma=sigma,
            strides=list(stride_pair),
            padding=padding.upper(),
            data_format=_OP_DATA_FORMAT[data_format],
            max_displacement=_UNLIMITED if limit is None else limit,
            margin=_FROM_SIGMA if margin is None else margin,
            displacement_gradient=displacement_gradient,
        )

    return grouping.grouped(conv, x, (w, mu), (0.0, 0.0), groups, channel_axis)
