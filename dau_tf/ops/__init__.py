"""The op under the layer: the library's loader, the functional wrapper and its gradient."""

from dau_tf.ops import dau_conv_grad as dau_conv_grad  # registers the gradients
from dau_tf.ops import sigma_conv_grad as sigma_conv_grad
from dau_tf.ops.dau_conv import dau_conv2d
from dau_tf.ops.loader import op_library_path, require_tensorflow_of_build

# At once, not hours later in the first call that computes.
require_tensorflow_of_build()

__all__ = ["dau_conv2d", "op_library_path"]
