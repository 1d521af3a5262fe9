"""Gradients of `Dau>SigmaConv2D` and of its gradients: which kernel belongs to which input.

As in `dau_conv_grad.py`, with sigma as one more parameter: L(x, w, mu, sigma, dy) = sum(dy y) is
linear in each of x, w and dy, so that the derivatives of the input's gradient are L's own. Those of
the parameters' gradients are taken of the dense route (`dense.py`), which TensorFlow derives.
"""

from typing import Any

import tensorflow as tf

from dau_tf.ops import dense
from dau_tf.ops.native import SigmaOps

Gradients = list[tf.Tensor | None]
_PARAMETERS = {1, 2, 3}


@tf.RegisterGradient("Dau>SigmaConv2D")
def _sigma_conv2d_grad(op: Any, dy: tf.Tensor) -> Gradients:
    x, w, mu, sigma = op.inputs
    ops, unused = SigmaOps.of(op), _unused(op)
    dx = None if 0 in unused else ops.input_gradient(x, w, mu, sigma, dy)
    return [dx, *_of_parameters(ops, unused, x, w, mu, sigma, dy)]


@tf.RegisterGradient("Dau>SigmaConv2DBackpropInput")
def _backprop_input_grad(op: Any, v: tf.Tensor) -> Gradients:
    _, w, mu, sigma, dy = op.inputs
    ops, unused = SigmaOps.of(op), _unused(op)
    ddy = None if 4 in unused else ops.forward(v, w, mu, sigma)
    return [None, *_of_parameters(ops, unused, v, w, mu, sigma, dy), ddy]


@tf.RegisterGradient("Dau>SigmaConv2DBackpropParams")
def _backprop_params_grad(op: Any, *along: tf.Tensor) -> Gradients:
    x, w, mu, sigma, dy = op.inputs
    ops = SigmaOps.of(op)
    # A tape gives zeros for an output that nobody uses, and a graph cannot tell.
    if tf.executing_eagerly() and not any(bool(tf.reduce_any(a != 0)) for a in along[1:]):
        dx = ops.input_gradient(x, along[0], mu, sigma, dy)
        _, dmu, dsigma = ops.parameter_gradients(x, along[0], mu, sigma, dy)
        return [dx, tf.zeros_like(w), dmu, dsigma, ops.forward(x, along[0], mu, sigma)]
    with tf.GradientTape() as outer:
        outer.watch(op.inputs)
        with tf.GradientTape() as inner:
            inner.watch([w, mu, sigma])
            loss = tf.reduce_sum(_dense(ops, x, w, mu, sigma) * dy)
        gradients = inner.gradient(loss, [w, mu, sigma])
        value = tf.add_n(
            [
                tf.reduce_sum(tf.cast(g, mu.dtype) * tf.cast(a, mu.dtype))
                for g, a in zip(gradients, along, strict=True)
            ]
        )
    return outer.gradient(value, list(op.inputs), unconnected_gradients="zero")


def _of_parameters(ops: SigmaOps, unused: set[int], *arguments: tf.Tensor) -> Gradients:
    return [None] * 3 if unused >= _PARAMETERS else list(ops.parameter_gradients(*arguments))


def _dense(ops: SigmaOps, *arguments: tf.Tensor) -> tf.Tensor:
    def text(name: str) -> str:
        value = ops.attributes[name]
        return value.decode() if isinstance(value, bytes) else value

    limit = ops.attributes["max_displacement"]
    return dense.dau_conv2d_dense(
        *arguments,
        max_sigma=ops.attributes["max_sigma"],
        strides=tuple(ops.attributes["strides"]),
        padding=text("padding"),
        data_format="channels_last" if text("data_format") == "NHWC" else "channels_first",
        max_displacement=None if limit < 0 else limit,
        displacement_gradient=text("displacement_gradient"),
    )


def _unused(op: Any) -> set[int]:
    """The inputs that an eager tape asks no gradient of; a graph prunes what is not used."""
    return set(getattr(op, "skip_input_indices", None) or ())
