"""The tensors of a DAU convolution: one dtype, and static shapes that belong together."""

import numbers
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dau_tf.ops import arguments

_HALF_DTYPES = (tf.float16, tf.bfloat16)
_SUPPORTED_DTYPES = (*_HALF_DTYPES, tf.float32, tf.float64)


def to_tensors(**named: Any) -> list[tf.Tensor]:
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


def sigma_of_any_shape(sigma: Any, dtype: tf.DType, units: tf.TensorShape) -> tf.Tensor:
    """Returns `sigma` in `dtype`, a scalar or of the shape of `units`, (K, S / groups, F)."""
    if isinstance(sigma, numbers.Real):
        sigma = arguments.sigma(sigma)
    # tf.cast would take a Python float through float32.
    is_tensor = tf.is_tensor(sigma)
    tensor = tf.cast(sigma, dtype) if is_tensor else tf.convert_to_tensor(sigma, dtype)
    rank = tensor.shape.rank
    if rank not in (None, 0, 3) or (rank == 3 and not units.is_compatible_with(tensor.shape)):
        raise ValueError(
            f"`sigma` must be a scalar, or have shape {units}, which is (K, S / groups, F) of "
            f"`weight`. Received: sigma of shape {tensor.shape}"
        )
    return tensor


def check_static_shapes(
    x: tf.TensorShape, w: tf.TensorShape, mu: tf.TensorShape, data_format: str, groups: int
) -> None:
    """Raises ValueError where static shapes have a wrong rank or do not belong together."""
    layout = "(N, H, W, S)" if data_format == "channels_last" else "(N, S, H, W)"
    _check_rank("inputs", x, 4, f"{layout} for data_format={data_format!r}")
    _check_rank("weight", w, 3, "(K, S / groups, F)")
    _check_rank("displacement", mu, 4, "(2, K, S / groups, F)")
    if x.rank is not None and w.rank is not None:
        channels = x[-1] if data_format == "channels_last" else x[1]
        if None not in (channels, w[1]) and channels != w[1] * groups:
            raise ValueError(
                f"`weight` must have shape (K, S / groups, F) with S={channels}, the channels of "
                f"`inputs` of shape {x} for data_format={data_format!r}, and groups={groups}. "
                f"Received: weight of shape {w}"
            )
    if w.rank is not None and not mu.is_compatible_with([2, *w]):
        raise ValueError(
            f"`displacement` must have shape {tf.TensorShape([2, *w])}, which is (2, K, "
            f"S / groups, F) of `weight`. Received: displacement of shape {mu}"
        )
    if groups > 1:
        if w.rank is None or None in w[1:] or not mu[1:].is_fully_defined():
            raise ValueError(
                "With groups > 1 the shapes of `weight` and `displacement` must be known when the "
                f"graph is built. Received: groups={groups}, weight of shape {w}, displacement of "
                f"shape {mu}"
            )
        arguments.multiple_of_groups("the filters F of `weight`", w[2], groups)


def _check_rank(name: str, shape: tf.TensorShape, rank: int, layout: str) -> None:
    if shape.rank not in (None, rank):
        raise ValueError(
            f"`{name}` must have rank {rank}, {layout}. Received: {name} of shape {shape}"
        )
