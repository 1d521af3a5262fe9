"""`DAUConv2D` with a sigma per unit, or one that is trained."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from dau_tf import DAUConv2D
from tests.dau_tf import general_oracle, oracle

PER_UNIT = {"sigma_mode": "per_unit", "sigma_trainable": True}
RANDOM = keras.initializers.RandomUniform(0.3, 0.8, seed=2)


def built(**options) -> DAUConv2D:
    keras.utils.set_random_seed(1)
    layer = DAUConv2D(**{"filters": 4, **options})
    layer.build((None, None, None, 3))
    return layer


@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize(("mode", "shape"), [("shared", ()), ("per_unit", (2, 3, 4))])
def test_the_variable(mode, shape, trainable):
    sigma = built(sigma_mode=mode, sigma_trainable=trainable, sigma=0.6).sigma
    assert tuple(sigma.shape) == shape
    assert sigma.trainable == trainable
    np.testing.assert_array_equal(sigma, np.full(shape, np.float32(0.6)))


def test_initializer_as_in_the_paper_and_clipped():
    sigma = built(filters=64, sigma_initializer=RANDOM, **PER_UNIT).sigma.numpy()
    assert 0.3 <= sigma.min() < 0.32
    assert 0.78 < sigma.max() <= 0.8
    wide = keras.initializers.RandomUniform(0.0, 5.0)
    sigma = built(filters=64, sigma_initializer=wide, **PER_UNIT).sigma.numpy()
    np.testing.assert_array_equal([sigma.min(), sigma.max()], np.float32([0.3, 1.0]))


def test_computes_the_general_form():
    layer = built(dtype="float64", sigma_initializer=RANDOM, strides=(1, 2), **PER_UNIT)
    x = np.random.default_rng(3).normal(size=(2, 6, 7, 3))
    p = oracle.Problem(
        x, layer.unit_weight.numpy(), layer.displacement.numpy(), strides=layer.strides
    )
    expected = general_oracle.forward(p, layer.sigma.numpy(), 1.0)
    np.testing.assert_allclose(layer(x), expected, atol=1e-12)


def test_a_trained_shared_sigma_starts_as_the_fixed_one_does():
    # Of the same support: ceil(3 sigma) = ceil(3 max_sigma).
    fixed, trained = built(sigma=0.6), built(sigma=0.6, sigma_trainable=True, max_sigma=0.65)
    x = np.random.default_rng(4).normal(size=(2, 6, 7, 3)).astype("float32")
    np.testing.assert_allclose(trained(x), fixed(x), atol=1e-5)


@pytest.mark.parametrize("mode", ["shared", "per_unit"])
def test_valid_reckons_with_max_sigma(mode):
    layer = built(
        sigma_mode=mode, sigma_trainable=True, padding="valid", max_displacement=1.0, sigma=0.3
    )
    assert layer.compute_output_shape((1, 11, 12, 3)) == (1, 3, 4, 4)  # 1 + ceil(3 * 1.0) a side
    assert layer(np.zeros((1, 11, 12, 3))).shape == (1, 3, 4, 4)
    with pytest.raises(ValueError, match=r"drops 4 pixels on each side: .*ceil\(3 \* 1.0\)"):
        layer.compute_output_shape((1, 8, 12, 3))


def test_updates_keep_sigma_within_its_range():
    for gradient, expected in ((-100.0, 0.7), (100.0, 0.4)):
        layer = built(min_sigma=0.4, max_sigma=0.7, **PER_UNIT)
        optimizer = keras.optimizers.SGD(1.0)
        optimizer.apply([tf.fill(layer.sigma.shape, gradient)], [layer.sigma])
        np.testing.assert_array_equal(layer.sigma, np.full((2, 3, 4), np.float32(expected)))


def test_own_regularizer_and_constraint_of_sigma():
    layer = built(
        sigma_regularizer=keras.regularizers.L1(1.0),
        sigma_constraint=keras.constraints.MaxNorm(0.1, axis=[0, 1, 2]),
        **PER_UNIT,
    )
    assert float(layer.losses[0]) == pytest.approx(0.5 * 2 * 3 * 4)
    keras.optimizers.SGD(0.0).apply([tf.zeros(layer.sigma.shape)], [layer.sigma])
    np.testing.assert_array_equal(layer.sigma, np.full((2, 3, 4), np.float32(0.3)))  # then the clip


@pytest.mark.parametrize("mode", ["shared", "per_unit"])
def test_fit_learns_the_width_of_a_blur(mode):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(5).normal(size=(8, 12, 12, 1)).astype("float32")
    one = {
        "weight": np.ones((1, 1, 1), "float32"),
        "displacement": np.zeros((2, 1, 1, 1), "float32"),
    }
    target = dau_tf.dau_conv2d(x, **one, sigma=0.8).numpy()
    layer = DAUConv2D(
        1, units=1, sigma=0.4, sigma_mode=mode, sigma_trainable=True,
        weight_initializer="ones", displacement_initializer="zeros",
    )  # fmt: skip
    model = keras.Sequential([keras.Input((12, 12, 1)), layer])
    model.compile(keras.optimizers.Adam(0.03), "mse")
    losses = model.fit(x, target, epochs=60, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < 0.02 * losses[0]
    assert float(np.ravel(layer.sigma)[0]) == pytest.approx(0.8, abs=0.1)  # from 0.4


def test_file_round_trip_and_its_own_learning_rate(tmp_path):
    layers = [DAUConv2D(4, sigma_initializer=RANDOM, **PER_UNIT), DAUConv2D(2)]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    optimizer = dau_tf.optimizers.ParameterGroups(
        [("sigma$", keras.optimizers.SGD(0.0)), ("displacement$", keras.optimizers.Adam(1e-2))],
        default=keras.optimizers.Adam(1e-3),
    )
    model.compile(optimizer, "mse")
    sigma = layers[0].sigma.numpy()
    model.fit(np.ones((4, 8, 8, 3)), np.zeros((4, 8, 8, 2)), verbose=0)
    np.testing.assert_array_equal(layers[0].sigma, sigma)
    layers[0].sigma.assign(sigma + 0.1)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.layers[0].sigma, layers[0].sigma)
    x = np.random.default_rng(6).normal(size=(2, 8, 8, 3))
    np.testing.assert_array_equal(again(x), model(x))
