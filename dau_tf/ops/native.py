"""The compiled ops with one set of attributes: with a fixed sigma, and with one that is learned."""

from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf

from dau_tf.ops import loader

_ATTRIBUTES = (
    "strides",
    "padding",
    "data_format",
    "max_displacement",
    "margin",
    "displacement_gradient",
)


@dataclass(frozen=True)
class NativeOps:
    """The convolution and its gradients as functions of x, w, mu and dy alone.

    x: images; w: [K, S, F]; mu: [2, K, S, F] px; dy: images of the output's size.
    """

    sigma: tf.Tensor
    attributes: dict[str, Any]

    @classmethod
    def of(cls, op: Any, sigma: tf.Tensor) -> "NativeOps":
        """The ops with the attributes of `op`, one of the three."""
        return cls(sigma, {name: op.get_attr(name) for name in _ATTRIBUTES})

    def with_attributes(self, sigma: tf.Tensor, **changes: Any) -> "NativeOps":
        """The ops with another sigma and some other attributes."""
        return replace(self, sigma=sigma, attributes={**self.attributes, **changes})

    def forward(self, x: tf.Tensor, w: tf.Tensor, mu: tf.Tensor) -> tf.Tensor:
        """The images y."""
        return loader.load_library().dau_conv2d(
            input=x, weight=w, displacement=mu, sigma=self.sigma, **self.attributes
        )

    def input_gradient(
        self, like: tf.Tensor, w: tf.Tensor, mu: tf.Tensor, dy: tf.Tensor
    ) -> tf.Tensor:
        """The gradient of sum(dy y) for x, of the shape of `like`; linear in w and dy."""
        gradient = loader.load_library().dau_conv2d_backprop_input(
            input_sizes=tf.shape(like),
            weight=w,
            displacement=mu,
            sigma=self.sigma,
            out_backprop=dy,
            **self.attributes,
        )
        if isinstance(gradient, tf.Tensor):
            gradient.set_shape(like.shape)
        return gradient

    def parameter_gradients(
        self, x: tf.Tensor, w: tf.Tensor, mu: tf.Tensor, dy: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The gradients of sum(dy y) for w, which does not depend on w, and for mu."""
        return loader.load_library().dau_conv2d_backprop_params(
            input=x, weight=w, displacement=mu, sigma=self.sigma, out_backprop=dy, **self.attributes
        )


_SIGMA_ATTRIBUTES = (
    "max_sigma",
    "strides",
    "padding",
    "data_format",
    "max_displacement",
    "displacement_gradient",
)


@dataclass(frozen=True)
class SigmaOps:
    """As `NativeOps`, as functions of sigma too: a scalar or [K, S, F], px."""

    attributes: dict[str, Any]

    @classmethod
    def of(cls, op: Any) -> "SigmaOps":
        """The ops with the attributes of `op`, one of the three."""
        return cls({name: op.get_attr(name) for name in _SIGMA_ATTRIBUTES})

    def forward(self, x: tf.Tensor, w: tf.Tensor, mu: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
        """The images y."""
        return loader.load_library().dau_sigma_conv2d(
            input=x, weight=w, displacement=mu, sigma=sigma, **self.attributes
        )

    def input_gradient(
        self, like: tf.Tensor, w: tf.Tensor, mu: tf.Tensor, sigma: tf.Tensor, dy: tf.Tensor
    ) -> tf.Tensor:
        """The gradient of sum(dy y) for x, of the shape of `like`; linear in w and dy."""
        gradient = loader.load_library().dau_sigma_conv2d_backprop_input(
            input_sizes=tf.shape(like),
            weight=w,
            displacement=mu,
            sigma=sigma,
            out_backprop=dy,
            **self.attributes,
        )
        if isinstance(gradient, tf.Tensor):
            gradient.set_shape(like.shape)
        return gradient

    def parameter_gradients(
        self, x: tf.Tensor, w: tf.Tensor, mu: tf.Tensor, sigma: tf.Tensor, dy: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The gradients of sum(dy y) for w, which does not depend on w, for mu and for sigma."""
        return loader.load_library().dau_sigma_conv2d_backprop_params(
            input=x,
            weight=w,
            displacement=mu,
            sigma=sigma,
            out_backprop=dy,
            **self.attributes,
        )
