"""The functional DAU convolution.

    y[n,h,w,f] = sum_s sum_k weight[k,s,f] * B(g * x[n,.,.,s];
                                               h stride_h + mu_v[k,s,f], w stride_w + mu_h[k,s,f])

g is the discrete Gaussian of sigma, B bilinear interpolation (Eq. 11-14 of the paper).
"""

import numbers
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dau_tf.ops import arguments, loader

_OP_DATA_FORMAT = {"channels_last": "NHWC", "channels_first": "NCHW"}
_HALF_DTYPES = (tf.float16, tf.bfloat16)
_SUPPORTED_DTYPES = (*_HALF_DTYPES, tf.float32, tf.float64)
_UNLIMITED = -1.0


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
        weight: Amplification of the units w, shape (K, S, F), dtype of `inputs`.
        displacement: Displacement of the units mu in pixels, shape (2, K, S, F), dtype of `inputs`;
            with 16-bit inputs float32 as well, which keeps the positions exact. [0] is vertical,
            down positive; [1] is horizontal, right positive. Any finite value is legal; beyond the
            image it contributes zeros.
        sigma: Aggregation perimeter in pixels, a scalar > 0; cast to the dtype of `inputs`, or
            float32 where that is of 16 bits. No gradient flows to it.
        strides: Step between outputs in pixels, an int or (vertical, horizontal).
        padding: "same" (zeros outside) or "valid", which drops
            m = ceil(max_displacement) + ceil(3 sigma) rows and columns on each side.
        data_format: "channels_last" or "channels_first".
        groups: Only 1 for now.
        max_displacement: In pixels; fixes the margin of "valid" and is not used otherwise: the
            displacements are not clipped here. None is unlimited.
        displacement_gradient: "gaussian" for the smoothed derivative of the paper (Eq. 16), which
            is not the derivative of the forward; "exact" for that derivative, right-hand at
            integers.

    Returns:
        Shape (N, ceil(H / stride_h), ceil(W / stride_w), F) for "same", with H - 2 m and W - 2 m in
        place of H and W for "valid", or with F in second place; dtype of `inputs`.

    Raises:
        ValueError: An argument has a value or a static shape that is not allowed.
        TypeError: A dtype that is not supported, or dtypes that differ.
        NotImplementedError: `groups` > 1, or a sigma per unit.
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
    arguments.groups(groups)
    limit = arguments.max_displacement(max_displacement, padding)
    displacement_gradient = arguments.displacement_gradient(displacement_gradient)

    x, w, mu = _to_tensors(inputs=inputs, weight=weight, displacement=displacement)
    _check_static_shapes(x.shape, w.shape, mu.shape, data_format)
    return loader.load_library().dau_conv2d(
        input=x,
        weight=w,
        displacement=mu,
        sigma=_sigma_tensor(sigma, mu.dtype),
        strides=list(stride_pair),
        padding=padding.upper(),
        data_format=_OP_DATA_FORMAT[data_format],
        max_displacement=_UNLIMITED if limit is None else limit,
        displacement_gradient=displacement_gradient,
    )


def _to_tensors(**named: Any) -> list[tf.Tensor]:
    """Converts to one dtype: that of the tensors among the values, else of the arrays.

    `displacement` becomes float32 where that dtype is of 16 bits.
    """
    for name, value in named.items():
        if isinstance(value, keras.KerasTensor):
            raise TypeError(
                f"`{name}` is a symbolic KerasTensor, which `dau_conv2d` cannot compute with. "
                "Use the layer `dau_tf.DAUConv2D` in a functional model. "
                f"Received: {name}={value!r}"
            )
    dtypes = {
        name: tf.as_dtype(value.dtype) for name, value in named.items() if tf.is_tensor(value)
    }
    first_name, first_dtype = next(iter(dtypes.items()), ("inputs", tf.float32))
    for name, dtype in dtypes.items():
        precise = name == "displacement" and first_dtype in _HALF_DTYPES and dtype == tf.float32
        if dtype != first_dtype and not precise:
            raise TypeError(
                f"`{name}` must have the dtype of `{first_name}`, {first_dtype.name}. "
                f"Received: {name} of dtype {dtype.name}"
            )
    if not dtypes:
        dtypes = {
            name: tf.as_dtype(value.dtype)
            for name, value in named.items()
            if isinstance(value, np.ndarray)
        }
    name, dtype = next(iter(dtypes.items()), ("inputs", tf.float32))
    if dtype not in _SUPPORTED_DTYPES:
        raise TypeError(
            f"`{name}` must be float16, bfloat16, float32 or float64. "
            f"Received: {name} of dtype {dtype.name}"
        )
    precise_dtype = tf.float32 if dtype in _HALF_DTYPES else dtype
    displacement = named.pop("displacement")
    return [
        *(tf.convert_to_tensor(value, dtype=dtype) for value in named.values()),
        tf.cast(displacement, precise_dtype)
        if tf.is_tensor(displacement)
        else tf.convert_to_tensor(displacement, dtype=precise_dtype),
    ]


def _sigma_tensor(sigma: Any, dtype: tf.DType) -> tf.Tensor:
    if isinstance(sigma, numbers.Real):
        sigma = arguments.sigma(sigma)
    # tf.cast would take a Python float through float32.
    is_tensor = tf.is_tensor(sigma)
    tensor = tf.cast(sigma, dtype) if is_tensor else tf.convert_to_tensor(sigma, dtype)
    if tensor.shape.rank not in (None, 0):
        if tensor.shape.rank == 3:
            raise NotImplementedError(
                "A `sigma` per unit, of shape (K, S, F), is not supported yet. Expected a scalar. "
                f"Received: sigma of shape {tensor.shape}"
            )
        raise ValueError(f"`sigma` must be a scalar. Received: sigma of shape {tensor.shape}")
    return tensor


def _check_static_shapes(
    x: tf.TensorShape, w: tf.TensorShape, mu: tf.TensorShape, data_format: str
) -> None:
    layout = "(N, H, W, S)" if data_format == "channels_last" else "(N, S, H, W)"
    _check_rank("inputs", x, 4, f"{layout} for data_format={data_format!r}")
    _check_rank("weight", w, 3, "(K, S, F)")
    _check_rank("displacement", mu, 4, "(2, K, S, F)")
    if x.rank is not None and w.rank is not None:
        channels = x[-1] if data_format == "channels_last" else x[1]
        if None not in (channels, w[1]) and channels != w[1]:
            raise ValueError(
                f"`weight` must have shape (K, S, F) with S={channels}, the channels of `inputs` "
                f"of shape {x} for data_format={data_format!r}. Received: weight of shape {w}"
            )
    if w.rank is not None and not mu.is_compatible_with([2, *w]):
        raise ValueError(
            f"`displacement` must have shape {tf.TensorShape([2, *w])}, which is (2, K, S, F) of "
            f"`weight`. Received: displacement of shape {mu}"
        )


def _check_rank(name: str, shape: tf.TensorShape, rank: int, layout: str) -> None:
    if shape.rank not in (None, rank):
        raise ValueError(
            f"`{name}` must have rank {rank}, {layout}. Received: {name} of shape {shape}"
        )
