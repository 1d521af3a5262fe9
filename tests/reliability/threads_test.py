"""Many callers at once: Python threads, sessions, parallel ops of a graph, a forked process."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from tests.dau_tf import subprocesses

THREADS = 8
# (images, units, sigma): one of them many times over, and all of them at once.
SHAPES = [
    ((2, 33, 29, 6), (2, 6, 10), False),
    ((1, 7, 65, 3), (4, 3, 5), False),
    ((3, 24, 24, 8), (1, 8, 16), False),
    ((2, 17, 19, 4), (2, 4, 4), True),
]


def arguments(images, units, per_unit):
    rng = np.random.default_rng(11)
    x, weight = rng.normal(size=images), rng.normal(size=units)
    mu = rng.uniform(-4, 4, (2, *units))
    sigma = rng.uniform(0.3, 1.0, units) if per_unit else 0.5
    return [tf.constant(value, tf.float32) for value in (x, weight, mu, sigma)]


def results(x, weight, mu, sigma):
    """y and the gradients of x, weight and mu."""
    with tf.GradientTape() as tape:
        tape.watch([x, weight, mu])
        y = dau_tf.dau_conv2d(x, weight, mu, sigma=sigma, max_sigma=1.0)
        loss = tf.reduce_sum(y**2)
    return [y, *tape.gradient(loss, [x, weight, mu])]


def bits(tensors):
    return [np.asarray(tensor).tobytes() for tensor in tensors]


@pytest.mark.parametrize("shapes", [SHAPES[:1] * THREADS, SHAPES * 2], ids=["same", "different"])
def test_eight_python_threads_at_once(shapes):
    inputs = [arguments(*shape) for shape in shapes]
    expected = [bits(results(*values)) for values in inputs]
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(5):
            assert list(pool.map(lambda values: bits(results(*values)), inputs)) == expected


def test_ops_of_a_graph_at_once():
    inputs = [arguments(*shape) for shape in SHAPES]
    expected = [bits(results(*values)) for values in inputs]
    graph = tf.function(lambda: [results(*values) for values in inputs])
    for _ in range(3):
        assert [bits(tensors) for tensors in graph()] == expected


def test_two_sessions_at_once():
    inputs = [arguments(*shape) for shape in SHAPES[:2]]
    expected = [bits(results(*values)[:1]) for values in inputs]

    def run(i):
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            constants = [tf.constant(value.numpy()) for value in inputs[i]]
            x, weight, mu, sigma = constants
            y = dau_tf.dau_conv2d(x, weight, mu, sigma=sigma, max_sigma=1.0)
            return [bits([session.run(y)]) for _ in range(5)]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, range(2))) == [[value] * 5 for value in expected]


# TensorFlow's threads start with the first op, and a fork has none of them: it may come after the
# import, and not after a call.
FORK = """
import multiprocessing
import numpy as np
import tensorflow as tf
import dau_tf

def call(_):
    y = dau_tf.dau_conv2d(tf.ones([1, 9, 9, 2]), tf.ones([1, 2, 3]), tf.zeros([2, 1, 2, 3]))
    return float(tf.reduce_sum(y))

with multiprocessing.get_context("fork").Pool(2) as pool:
    children = pool.map_async(call, range(4)).get(timeout=240)
np.testing.assert_equal(children, [call(0)] * 4)
"""


def test_fork_after_import():
    subprocesses.finish(subprocesses.start(FORK))
