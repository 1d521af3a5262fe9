"""Stock layers in the place of DAU layers: the same outputs, and nothing of ours left."""

import json

import keras
import numpy as np
import pytest

import dau_tf
from dau_tf.replacement import ReplacedConv2D

# float32 sums of up to a thousand products in another order: 6e-8 times the square root of their
# number, and no more than ten such layers one after the other. Relative to the largest output.
TOLERANCE = 1e-5
DOUBLE_TOLERANCE = 1e-13

FAR = keras.initializers.RandomUniform(-9, 9)
TO_THE_RIGHT = keras.initializers.Constant(3.25)
SIGMAS = keras.initializers.RandomUniform(0.3, 0.9)
VALID = {"padding": "valid", "max_displacement": 1.75}

LAYERS = {
    "plain": {},
    "one unit": {"units": 1},
    "integers": {"displacement_initializer": keras.initializers.Constant(2.0)},
    "stride": {"strides": 2},
    "strides": {"strides": (3, 2), "activation": "relu"},
    "one side": {"displacement_initializer": TO_THE_RIGHT},
    "one side, stride": {"displacement_initializer": TO_THE_RIGHT, "strides": 3},
    "beyond the image": {"displacement_initializer": FAR, "max_displacement": None},
    "valid": VALID,
    "valid, stride": {**VALID, "strides": (2, 3)},
    "valid, one side": {**VALID, "displacement_initializer": keras.initializers.Constant(1.75)},
    "groups": {"groups": 2},
    "groups, stride": {"groups": 2, "strides": (1, 2)},
    "depthwise": {"groups": 4, "strides": 2},
    "depthwise, strides": {"groups": 4, "strides": (1, 2)},
    "channels first": {"data_format": "channels_first", "activation": "softmax"},
    "channels first, stride": {"data_format": "channels_first", "strides": 2, "groups": 2},
    "sigma learned": {"sigma_trainable": True, "sigma_initializer": SIGMAS},
    "sigma a unit": {"sigma_mode": "per_unit", "sigma_initializer": SIGMAS, "strides": 2},
    "sigma a unit, valid": {"sigma_mode": "per_unit", "sigma_initializer": SIGMAS, **VALID},
    "wide sigma": {"sigma": 1.7},
    "no bias": {"use_bias": False},
    "ragged": {"unit_count": 40},
    "ragged, sigma a unit": {"unit_count": 40, "sigma_mode": "per_unit"},
    "no unit": {"unit_count": 0},
}
REPLACED = {
    "same": (keras.layers.Conv2D, {"kernel_size": 3, "strides": 2, "padding": "same"}),
    "even": (keras.layers.Conv2D, {"kernel_size": (4, 2), "strides": 2, "padding": "same"}),
    "one axis": (keras.layers.Conv2D, {"kernel_size": 3, "strides": (1, 3), "padding": "same"}),
    "valid": (keras.layers.Conv2D, {"kernel_size": (5, 4), "strides": (2, 1)}),
    "dilated": (keras.layers.Conv2D, {"kernel_size": 3, "dilation_rate": 2}),
    "groups": (keras.layers.Conv2D, {"kernel_size": 3, "groups": 2}),
    "depthwise": (keras.layers.DepthwiseConv2D, {"kernel_size": 3, "strides": 2}),
}


def images(size: tuple[int, int], channels_first: bool = False, dtype="float32") -> np.ndarray:
    x = np.random.default_rng(1).normal(size=(2, *size, 4)).astype(dtype)
    return np.moveaxis(x, 3, 1) if channels_first else x


def network(**options) -> keras.Model:
    keras.utils.set_random_seed(2)
    shape = (None, None, 4)
    if options.get("data_format") == "channels_first":
        shape = (4, None, None)
    layer = dau_tf.DAUConv2D(
        8, **{"units": 3, "name": "dau", "bias_initializer": "normal", **options}
    )
    return keras.Sequential([keras.Input(shape, dtype=options.get("dtype")), layer])


def assert_same(model: keras.Model, standard: keras.Model, x, tolerance=TOLERANCE) -> None:
    for actual, expected in zip(
        keras.tree.flatten(standard(x)), keras.tree.flatten(model(x)), strict=True
    ):
        assert actual.shape == expected.shape
        assert actual.dtype == expected.dtype
        largest = max(np.abs(expected).max(initial=0), np.finfo("float32").tiny)
        assert np.abs(actual - expected).max(initial=0) <= tolerance * largest


def assert_stock(standard: keras.Model) -> None:
    for layer in standard._flatten_layers():
        assert type(layer).__module__.startswith("keras."), layer
    assert "dau_tf" not in json.dumps(standard.get_config(), default=str)


