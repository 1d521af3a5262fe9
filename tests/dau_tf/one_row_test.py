"""Images of one row or column, the place of a Conv1D."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from dau_tf.constraints import AlongWidth

MIDDLE_ROW = 1.0 / (1 + 2 * np.exp(-2.0) + 2 * np.exp(-8.0))  # of the Gaussian, sigma = 0.5


def conv1d(x: np.ndarray, w: np.ndarray, mu: np.ndarray, stride: int) -> np.ndarray:
    """y[n,l,f] by a loop: linear interpolation of the signal blurred by the middle row's taps."""
    taps = np.exp(-(np.arange(-2, 3) ** 2) / (2 * 0.5**2))
    taps *= MIDDLE_ROW / taps.sum()
    n, length, _ = x.shape
    reach = int(np.abs(mu).max()) + 4
    padded = np.pad(x, [(0, 0), (reach, reach), (0, 0)])
    blurred = sum(t * np.roll(padded, -i, 1) for i, t in zip(range(-2, 3), taps, strict=True))
    y = np.zeros((n, -(-length // stride), w.shape[2]))
    for k, s, f in np.ndindex(w.shape):
        low = int(np.floor(mu[k, s, f]))
        part = mu[k, s, f] - low
        for out in range(y.shape[1]):
            at = reach + out * stride + low
            value = (1 - part) * blurred[:, at, s] + part * blurred[:, at + 1, s]
            y[:, out, f] += w[k, s, f] * value
    return y


@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("axis", [1, 2], ids=["column", "row"])
def test_equals_a_convolution_along_the_signal(axis, stride):
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(2, 40, 3)), rng.normal(size=(2, 3, 4))
    mu = rng.uniform(-12, 12, (2, 3, 4))
    places = np.stack([mu, 0 * mu] if axis == 1 else [0 * mu, mu])
    strides = (stride, 1) if axis == 1 else (1, stride)
    y = dau_tf.dau_conv2d(np.expand_dims(x, 3 - axis), w, places, 0.5, strides=strides)
    np.testing.assert_allclose(np.squeeze(y, 3 - axis), conv1d(x, w, mu, stride), atol=1e-12)


def test_the_row_across_gets_no_gradient_by_symmetry():
    # On the row, Eq. 16's derivative across it is 0: the Gaussian's slope is odd, the signal alone.
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(1, 1, 20, 2)), rng.normal(size=(2, 2, 3))
    mu = tf.constant(np.stack([np.zeros((2, 2, 3)), rng.uniform(-3, 3, (2, 2, 3))]))
    with tf.GradientTape() as tape:
        tape.watch(mu)
        loss = tf.reduce_sum(dau_tf.dau_conv2d(x, w, mu) ** 2)
    vertical, horizontal = tape.gradient(loss, mu).numpy()
    np.testing.assert_allclose(vertical, np.zeros_like(vertical), atol=1e-12)
    assert np.abs(horizontal).min() > 1e-3


def test_a_model_of_signals_finds_a_far_echo():
    # The echo is 9 samples behind, and both units start within 8 of the present.
    keras.utils.set_random_seed(3)
    noise = np.random.default_rng(3).normal(size=(32, 1, 80, 1))
    x = sum(np.roll(noise, i, 2) for i in range(-4, 5)).astype("float32") / 3  # smooth: a way there
    layer = dau_tf.DAUConv2D(
        1,
        max_displacement=32.0,
        displacement_initializer=dau_tf.initializers.DisplacementUniform((0.0, 8.0)),
        displacement_constraint=AlongWidth(),
    )
    model = keras.Sequential([keras.Input((1, None, 1)), layer])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    losses = model.fit(x, np.roll(x, 9, 2), epochs=100, batch_size=32, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    np.testing.assert_array_equal(layer.displacement[0], np.zeros((2, 1, 1)))
    assert np.abs(layer.displacement.numpy()[1] + 9).min() < 1.0


def test_along_width_round_trip():
    config = keras.saving.serialize_keras_object(AlongWidth())
    assert isinstance(keras.saving.deserialize_keras_object(config), AlongWidth)
