"""DAU for TensorFlow: displaced aggregation units, convolutions that learn where to look.

A displaced aggregation unit (Tabernik, Kristan, Leonardis, IJCV 2020) replaces the fixed grid of a
k x k convolution by K units per channel and filter, each with a weight and a learned sub-pixel
displacement. `DAUConv2D` is the Keras layer, `dau_conv2d` the function under it.

Importing the package registers its Keras objects, so that `keras.saving.load_model` finds them. It
does not load the compiled op library; the first call that computes does. Where the library was
built for another minor version of TensorFlow, the import says so and fails.
"""

from dau_tf import (
    analysis,
    constraints,
    export,
    initializers,
    layers,
    ops,
    optimizers,
    pruning,
    regularizers,
    replacement,
)
from dau_tf.layers import DAUConv2D, scale_displacements
from dau_tf.ops import dau_conv2d, op_library_path
from dau_tf.replacement import replace_conv2d

__version__ = "0.1.0"

__all__ = [
    "DAUConv2D",
    "__version__",
    "analysis",
    "constraints",
    "dau_conv2d",
    "export",
    "initializers",
    "layers",
    "op_library_path",
    "ops",
    "optimizers",
    "pruning",
    "regularizers",
    "replace_conv2d",
    "replacement",
    "scale_displacements",
]
