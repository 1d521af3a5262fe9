"""`Repulsion`: units of one filter and channel that are closer than a pixel part."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from dau_tf.regularizers import Repulsion


def positions(*units: tuple[float, float]) -> tf.Tensor:
    """(2, K, 1, 1) in float64."""
    return tf.constant(np.array(units).T[:, :, None, None])


# units, penalty at strength 1 and distance 1
PENALTIES = [
    ([(0, 0)], 0.0),
    ([(0, 0), (0, 1)], 0.0),
    ([(0, 0), (3, 4)], 0.0),
    ([(0, 0), (0, 0.5)], 0.25),
    ([(0, 0), (0.3, -0.4)], 0.25),
    ([(1, 1), (1, 1)], 1.0),
    ([(0, 0), (0, 0.5), (0, 1.0)], 0.5),
    ([(0, 0), (0, 0), (0, 0)], 3.0),
]


@pytest.mark.parametrize(("units", "penalty"), PENALTIES)
def test_penalty(units, penalty):
    assert float(Repulsion(1.0)(positions(*units))) == pytest.approx(penalty, abs=1e-12)


def test_filters_and_channels_do_not_see_each_other():
    mu = np.zeros((2, 2, 3, 4))
    mu[:, 1] = 5.0
    assert float(Repulsion(1.0)(mu)) == 0.0
    mu[:, 1, 2, 3] = 0.0
    mu[:, 1, 0, 1] = 0.0
    assert float(Repulsion(1.0)(mu)) == 2.0


def test_strength_and_distance():
    mu = positions((0, 0), (0, 1))
    assert float(Repulsion(3.0, distance=2.0)(mu)) == pytest.approx(0.75)


def test_gradient():
    mu = tf.constant(np.random.default_rng(4).uniform(-1, 1, (2, 5, 2, 3)))
    (theory,), (numeric,) = tf.test.compute_gradient(Repulsion(0.7), [mu], delta=1e-6)
    assert np.abs(numeric).max() > 0.1
    np.testing.assert_allclose(theory, numeric, atol=1e-8)


def test_gradient_at_the_same_place_is_zero_not_nan():
    mu = positions((1, 1), (1, 1), (1, 1.5))
    with tf.GradientTape() as tape:
        tape.watch(mu)
        penalty = Repulsion(1.0)(mu)
    gradient = tape.gradient(penalty, mu).numpy()[:, :, 0, 0]
    np.testing.assert_allclose(gradient, [[0, 0, 0], [1, 1, -2]], atol=1e-12)


def test_parts_the_units_of_a_layer_and_leaves_its_weights_alone():
    keras.utils.set_random_seed(2)
    layer = dau_tf.DAUConv2D(
        4,
        units=3,
        displacement_initializer=dau_tf.initializers.DisplacementNormal(0.2),
        displacement_regularizer=Repulsion(1.0),
    )
    model = keras.Sequential([keras.Input((5, 5, 2)), layer])
    model.compile(keras.optimizers.SGD(0.1), loss=lambda _, y: 0.0 * keras.ops.mean(y))
    weight, before = layer.unit_weight.numpy(), float(sum(model.losses))
    data = np.zeros((1, 5, 5, 2), "float32"), np.zeros((1, 5, 5, 4), "float32")
    model.fit(*data, epochs=30, verbose=0)
    assert float(sum(model.losses)) < 0.02 * before
    np.testing.assert_array_equal(layer.unit_weight, weight)


def test_round_trip():
    config = keras.saving.serialize_keras_object(Repulsion(0.25, distance=1.5))
    again = keras.saving.deserialize_keras_object(config)
    assert (again.strength, again.distance) == (0.25, 1.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strength": -1}, "`strength` must be a finite number >= 0. Received: strength=-1"),
        ({"strength": "l2"}, "`strength`.*'l2'"),
        ({"distance": 0}, "`distance` must be a finite number > 0 in pixels.*distance=0"),
        ({"distance": float("inf")}, "`distance`.*inf"),
    ],
)
def test_refused_with_a_message(arguments, message):
    with pytest.raises(ValueError, match=message):
        Repulsion(**arguments)
