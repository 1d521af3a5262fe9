"""A few hundred calls of `op_fuzz`, and what it has found."""

import pytest
import tensorflow as tf

from dau_tf.ops import loader
from tests.reliability import op_fuzz


def test_random_calls_are_right_or_refused():
    counts = op_fuzz.fuzz(calls=300, seed=2)
    assert counts["right"] > 100, counts
    assert counts["InvalidArgumentError"] > 10, counts
    assert counts["neighbours kept"] > 10, counts


# The shape [2, 2^62, 0, 3] that such a weight asks of the displacement has more elements than
# TensorFlow counts, on the way to 0.
@pytest.mark.parametrize("op", ["dau_conv2d", "dau_sigma_conv2d"])
def test_a_weight_without_elements_and_huge_extents_is_refused(op):
    attributes = {"max_sigma": 1.0} if "sigma" in op else {}
    with pytest.raises(tf.errors.InvalidArgumentError, match="displacement"):
        getattr(loader.load_library(), op)(
            input=tf.zeros([1, 4, 4, 0]),
            weight=tf.zeros([2**62, 0, 3]),
            displacement=tf.zeros([2, 1, 1, 1]),
            sigma=0.5,
            **attributes,
        )


# `valid` needs a max_displacement; while shapes are inferred there is none, nor one sigma.
def test_a_sigma_a_unit_without_max_displacement_is_refused_in_a_graph():
    op = loader.load_library().dau_sigma_conv2d
    inputs = {"input": tf.zeros([1, 9, 9, 2]), "weight": tf.zeros([1, 2, 3])}
    inputs |= {"displacement": tf.zeros([2, 1, 2, 3]), "sigma": tf.fill([1, 2, 3], 0.5)}
    graph = tf.function(lambda: op(**inputs, max_sigma=1.0, padding="VALID"))
    with pytest.raises(tf.errors.InvalidArgumentError, match="max_displacement"):
        graph()
