"""Initializers of displacements: where units start, and that each can be saved."""

import re

import keras
import numpy as np
import pytest

import dau_tf
from dau_tf import initializers

ALL = [
    initializers.DisplacementUniform(0.75, seed=3),
    initializers.DisplacementNormal(0.25, seed=3),
    initializers.DisplacementGrid(0.75),
]
each = pytest.mark.parametrize("initializer", ALL, ids=lambda i: type(i).__name__)


def test_uniform_fills_its_square():
    mu = initializers.DisplacementUniform(1.5, seed=1)((2, 4, 8, 64)).numpy()
    assert 1.49 < np.abs(mu).max() <= 1.5
    assert mu.std() == pytest.approx(1.5 / np.sqrt(3), rel=0.03)  # 1 % at 4096 values


def test_uniform_of_a_pair_is_a_rectangle():
    mu = initializers.DisplacementUniform((0, 3), seed=1)((2, 4, 8, 64)).numpy()
    np.testing.assert_array_equal(mu[0], np.zeros_like(mu[0]))
    assert 2.9 < np.abs(mu[1]).max() <= 3.0


def test_normal_has_its_deviation():
    mu = initializers.DisplacementNormal(0.5, seed=1)((2, 4, 8, 64)).numpy()
    assert mu.mean() == pytest.approx(0.0, abs=0.03)
    assert mu.std() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("units", range(1, 41))
def test_grid_is_evenly_spread_for_every_number_of_units(units):
    mu = initializers.DisplacementGrid(3.0)((2, units, 1, 1), "float64").numpy()[:, :, 0, 0]
    assert np.abs(mu).max() < 3.0
    np.testing.assert_allclose(mu.mean(axis=1), 0.0, atol=1e-12)
    # Cells of equal area, at most twice as wide as high: no two centres are nearer than half the
    # side of a square of that area.
    distances = np.linalg.norm(mu[:, :, None] - mu[:, None], axis=0)[np.triu_indices(units, 1)]
    assert (distances > 0.5 * 6.0 / np.sqrt(units)).all()


def test_grid_of_nine_is_a_3x3_convolution():
    mu = initializers.DisplacementGrid(1.5)((2, 9, 2, 3)).numpy()
    positions = [[v, h] for v in (-1, 0, 1) for h in (-1, 0, 1)]
    np.testing.assert_allclose(mu[:, :, 1, 2].T, positions, atol=1e-6)
    assert (mu == mu[:, :, :1, :1]).all()


@each
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_and_repeatability(initializer, dtype):
    again = initializers_round_trip(initializer)
    mu = again((2, 3, 4, 5), dtype)
    assert mu.shape == (2, 3, 4, 5)
    assert mu.dtype == dtype
    np.testing.assert_array_equal(mu, initializers_round_trip(initializer)((2, 3, 4, 5), dtype))


def initializers_round_trip(initializer):
    config = keras.saving.serialize_keras_object(initializer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(initializer)
    assert again.get_config() == initializer.get_config()
    return again


@each
def test_in_a_layer(initializer):
    layer = dau_tf.DAUConv2D(5, units=3, displacement_initializer=initializer)
    layer.build((None, 8, 8, 4))
    np.testing.assert_array_equal(layer.displacement, initializer((2, 3, 4, 5), "float32"))
    again = dau_tf.DAUConv2D.from_config(layer.get_config())
    assert again.displacement_initializer.get_config() == initializer.get_config()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (initializers.DisplacementUniform, "limit"),
        (initializers.DisplacementNormal, "stddev"),
        (initializers.DisplacementGrid, "extent"),
    ],
)
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "1", None, (1, 2, 3)])
def test_refused_with_a_message(make, name, value):
    expected = re.escape(
        f"`{name}` must be a finite number >= 0 in pixels. Received: {name}={value!r}"
    )
    with pytest.raises(ValueError, match=expected):
        make(value)


@pytest.mark.parametrize("shape", [(3, 4, 1, 1), (2,)])
def test_grid_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"of shape \(2, K, S, F\). Received: shape="):
        initializers.DisplacementGrid()(shape)
