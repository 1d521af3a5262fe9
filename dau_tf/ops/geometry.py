"""Sizes of a DAU convolution: the support of the blur, the margin of `valid`, the output.

r = ceil(3 sigma),   m = ceil(max_displacement) + r
same:  out = ceil(size / stride)          valid:  out = ceil((size - 2 m) / stride)
"""

import math
from typing import overload

# sigma = 1/3 must give the same radius from float32 and float64; 1e-6 is above float32's rounding
# of 3 sigma and far below any difference in sigma that matters. The kernels use the same number.
RADIUS_SLACK = 1e-6


def support_radius(sigma: float) -> int:
    """Returns the radius r of the discrete Gaussian, in pixels; it has 2 r + 1 taps an axis.

    Args:
        sigma: Aggregation perimeter in pixels, > 0.

    Returns:
        ceil(3 sigma), the same for float32 and float64 values of sigma.

    Example:
        >>> [support_radius(sigma) for sigma in (1 / 3, 0.35, 0.5)]
        [1, 2, 2]
    """
    return max(1, math.ceil(3.0 * sigma - RADIUS_SLACK))


def valid_margin(max_displacement: float, sigma: float) -> int:
    """Returns the rows that padding `valid` drops on each side, in pixels.

    Args:
        max_displacement: Largest displacement on either axis in pixels, finite, >= 0.
        sigma: Aggregation perimeter in pixels, > 0.

    Returns:
        ceil(max_displacement) + ceil(3 sigma): outputs this far from the border see only real
        pixels, whatever the displacements within max_displacement are.

    Example:
        >>> valid_margin(4.0, 0.5)
        6
    """
    return math.ceil(max_displacement) + support_radius(sigma)


@overload
def output_size(size: int, stride: int, margin: int = 0) -> int: ...
@overload
def output_size(size: None, stride: int, margin: int = 0) -> None: ...
def output_size(size: int | None, stride: int, margin: int = 0) -> int | None:
    """Returns the output's size along one axis.

    Args:
        size: Input size in pixels, or None if it is not known.
        stride: Step between outputs in pixels, >= 1.
        margin: Pixels dropped on each side: 0 for padding `same`, else `valid_margin`.

    Returns:
        ceil((size - 2 margin) / stride); not positive when nothing remains. None for None.

    Example:
        >>> output_size(20, 2), output_size(20, 2, margin=6), output_size(None, 2)
        (10, 4, None)
    """
    return None if size is None else -(-(size - 2 * margin) // stride)
