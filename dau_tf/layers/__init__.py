"""Keras layers."""

from dau_tf.layers.dau_conv import DAUConv2D
from dau_tf.layers.scale_displacements import scale_displacements

__all__ = ["DAUConv2D", "scale_displacements"]
