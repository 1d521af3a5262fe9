"""Our layers are what Keras expects of layers."""

import keras
import pytest

from dau_tf import DAUConv2D
from dau_tf.replacement import ReplacedConv2D
from tests.dau_tf.layer_conformance import Subject, run_layer_test

NAMES = ("unit_weight", "displacement", "bias")
SIGMA = ("sigma",)
FIRST = {"data_format": "channels_first"}
VALID = {"padding": "valid", "max_displacement": 1.0, "sigma": 0.3}

SUBJECTS = {
    "plain": Subject(DAUConv2D, {"filters": 4}, (2, 7, 6, 3), NAMES, SIGMA),
    "no_bias": Subject(
        DAUConv2D, {"filters": 4, "use_bias": False}, (2, 7, 6, 3), NAMES[:2], SIGMA
    ),
    "channels_first": Subject(DAUConv2D, {"filters": 4, **FIRST}, (2, 3, 7, 6), NAMES, SIGMA),
    "stride": Subject(DAUConv2D, {"filters": 2, "strides": (2, 3)}, (2, 7, 9, 3), NAMES, SIGMA),
    "valid": Subject(DAUConv2D, {"filters": 2, **VALID}, (2, 9, 8, 1), NAMES, SIGMA),
    "groups": Subject(DAUConv2D, {"filters": 6, "groups": 2}, (2, 5, 6, 4), NAMES, SIGMA),
    "depthwise": Subject(DAUConv2D, {"filters": 3, "groups": 3}, (2, 5, 6, 3), NAMES, SIGMA),
    "exact": Subject(
        DAUConv2D,
        {
            "filters": 2,
            "units": 5,
            "displacement_gradient": "exact",
            "activation": "tanh",
            "max_displacement": None,
            "weight_regularizer": keras.regularizers.L2(1e-3),
        },
        (2, 5, 6, 2),
        NAMES,
        SIGMA,
    ),
    "row": Subject(DAUConv2D, {"filters": 4}, (2, 1, 16, 3), NAMES, SIGMA),
    "sigma_per_unit": Subject(
        DAUConv2D,
        {"filters": 4, "sigma_mode": "per_unit", "sigma_trainable": True, "groups": 2},
        (2, 6, 7, 4),
        (*NAMES[:2], "sigma", "bias"),
        rounding=1e-6,
    ),
    "sigma_per_unit_fixed": Subject(
        DAUConv2D,
        {"filters": 4, "sigma_mode": "per_unit", "sigma_initializer": "ones", "strides": 2},
        (2, 6, 7, 3),
        NAMES,
        SIGMA,
        1e-6,
    ),
    "sigma_trained": Subject(
        DAUConv2D,
        {"filters": 4, "sigma_trainable": True, "sigma": 0.6, **FIRST},
        (2, 3, 6, 7),
        (*NAMES[:2], "sigma", "bias"),
        rounding=1e-6,
    ),
    "ragged": Subject(
        DAUConv2D,
        {"filters": 4, "units": 3, "unit_count": 20},
        (2, 7, 6, 3),
        NAMES,
        ("units_per_pair", *SIGMA),
    ),
    "replaced": Subject(
        ReplacedConv2D,
        {"filters": 4, "kernel_size": (3, 5), "strides": 2, "conv_padding": "valid"},
        (2, 8, 9, 3),
        NAMES,
        SIGMA,
    ),
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_conformance(name, tmp_path):
    run_layer_test(SUBJECTS[name], tmp_path)
