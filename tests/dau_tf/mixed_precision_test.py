"""Mixed precision policies train, with loss scaling and an optimizer of their own for positions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dau_tf import DAUConv2D
from dau_tf.optimizers import ParameterGroups

STEPS = 60
# Images and products have 11 or 8 bits; the losses at the end differ by that noise, not by much.
LOSS_TOLERANCE = {"mixed_float16": 0.05, "mixed_bfloat16": 0.3}


def data() -> tuple[np.ndarray, np.ndarray]:
    """The target looks two pixels to the right and one up; smooth images show the way there."""
    x = np.random.default_rng(1).normal(size=(16, 16, 16, 1)).astype("float32")
    x = keras.ops.average_pool(x, 5, strides=1).numpy()
    return x, np.roll(x, (1, -2), (1, 2))


def trained(policy: str, **loss_scale) -> tuple[keras.Model, list[float]]:
    keras.utils.set_random_seed(0)
    layers = [DAUConv2D(4, activation="relu", dtype=policy), DAUConv2D(1, dtype=policy)]
    model = keras.Sequential([keras.Input((12, 12, 1)), *layers])
    optimizer = ParameterGroups(
        [("displacement$", keras.optimizers.Adam(0.03))], default=keras.optimizers.Adam(0.01)
    )
    if loss_scale:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, **loss_scale)
    model.compile(optimizer, "mse")
    x, y = data()
    history = model.fit(x, y, batch_size=16, epochs=STEPS, verbose=0).history["loss"]
    return model, history


@pytest.fixture(scope="module")
def loss_in_float32() -> float:
    _, losses = trained("float32")
    assert losses[-1] < 0.5 * losses[0]
    return losses[-1]


@pytest.mark.parametrize("policy", LOSS_TOLERANCE)
def test_trains_as_in_float32(policy, loss_in_float32):
    model, losses = trained(policy, initial_scale=2.0**10)
    assert losses[-1] == pytest.approx(loss_in_float32, rel=LOSS_TOLERANCE[policy])
    assert int(model.optimizer.inner_optimizer.iterations) == STEPS
    for layer in model.layers:
        assert {v.dtype for v in layer.weights} == {"float32"}
        assert layer.compute_dtype == policy.removeprefix("mixed_")


def test_an_overflow_skips_the_step_and_lowers_the_scale():
    # 60 halvings do not bring 2^100 below float16's largest number, 2^16; 2^40 does after some 20.
    model, losses = trained("mixed_float16", initial_scale=2.0**100)
    assert int(model.optimizer.inner_optimizer.iterations) == 0
    assert losses[-1] == pytest.approx(losses[0])
    assert float(model.optimizer.dynamic_scale) == 2.0**40
    model, losses = trained("mixed_float16", initial_scale=2.0**40)
    assert 10 < int(model.optimizer.inner_optimizer.iterations) < STEPS
    assert losses[-1] < 0.9 * losses[0]
    assert all(np.isfinite(v).all() for v in model.weights)


def test_small_gradients_survive_by_scaling():
    # Gradients below 2^-25 are 0 in float16; the scale brings them back.
    layer = DAUConv2D(2, dtype="mixed_float16", use_bias=False)
    x = tf.constant(data()[0])
    layer.build(x.shape)

    def gradient(scale: float) -> np.ndarray:
        with tf.GradientTape() as tape:
            y = tf.cast(layer(x), tf.float32)
            loss = scale * 1e-12 * tf.reduce_sum(y)
        return tape.gradient(loss, layer.unit_weight.value).numpy() / scale

    assert not gradient(1.0).any()
    scaled = gradient(2.0**24)
    assert (scaled != 0).all()
    assert scaled.dtype == np.float32


def test_positions_keep_their_precision():
    # 3.001 is 3.0 in bfloat16; the layer must see the thousandth.
    layer = DAUConv2D(1, units=1, sigma=0.01, dtype="mixed_bfloat16", use_bias=False)
    layer.build((None, None, None, 1))
    layer.unit_weight.assign(np.ones((1, 1, 1)))
    layer.displacement.assign(np.reshape([0.0, 3.001], (2, 1, 1, 1)))
    x = np.zeros((1, 1, 9, 1), "float32")
    x[0, 0, 4] = 1024.0
    assert float(tf.cast(layer(x), tf.float32)[0, 0, 0, 0]) == pytest.approx(1.024, rel=0.01)
