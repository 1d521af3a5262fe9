"""Gradients of `Dau>Conv2D` and of its gradients: which kernel belongs to which input.

With L(x, w, mu, dy) = sum(dy y) the ops are dL/dy, dL/dx and (dL/dw, dL/dmu), and L is linear in
each of x, w and dy. So the derivative of sum(v dL/dx) is L itself with v in the place of x; what
mu adds is in `second_derivatives.py`. All are made of the same three ops, so that third and
further derivatives exist too.
"""

from typing import Any

import tensorflow as tf

from dau_tf.ops import second_derivatives
from dau_tf.ops.native import NativeOps

Gradients = list[tf.Tensor | None]


@tf.RegisterGradient("Dau>Conv2D")
def _dau_conv2d_grad(op: Any, dy: tf.Tensor) -> Gradients:
    x, w, mu, sigma = op.inputs
    ops, unused = NativeOps.of(op, sigma), _unused(op)
    dx = None if 0 in unused else ops.input_gradient(x, w, mu, dy)
    dw, dmu = (None, None) if {1, 2} <= unused else ops.parameter_gradients(x, w, mu, dy)
    return [dx, dw, dmu, None]


@tf.RegisterGradient("Dau>Conv2DBackpropInput")
def _backprop_input_grad(op: Any, v: tf.Tensor) -> Gradients:
    _, w, mu, sigma, dy = op.inputs
    ops, unused = NativeOps.of(op, sigma), _unused(op)
    ddy = None if 4 in unused else ops.forward(v, w, mu)
    dw, dmu = (None, None) if {1, 2} <= unused else ops.parameter_gradients(v, w, mu, dy)
    return [None, dw, dmu, None, ddy]


@tf.RegisterGradient("Dau>Conv2DBackpropParams")
def _backprop_params_grad(op: Any, along_w: tf.Tensor, along_mu: tf.Tensor) -> Gradients:
    x, w, mu, sigma, dy = op.inputs
    ops = NativeOps.of(op, sigma)
    # A tape gives zeros for an output that nobody uses, and a graph cannot tell.
    if tf.executing_eagerly() and not tf.reduce_any(along_mu != 0):
        dx = ops.input_gradient(x, along_w, mu, dy)
        _, dmu = ops.parameter_gradients(x, along_w, mu, dy)
        return [dx, tf.zeros_like(w), dmu, None, ops.forward(x, along_w, mu)]
    derive = {"exact": second_derivatives.exact, "gaussian": second_derivatives.gaussian}
    kind = ops.attributes["displacement_gradient"]
    kind = kind.decode() if isinstance(kind, bytes) else kind
    at = second_derivatives.Point(x, w, mu, dy)
    dx, dw, dmu, ddy = derive[kind](ops, at, along_w, along_mu)
    return [dx, dw, dmu, None, ddy]


def _unused(op: Any) -> set[int]:
    """The inputs that an eager tape asks no gradient of; a graph prunes what is not used."""
    return set(getattr(op, "skip_input_indices", None) or ())
