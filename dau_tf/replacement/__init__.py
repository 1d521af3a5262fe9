"""DAU layers in the place of the convolutions of an existing model."""

from dau_tf.replacement.replace_conv2d import replace_conv2d
from dau_tf.replacement.replaced_conv2d import ReplacedConv2D

__all__ = ["ReplacedConv2D", "replace_conv2d"]
