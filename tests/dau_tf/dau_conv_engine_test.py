"""Which engine computes `dau_conv2d`: DAU_ENGINE, op determinism, and images that stay apart."""

import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from tests.dau_tf import subprocesses

ENGINES = [
    "auto",
    "direct",
    "reference",
    "spectral",
]
# Sums of some hundred terms in float32, in another order.
RELATIVE_TOLERANCE = 1e-5


def arguments() -> list[tf.Tensor]:
    rng = np.random.default_rng(9)
    values = (
        rng.normal(size=(3, 9, 8, 3)),
        rng.normal(size=(2, 3, 4)),
        rng.uniform(-3, 3, (2, 2, 3, 4)),
    )
    return [tf.constant(value, tf.float32) for value in values]


def results(values: list[tf.Tensor]) -> list[tf.Tensor]:
    """y, dx, dw, dmu."""
    with tf.GradientTape() as tape:
        tape.watch(values)
        y = dau_tf.dau_conv2d(*values)
        loss = tf.reduce_sum(y**2)
    return [y, *tape.gradient(loss, values)]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same(engine, monkeypatch):
    monkeypatch.setenv("DAU_ENGINE", "reference")
    expected = results(arguments())
    monkeypatch.setenv("DAU_ENGINE", engine)
    for one, other in zip(results(arguments()), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=RELATIVE_TOLERANCE * np.abs(other).max())


def test_dau_engine_is_read_on_each_call(monkeypatch):
    outputs = {}
    for engine in ("reference", "direct", "reference"):
        monkeypatch.setenv("DAU_ENGINE", engine)
        outputs.setdefault(engine, []).append(dau_tf.dau_conv2d(*arguments()).numpy())
    np.testing.assert_array_equal(*outputs["reference"])
    assert not np.array_equal(outputs["reference"][0], outputs["direct"][0])


def test_an_empty_dau_engine_is_none(monkeypatch):
    monkeypatch.setenv("DAU_ENGINE", "")
    assert dau_tf.dau_conv2d(*arguments()).shape == (3, 9, 8, 4)


@pytest.mark.parametrize("value", ["fast", "Direct", "direct "])
def test_an_unknown_dau_engine_is_refused(value, monkeypatch):
    expected = f"DAU_ENGINE must be auto, direct, spectral or reference.*DAU_ENGINE={value}"
    x, w, mu = arguments()
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = dau_tf.dau_conv2d(x, w, mu)
    monkeypatch.setenv("DAU_ENGINE", value)
    with pytest.raises(tf.errors.InvalidArgumentError, match=expected):
        dau_tf.dau_conv2d(x, w, mu)
    with pytest.raises(tf.errors.InvalidArgumentError, match=expected):
        tape.gradient(y, x)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_nan_stays_in_its_image(engine, value, monkeypatch):
    monkeypatch.setenv("DAU_ENGINE", engine)
    x, w, mu = arguments()
    clean = results([x, w, mu])
    spoilt = x.numpy()
    spoilt[1, 4, 4, 0] = value
    y, dx, *_ = results([tf.constant(spoilt), w, mu])
    assert not np.isfinite(y[1]).all()
    for image in (0, 2):
        np.testing.assert_array_equal(y[image], clean[0][image])
        np.testing.assert_array_equal(dx[image], clean[1][image])


ALONE_AND_IN_A_BATCH = """
import numpy as np
import tensorflow as tf
import dau_tf

tf.config.experimental.enable_op_determinism()
tf.random.set_seed(1)
x, w = tf.random.normal([5, 17, 19, 3]), tf.random.normal([2, 3, 4])
mu = tf.random.uniform([2, 2, 3, 4], -3, 3)

def run(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = dau_tf.dau_conv2d(x, w, mu)
        loss = tf.reduce_sum(y ** 2)
    return y, tape.gradient(loss, x)

for whole, again in zip(run(x), run(x)):
    np.testing.assert_array_equal(whole, again)
for n in range(5):
    for whole, alone in zip(run(x), run(x[n : n + 1])):
        np.testing.assert_array_equal(whole[n : n + 1], alone)
"""


def test_with_op_determinism_an_image_does_not_see_the_batch():
    subprocesses.finish(subprocesses.start(ALONE_AND_IN_A_BATCH))
