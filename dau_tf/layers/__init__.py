"""Keras layers."""

from dau_tf.layers.dau_conv import DAUConv2D

__all__ = ["DAUConv2D"]
