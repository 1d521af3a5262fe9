"""Every refusal of `dau_conv2d` names the argument, what was expected and what came."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import dau_tf

GOOD = {
    "inputs": tf.zeros([1, 9, 9, 3]),
    "weight": tf.zeros([2, 3, 4]),
    "displacement": tf.zeros([2, 2, 3, 4]),
}

# (arguments, exception, what the message says)
REFUSED = [
    ({"strides": 0}, ValueError, r"`strides` must be an integer >= 1 or a pair.*strides=0"),
    ({"strides": (1, 2, 3)}, ValueError, r"`strides`.*Received: strides=\(1, 2, 3\)"),
    ({"strides": (1, -1)}, ValueError, r"`strides`.*strides=\(1, -1\)"),
    ({"strides": 1.5}, ValueError, r"`strides`.*strides=1.5"),
    ({"strides": True}, ValueError, r"`strides`.*strides=True"),
    ({"padding": "full"}, ValueError, r'`padding` must be "same" or "valid".*padding=\'full\''),
    ({"padding": 3}, ValueError, r"`padding`.*padding=3"),
    ({"data_format": "NHWC"}, ValueError, r'`data_format` must be "channels_last" or "channels_f'),
    ({"groups": 0}, ValueError, r"`groups` must be an integer >= 1.*groups=0"),
    ({"groups": 3}, ValueError, r"`weight`.*\(K, S / groups, F\) with S=3.*groups=3.*\(2, 3, 4\)"),
    (
        {
            "groups": 3,
            "weight": tf.zeros([2, 1, 4]),
            "displacement": tf.zeros([2, 2, 1, 4]),
        },
        ValueError,
        r"`groups` must divide the filters F of `weight`.*multiple of groups=3.*Received: 4",
    ),
    ({"max_displacement": -1.0}, ValueError, r"`max_displacement` must be a number >= 0.*=-1.0"),
    ({"max_displacement": float("nan")}, ValueError, r"`max_displacement`.*=nan"),
    ({"max_displacement": "4"}, ValueError, r"`max_displacement`.*='4'"),
    ({"padding": "valid"}, ValueError, r'padding="valid" needs a finite `max_displacement`.*=None'),
    (
        {"padding": "valid", "max_displacement": float("inf")},
        ValueError,
        r'padding="valid" needs a finite `max_displacement`.*=inf',
    ),
    (
        {"displacement_gradient": "none"},
        ValueError,
        r'`displacement_gradient` must be "gaussian" o',
    ),
    ({"sigma": 0}, ValueError, r"`sigma` must be a finite number > 0.*sigma=0"),
    ({"sigma": -0.5}, ValueError, r"`sigma`.*sigma=-0.5"),
    ({"sigma": float("nan")}, ValueError, r"`sigma`.*sigma=nan"),
    ({"sigma": float("inf")}, ValueError, r"`sigma`.*sigma=inf"),
    ({"sigma": np.float32(-1)}, ValueError, r"`sigma`.*-1"),
    ({"sigma": tf.ones([2, 3, 4])}, ValueError, r"per unit needs `max_sigma`.*max_sigma=None"),
    ({"sigma": tf.ones([2, 3, 4]), "max_sigma": 0}, ValueError, r"`max_sigma` must be.*> 0.*=0"),
    ({"sigma": tf.ones([2, 3, 5])}, ValueError, r"`sigma` must.*\(2, 3, 4\).*\(2, 3, 5\)"),
    ({"sigma": [0.5, 0.5]}, ValueError, r"`sigma` must be a scalar.*\(2,\)"),
    ({"inputs": tf.zeros([9, 9, 3])}, ValueError, r"`inputs` must have rank 4, \(N, H, W, S\)"),
    ({"weight": tf.zeros([3, 4])}, ValueError, r"`weight` must have rank 3, \(K, S / g.*\(3, 4\)"),
    ({"displacement": tf.zeros([2, 3, 4])}, ValueError, r"`displacement` must have rank 4, \(2, K"),
    ({"weight": tf.zeros([2, 5, 4])}, ValueError, r"`weight` must have shape.*S=3.*\(2, 5, 4\)"),
    ({"data_format": "channels_first"}, ValueError, r"`weight`.*S=9.*channels_first"),
    ({"displacement": tf.zeros([2, 1, 3, 4])}, ValueError, r"`displacement` must.*\(2, 2, 3, 4\)"),
    ({"displacement": tf.zeros([3, 2, 3, 4])}, ValueError, r"`displacement` must.*\(2, 2, 3, 4\)"),
    (
        {"inputs": tf.zeros([1, 9, 9, 3], tf.float64)},
        TypeError,
        r"`weight` must have the dtype of ",
    ),
    (
        {"displacement": tf.zeros([2, 2, 3, 4], tf.float16)},
        TypeError,
        r"`displacement` must have the dtype of `inputs`, float32.*float16",
    ),
    (
        {"inputs": keras.Input((9, 9, 3))},
        TypeError,
        r"`inputs` is a symbolic KerasTensor.*DAUConv2D",
    ),
]


@pytest.mark.parametrize(("arguments", "exception", "message"), REFUSED)
def test_refused_with_a_message(arguments, exception, message):
    with pytest.raises(exception, match=message):
        dau_tf.dau_conv2d(**{**GOOD, **arguments})


@pytest.mark.parametrize("dtype", [tf.int32, tf.complex64])
def test_other_dtypes_are_refused(dtype):
    expected = "`inputs` must be float16, bfloat16, float32 or float64"
    with pytest.raises(TypeError, match=f"{expected}.*{dtype.name}"):
        dau_tf.dau_conv2d(**{name: tf.cast(value, dtype) for name, value in GOOD.items()})


# (arguments, the name that the kernel's message gives)
REFUSED_BY_THE_KERNEL = [
    ({"displacement": np.full((2, 2, 3, 4), np.nan)}, "displacement"),
    ({"displacement": np.full((2, 2, 3, 4), np.inf)}, "displacement"),
    ({"sigma": tf.constant(0.0)}, "sigma"),
    ({"sigma": tf.constant(-1.0)}, "sigma"),
    ({"sigma": tf.constant(float("nan"))}, "sigma"),
    ({"padding": "valid", "max_displacement": 3.0}, "valid|VALID|padding"),
]


@pytest.mark.parametrize(("arguments", "name"), REFUSED_BY_THE_KERNEL)
def test_values_are_refused_when_the_op_runs(arguments, name):
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match=name):
        dau_tf.dau_conv2d(**{**GOOD, **arguments})


def test_one_nan_among_the_displacements_is_refused():
    displacement = np.zeros((2, 2, 3, 4), np.float32)
    displacement[1, 1, 2, 3] = np.nan
    with pytest.raises(tf.errors.InvalidArgumentError, match="displacement"):
        dau_tf.dau_conv2d(**{**GOOD, "displacement": displacement})


def test_shapes_unknown_to_the_graph_are_refused_when_it_runs():
    unknown = [tf.TensorSpec(None, tf.float32)] * 3
    graph = tf.function(dau_tf.dau_conv2d, input_signature=unknown)
    with pytest.raises(tf.errors.InvalidArgumentError, match="weight"):
        graph(tf.zeros([1, 9, 9, 3]), tf.zeros([2, 5, 4]), tf.zeros([2, 2, 5, 4]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="displacement"):
        graph(tf.zeros([1, 9, 9, 3]), tf.zeros([2, 3, 4]), tf.zeros([2, 1, 3, 4]))


def test_groups_need_the_shape_of_the_weight_in_a_graph():
    unknown = [tf.TensorSpec([None] * rank, tf.float32) for rank in (4, 3, 4)]
    graph = tf.function(lambda *a: dau_tf.dau_conv2d(*a, groups=3), input_signature=unknown)
    with pytest.raises(ValueError, match=r"groups > 1 the shapes of `weight`.*groups=3.*None"):
        graph(tf.zeros([1, 9, 9, 3]), tf.zeros([2, 1, 3]), tf.zeros([2, 2, 1, 3]))