@pytest.mark.parametrize("size", [(13, 16), (12, 11)], ids=str)
@pytest.mark.parametrize("options", LAYERS.values(), ids=LAYERS.keys())
def test_outputs_are_the_same(options, size):
    model = network(**options)
    standard = dau_tf.export.to_standard(model)
    assert_stock(standard)
    assert_same(model, standard, images(size, "data_format" in options))


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 5)], ids=str)
@pytest.mark.parametrize("name", ["plain", "strides", "one side, stride", "beyond the image"])
def test_images_smaller_than_the_kernel(name, size):
    model = network(**LAYERS[name])
    assert_same(model, dau_tf.export.to_standard(model), images(size))


def test_doubles():
    model = network(dtype="float64", strides=2, sigma_trainable=True)
    x = images((13, 16), dtype="float64")
    assert_same(model, dau_tf.export.to_standard(model), x, DOUBLE_TOLERANCE)


@pytest.mark.parametrize("size", [(13, 16), (12, 11)], ids=str)
@pytest.mark.parametrize(("kind", "options"), REPLACED.values(), ids=REPLACED.keys())
def test_layers_in_the_place_of_convolutions(kind, options, size):
    keras.utils.set_random_seed(3)
    filters = (8,) if kind is keras.layers.Conv2D else ()
    model = keras.Sequential([keras.Input((None, None, 4)), kind(*filters, **options)])
    model = dau_tf.replace_conv2d(model, lambda layer: True, max_displacement=5, print_fn=None)
    standard = dau_tf.export.to_standard(model)
    assert_stock(standard)
    assert_same(model, standard, images(size))


def test_kernels_are_no_larger_than_the_units_reach():
    model = network(displacement_initializer=TO_THE_RIGHT, sigma=0.5)
    conv = dau_tf.export.to_standard(model).get_layer("dau").layers[-1]
    # 3.25 px down and right, a blur of radius 2, bilinear: from 1 to 6; and the centre.
    assert conv.kernel.shape == (7, 7, 4, 8)


def test_sigma_that_was_assigned():
    model = network(sigma=0.3)
    model.get_layer("dau").sigma.assign(0.9)  # three times the radius of the blur
    assert_same(model, dau_tf.export.to_standard(model), images((9, 9)))


def test_a_functional_model_with_shared_and_nested_layers():
    keras.utils.set_random_seed(4)
    inside = keras.Sequential([dau_tf.DAUConv2D(4, strides=2, name="deep"), keras.layers.ReLU()])
    shared = dau_tf.DAUConv2D(4, name="shared", displacement_initializer=TO_THE_RIGHT)
    x = keras.Input((None, None, 4), name="pictures")
    y = inside(shared(shared(x)))
    model = keras.Model(x, {"deep": y, "mean": keras.layers.GlobalAveragePooling2D()(y)})
    optimizer = keras.optimizers.Adam
    groups = dau_tf.optimizers.ParameterGroups([("displacement$", optimizer())], optimizer())
    model.compile(groups, "mse")
    standard = dau_tf.export.to_standard(model)
    assert_stock(standard)
    assert_same(model, standard, images((9, 10)))
    assert [layer.name for layer in standard.layers] == [layer.name for layer in model.layers]
    assert standard.inputs[0].name == "pictures"
    assert model.compiled
    assert not standard.compiled
    keras.models.clone_model(standard)


def no_dau_layer() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])


def own_layer() -> keras.Model:
    class Mine(dau_tf.DAUConv2D):
        pass

    return keras.Sequential([keras.Input((8, 8, 4)), Mine(3, name="mine")])


def not_finite() -> keras.Model:
    model = network()
    model.get_layer("dau").unit_weight.assign(np.full((3, 4, 8), np.nan))
    return model


def replaced_with_gaps() -> keras.Model:
    layer = ReplacedConv2D(8, kernel_size=2, strides=3, name="gaps")
    return keras.Sequential([keras.Input((8, 8, 4)), layer])


def wrapped() -> keras.Model:
    layer = keras.layers.TimeDistributed(dau_tf.DAUConv2D(3, name="hidden"))
    return keras.Sequential([keras.Input((2, 8, 8, 4)), layer])


def too_large() -> keras.Model:
    wide = keras.initializers.RandomUniform(-5000, 5000)
    return network(displacement_initializer=wide, max_displacement=None)


REFUSED = {
    "no DAU layer": (no_dau_layer, "must hold a DAUConv2D"),
    "not built": (lambda: keras.Sequential([dau_tf.DAUConv2D(3)]), "built"),
    "own class": (own_layer, "'mine' must be a DAUConv2D.*Received: Mine"),
    "not finite": (not_finite, "'dau' must have finite variables. Received: unit_weight with 96"),
    "gaps": (replaced_with_gaps, r"'gaps' replaced.*strides=\(3, 3\)"),
    "wrapped": (wrapped, r"Received: \['hidden'\] within a wrapper"),
    "too large": (too_large, "'dau' must fit into a kernel of 134,217,728 weights"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        dau_tf.export.to_standard(make())
