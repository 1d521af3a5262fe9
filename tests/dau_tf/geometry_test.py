"""Sizes: the same formulas for Python floats and for float32 sigmas."""

import numpy as np
import pytest

from dau_tf.ops import geometry


@pytest.mark.parametrize(
    ("sigma", "radius"),
    [(0.1, 1), (0.3, 1), (1 / 3, 1), (0.34, 2), (0.5, 2), (2 / 3, 2), (1.0, 3), (1.5, 5)],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_support_radius(sigma, radius, dtype):
    assert geometry.support_radius(float(dtype(sigma))) == radius


@pytest.mark.parametrize(
    ("max_displacement", "sigma", "margin"),
    [(0, 0.5, 2), (4.0, 0.5, 6), (3.2, 0.3, 5), (1.0, 1.0, 4)],
)
def test_valid_margin(max_displacement, sigma, margin):
    assert geometry.valid_margin(max_displacement, sigma) == margin


@pytest.mark.parametrize(
    ("size", "stride", "margin", "expected"),
    [
        (1, 1, 0, 1),
        (10, 3, 0, 4),
        (9, 3, 0, 3),
        (13, 1, 6, 1),
        (20, 2, 6, 4),
        (None, 2, 6, None),
        (0, 2, 0, 0),
    ],
)
def test_output_size(size, stride, margin, expected):
    assert geometry.output_size(size, stride, margin) == expected
