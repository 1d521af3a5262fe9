"""`ClipDisplacement`."""

import keras
import numpy as np
import pytest

from dau_tf.constraints import ClipDisplacement


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clips_both_sides(dtype):
    clipped = np.asarray(ClipDisplacement(2.5)(np.array([-9, -2.5, 0.25, 2.5, 7], dtype)))
    assert clipped.dtype == dtype
    np.testing.assert_array_equal(clipped, [-2.5, -2.5, 0.25, 2.5, 2.5])


@pytest.mark.parametrize("limit", [None, float("inf")])
def test_unlimited(limit):
    np.testing.assert_array_equal(ClipDisplacement(limit)(np.array([-1e9, 1e9])), [-1e9, 1e9])


@pytest.mark.parametrize("limit", [3.0, None])
def test_round_trip(limit):
    config = keras.saving.serialize_keras_object(ClipDisplacement(limit))
    assert keras.saving.deserialize_keras_object(config).max_displacement == limit


@pytest.mark.parametrize("limit", [-1, float("nan"), "4"])
def test_refused(limit):
    with pytest.raises(ValueError, match="`max_displacement` must be a number >= 0"):
        ClipDisplacement(limit)
