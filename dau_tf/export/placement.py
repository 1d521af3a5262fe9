"""Where the kernel of a DAU layer stands in the image, for a convolution of whole windows.

output h looks at rows  h stride + skipped_before + low ... h stride + skipped_before + high
so the image gets       -(skipped_before + low) rows of zeros before it, high - skipped_after after
and loses as many where that is negative. A convolution with padding `valid` then has as many
outputs as the layer, whatever the image's size.

skipped: pixels between the image's border and the centre of the outermost output of stride 1.
"""

import dataclasses

from dau_tf.export.kernel import Kernel
from dau_tf.layers import DAUConv2D
from dau_tf.replacement import ReplacedConv2D


@dataclasses.dataclass(frozen=True)
class Placement:
    """A kernel and what surrounds it.

    Args:
        kernel: Of the convolution.
        padding: Of the convolution, "same" or "valid".
        border: Zeros before and after the rows, and the columns; pixels cut off where negative.

    Example:
        >>> import numpy as np
        >>> kernel = Kernel(np.ones((3, 3, 1, 1)), (-1, -1), (1, 1))
        >>> Placement(kernel, "valid", ((1, -2), (0, 0))).zeros
        ((1, 0), (0, 0))
    """

    kernel: Kernel
    padding: str
    border: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))

    @property
    def zeros(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """What `ZeroPadding2D` adds."""
        (top, bottom), (left, right) = self.border
        return (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))

    @property
    def cut(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """What `Cropping2D` takes."""
        (top, bottom), (left, right) = self.border
        return (max(-top, 0), max(-bottom, 0)), (max(-left, 0), max(-right, 0))


def place(layer: DAUConv2D, kernel: Kernel) -> Placement:
    """Places the kernel of a layer.

    Args:
        layer: Gives strides and padding.
        kernel: Its own.

    Raises:
        ValueError: A `ReplacedConv2D` of padding `same` whose stride is larger than the kernel it
            replaced: where it looks depends on the image's size.

    Example:
        >>> import dau_tf
        >>> from dau_tf.export.kernel import kernel_of
        >>> layer = dau_tf.DAUConv2D(1, 1, strides=2, displacement_initializer="zeros")
        >>> layer.build((None, 8, 8, 1))
        >>> place(layer, kernel_of(layer)).border
        ((2, 2), (2, 2))
    """
    if not isinstance(layer, ReplacedConv2D):
        return _within(layer, kernel, ((layer.margin, layer.margin),) * 2)
    rows, columns = layer.extents
    if layer.conv_padding == "valid":
        return _within(layer, kernel, (_around_centre(rows), _around_centre(columns)))
    if rows < layer.strides[0] or columns < layer.strides[1]:
        raise ValueError(
            f"The layer {layer.name!r} replaced a convolution with padding `same` of "
            f"{rows} x {columns} pixels. Expected strides that are not larger. Received: "
            f"strides={layer.strides}"
        )
    # TensorFlow centres a window with p more zeros on each side as it does the one within.
    more = [0, 0]
    for axis, extent in enumerate((rows, columns)):
        before, after = _around_centre(extent)
        more[axis] = max(0, -kernel.low[axis] - before, kernel.high[axis] - after)
    (top, bottom), (left, right) = _around_centre(rows), _around_centre(columns)
    low = (-top - more[0], -left - more[1])
    high = (bottom + more[0], right + more[1])
    return Placement(kernel.enlarged(low, high), "same")


def _within(
    layer: DAUConv2D, kernel: Kernel, skipped: tuple[tuple[int, int], tuple[int, int]]
) -> Placement:
    rows, columns = (
        (-(before + low), high - after)
        for (before, after), low, high in zip(skipped, kernel.low, kernel.high, strict=True)
    )
    own = tuple(((size - 1) // 2, size // 2) for size in kernel.size)
    if layer.strides == (1, 1) and (rows, columns) == own:
        return Placement(kernel, "same")
    return Placement(kernel, "valid", (rows, columns))


def _around_centre(extent: int) -> tuple[int, int]:
    """The pixels of a window before and after its centre."""
    return (extent - 1) // 2, extent - 1 - (extent - 1) // 2
