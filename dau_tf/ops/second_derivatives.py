"""Derivatives of the gradients for w and mu, in directions b and a:

    q(x, w, mu, dy) = sum(b dL/dw) + sum(a dL/dmu),      L(x, w, mu, dy) = sum(dy y)

Each function returns the derivatives of q for x, w, mu and dy. As L is linear in w, the first sum
is L(x, b, mu, dy): a convolution whose weights are b.

exact: dL/dmu_v = w * sum(dy (B(x~; floor(mu_v) + 1, mu_h) - B(x~; floor(mu_v), mu_h))), likewise
for mu_h: the bilinear slope is the difference of two units on integer rows or columns. So q is L of
five units in the place of each, and its derivatives are those of L. Right-hand at integers, and 0
twice along one axis, as B is linear there.

gaussian: the rule of Eq. 16, d/dmu B(g * x) := B(D * x), once more: d/dmu_v B(D_h * x) :=
B(D_vh * x), where the axes multiply and the next derivative of the Gaussian along one is D_vv(i) =
(i^2 / sigma^4 - 1 / sigma^2) g(i). Not the derivative of anything that is computed, but smooth, and
its order does not matter.
"""

import math
from typing import NamedTuple

import tensorflow as tf

from dau_tf.ops.gaussian_derivatives import derivative_images, support_radius
from dau_tf.ops.native import NativeOps

_GRADIENT = [(1, 0), (0, 1)]  # orders of derivative: vertical, horizontal
_HESSIAN = [(2, 0), (1, 1), (0, 2)]
_NO_BLUR = 0.01  # px; exp(-1 / (2 * 0.01^2)) is 0 in float64


class Point(NamedTuple):
    """The arguments of L, or its derivatives for each of them."""

    x: tf.Tensor
    w: tf.Tensor
    mu: tf.Tensor
    dy: tf.Tensor


def exact(ops: NativeOps, at: Point, b: tf.Tensor, a: tf.Tensor) -> Point:
    """For displacement_gradient="exact": the derivatives of q for x, w, mu, dy."""
    x, w, mu, dy = at
    (v, h), (av, ah) = tf.unstack(mu), tf.unstack(a)
    row, column = tf.floor(v), tf.floor(h)
    wv, wh = tf.cast(w, a.dtype) * av, tf.cast(w, a.dtype) * ah
    weights = tf.concat([b, *(tf.cast(u, b.dtype) for u in (wv, -wv, wh, -wh))], 0)
    rows = tf.concat([v, row + 1, row, v, v], 0)
    columns = tf.concat([h, h, h, column + 1, column], 0)
    places = tf.stack([rows, columns])

    for_weights, for_places = ops.parameter_gradients(x, weights, places, dy)
    _, v1, v0, h1, h0 = tf.split(tf.cast(for_weights, a.dtype), 5)
    dw = av * (v1 - v0) + ah * (h1 - h0)
    # The units on integer rows move along columns only, and the others along rows.
    by_row, by_column = (tf.split(p, 5) for p in tf.unstack(for_places))
    dmu = tf.stack([by_row[0] + by_row[3] + by_row[4], by_column[0] + by_column[1] + by_column[2]])
    dx = ops.input_gradient(x, weights, places, dy)
    return Point(dx, tf.cast(dw, w.dtype), dmu, ops.forward(x, weights, places))


def gaussian(ops: NativeOps, at: Point, b: tf.Tensor, a: tf.Tensor) -> Point:
    """For displacement_gradient="gaussian": the derivatives of q for x, w, mu, dy."""
    x, w, mu, dy = at
    precise = a.dtype
    (av, ah), weight = tf.unstack(a), tf.cast(w, precise)
    frame = _Frame(ops, x, dy, mu)

    with tf.GradientTape() as tape:
        tape.watch(x)
        images = frame.images(x, _GRADIENT)
    weights = tf.concat([weight * av, weight * ah], 1)
    ddy = frame.ops.forward(images, weights, frame.places(2))
    on_images = frame.ops.input_gradient(images, weights, frame.places(2), frame.dy)
    dx = tape.gradient(images, x, on_images)

    images = frame.images(x, _GRADIENT + _HESSIAN)
    no_weights = tf.zeros_like(tf.concat([weight] * 5, 1))  # that gradient does not depend on them
    sums, _ = frame.ops.parameter_gradients(images, no_weights, frame.places(5), frame.dy)
    v, h, vv, vh, hh = tf.split(sums, 5, axis=1)
    dw = av * v + ah * h
    dmu = weight * tf.stack([av * vv + ah * vh, av * vh + ah * hh])

    _, dmu_of_b = ops.parameter_gradients(x, b, mu, dy)
    return Point(
        dx + ops.input_gradient(x, b, mu, dy),
        tf.cast(dw, w.dtype),
        dmu + dmu_of_b,
        frame.cut(ddy) + ops.forward(x, b, mu),
    )


class _Frame:
    """Images with the derivatives' support around them, and ops that do not blur them again."""

    def __init__(self, ops: NativeOps, x: tf.Tensor, dy: tf.Tensor, mu: tf.Tensor) -> None:
        self._sigma, self._mu, self._like = ops.sigma, mu, dy
        self._format = ops.attributes["data_format"]
        self._first = 1 if self._format in ("NHWC", b"NHWC") else 2
        no_blur = tf.constant(_NO_BLUR, mu.dtype)
        self.ops = ops.with_attributes(no_blur, padding="SAME", max_displacement=-1.0)
        self._radius = support_radius(ops.sigma)
        self._shift = self._radius + _margin(ops, self._radius)
        size, outputs = tf.shape(x), tf.shape(dy)
        paddings = [[0, 0]] * 4
        for axis, stride in enumerate(ops.attributes["strides"]):
            place = self._first + axis
            framed = (size[place] + 2 * self._radius + stride - 1) // stride
            paddings[place] = [0, framed - outputs[place]]
        self.dy = tf.pad(tf.cast(dy, mu.dtype), paddings)

    def images(self, x: tf.Tensor, orders: list[tuple[int, int]]) -> tf.Tensor:
        """D * x for each of the orders, one after the other in the channels."""
        return derivative_images(tf.cast(x, self._mu.dtype), self._sigma, orders, self._first == 1)

    def places(self, copies: int) -> tf.Tensor:
        """The displacements, from the frame's corner and for each of the orders."""
        places = self._mu + tf.cast(self._shift, self._mu.dtype)
        return tf.concat([places] * copies, 2)

    def cut(self, y: tf.Tensor) -> tf.Tensor:
        """The outputs that there are without the frame."""
        return tf.cast(tf.slice(y, [0] * 4, tf.shape(self._like)), self._like.dtype)


def _margin(ops: NativeOps, radius: tf.Tensor) -> tf.Tensor:
    """The row and column of the first output: `geometry.valid_margin` of a sigma in a graph."""
    if ops.attributes["padding"] in ("SAME", b"SAME"):
        return tf.zeros_like(radius)
    return math.ceil(ops.attributes["max_displacement"]) + radius
