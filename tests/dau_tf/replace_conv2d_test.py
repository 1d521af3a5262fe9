"""`replace_conv2d`: the same network with DAU layers in the place of its convolutions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from dau_tf.replacement import ReplacedConv2D

# What one unit can do exactly: a kernel with one weight a (channel, filter) pair, and a blur of
# sigma 0.01, which is the identity. The ridge of 1e-4 takes that much off the weights.
EXACT = {"units": 1, "sigma": 0.01, "fit_weights": True, "print_fn": None}
FIT_TOLERANCE = 5e-4


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(0)


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def leave_one_weight(layer) -> None:
    """Zeroes a kernel but for one weight, at a place of its own, for each pair."""
    kernel = layer.kernel.numpy()
    flat = kernel.reshape(-1, int(np.prod(kernel.shape[2:])))
    places = np.random.default_rng(2).integers(0, len(flat), flat.shape[1])
    kept = np.zeros_like(flat)
    kept[places, np.arange(flat.shape[1])] = np.random.default_rng(3).normal(size=flat.shape[1])
    layer.kernel.assign(kept.reshape(kernel.shape))
    if layer.use_bias:
        layer.bias.assign(np.random.default_rng(4).normal(size=layer.bias.shape))


# Conv2D's arguments; the image's size is one of all parities to the strides
CONVOLUTIONS = [
    {"kernel_size": 3, "padding": "same"},
    {"kernel_size": 5, "padding": "valid"},
    {"kernel_size": 3, "padding": "same", "strides": 2},
    {"kernel_size": 3, "padding": "valid", "strides": 2},
    {"kernel_size": 7, "padding": "same", "strides": 3},
    {"kernel_size": (5, 3), "padding": "valid", "strides": (3, 2)},
    {"kernel_size": (1, 7), "padding": "same"},
    {"kernel_size": 4, "padding": "same", "strides": 2},
    {"kernel_size": 2, "padding": "valid"},
    {"kernel_size": 3, "padding": "same", "dilation_rate": 2},
    {"kernel_size": 3, "padding": "valid", "dilation_rate": (1, 3)},
    {"kernel_size": 3, "padding": "same", "groups": 2},
    {"kernel_size": 3, "padding": "same", "use_bias": False, "activation": "relu"},
]


@pytest.mark.parametrize("arguments", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("size", [(12, 13), (11, 10), (None, None)])
def test_outputs_stand_where_they_stood(arguments, size):
    conv = keras.layers.Conv2D(6, name="conv", **arguments)
    model = keras.Sequential([keras.Input((*size, 4)), conv])
    leave_one_weight(conv)
    new = dau_tf.replace_conv2d(model, lambda layer: True, **EXACT)
    assert isinstance(new.layers[0], dau_tf.DAUConv2D)
    assert new.output_shape == model.output_shape
    for known in [(12, 13), (11, 10), (14, 15)] if size == (None, None) else [size]:
        x = images(2, *known, 4)
        # TensorFlow has no grouped convolution on the CPU but in a graph.
        expected = tf.function(model)(x)
        np.testing.assert_allclose(new(x), expected, atol=FIT_TOLERANCE * np.abs(expected).max())


@pytest.mark.parametrize("strides", [1, 2])
def test_depthwise_where_selected(strides):
    conv = keras.layers.DepthwiseConv2D(3, strides, padding="same", depth_multiplier=2)
    model = keras.Sequential([keras.Input((8, 9, 3)), conv, keras.layers.Conv2D(2, 3)])
    leave_one_weight(conv)
    x = images(2, 8, 9, 3)
    new = dau_tf.replace_conv2d(model, "depthwise", **EXACT)
    assert new.layers[0].groups == 3
    assert isinstance(new.layers[1], keras.layers.Conv2D)
    np.testing.assert_allclose(new(x), model(x), atol=FIT_TOLERANCE * 10)
    assert isinstance(dau_tf.replace_conv2d(model, print_fn=None).layers[0], type(conv))


def test_channels_first():
    conv = keras.layers.Conv2D(3, 3, 2, padding="same", data_format="channels_first")
    inputs = keras.Input((2, 8, 9))
    try:
        model = keras.Model(inputs, conv(inputs))
    except (ValueError, tf.errors.OpError):
        pytest.skip("this TensorFlow has no channels_first convolution")
    new = dau_tf.replace_conv2d(model, print_fn=None)
    assert new.layers[1].data_format == "channels_first"
    assert new(images(2, 2, 8, 9)).shape == (2, 3, 4, 5)


def two_towers() -> keras.Model:
    """Two inputs, a shared layer, a nested model used twice, a frozen layer, an operation."""
    keras.utils.set_random_seed(3)
    first, second = keras.Input((8, 8, 2), name="a"), keras.Input((8, 8, 2), name="b")
    shared = keras.layers.Conv2D(4, 3, padding="same", name="shared")
    inside = keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="inside"),
            keras.layers.BatchNormalization(name="norm"),
        ],
        name="nested",
    )
    frozen = keras.layers.Conv2D(3, 1, name="frozen", trainable=False)
    x, y = inside(shared(first)), inside(shared(second))
    total = keras.ops.add(x, 2.0 * y)
    outputs = {"total": frozen(total), "mean": keras.layers.GlobalAveragePooling2D()(x)}
    return keras.Model({"a": first, "b": second}, outputs, name="towers")


def test_shared_layers_nested_models_and_several_inputs():
    model = two_towers()
    for layer in (model.get_layer("shared"), model.get_layer("nested").get_layer("inside")):
        leave_one_weight(layer)
    model.get_layer("nested").get_layer("norm").moving_mean.assign([0.1, 0.2, 0.3, 0.4])
    before = [v.numpy() for v in model.variables]
    new = dau_tf.replace_conv2d(model, **EXACT)

    replaced = [
        layer.name for layer in new._flatten_layers() if isinstance(layer, dau_tf.DAUConv2D)
    ]
    assert sorted(replaced) == ["inside", "shared"]
    assert new.name == "towers"
    assert [layer.name for layer in new.layers] == [layer.name for layer in model.layers]
    assert not new.get_layer("frozen").trainable
    x = {"a": images(2, 8, 8, 2), "b": images(2, 8, 8, 2)[::-1]}
    expected = model(x)
    for name, output in new(x).items():
        largest = np.abs(expected[name]).max()
        np.testing.assert_allclose(output, expected[name], atol=FIT_TOLERANCE * largest)
    for old, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, variable, err_msg="the model itself stays as it is")


@pytest.mark.parametrize(
    ("where", "replaced"),
    [
        ("^shared$", ["shared"]),
        (["inside"], ["inside"]),
        (lambda layer: layer.activation is keras.activations.relu, ["inside"]),
        (None, ["inside", "shared"]),
        ("s", ["inside", "shared"]),
    ],
)
def test_where(where, replaced):
    new = dau_tf.replace_conv2d(two_towers(), where, print_fn=None)
    names = [layer.name for layer in new._flatten_layers() if isinstance(layer, dau_tf.DAUConv2D)]
    assert sorted(names) == replaced


def test_settings_are_taken_over_or_given():
    conv = keras.layers.Conv2D(
        4, 5, padding="same", activation="tanh", dtype="mixed_bfloat16", name="conv",
        kernel_initializer=keras.initializers.HeNormal(seed=1),
        kernel_regularizer=keras.regularizers.L2(0.5), trainable=False, bias_initializer="ones",
    )  # fmt: skip
    model = keras.Sequential([keras.Input((8, 8, 2)), conv])
    layer = dau_tf.replace_conv2d(model, print_fn=None).layers[0]
    assert (layer.name, layer.units, layer.max_displacement) == ("conv", 2, 4.0)
    assert layer.activation is keras.activations.tanh
    assert layer.dtype_policy.name == "mixed_bfloat16"
    assert not layer.trainable
    assert layer.weight_regularizer.l2 == 0.5
    assert isinstance(layer.weight_initializer, keras.initializers.HeNormal)
    assert 2.0 < np.abs(layer.displacement.numpy()).max() <= 2.5
    np.testing.assert_array_equal(layer.bias, np.ones(4))

    near = dau_tf.replace_conv2d(model, max_displacement=0.5, print_fn=None).layers[0]
    assert np.mean(np.abs(near.displacement.numpy()) == 0.5) < 0.1, "not piled up at the limit"

    given = {"sigma": 0.35, "max_displacement": 1.0, "displacement_initializer": "ones"}
    layer = dau_tf.replace_conv2d(model, units=6, print_fn=None, **given).layers[0]
    assert (layer.units, layer.initial_sigma, layer.max_displacement) == (6, 0.35, 1.0)
    np.testing.assert_array_equal(layer.displacement, np.ones((2, 6, 2, 4)))


def test_the_table():
    conv = keras.layers.Conv2D
    layers = [conv(8, 3, name="one"), conv(8, 1), conv(4, 5, name="two"), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((9, 9, 3)), *layers, keras.layers.Dense(2)], name="net")
    tables: list[str] = []
    dau_tf.replace_conv2d(model, "one|two", print_fn=tables.append)
    lines = tables[0].splitlines()
    assert lines[0].split() == ["layer", "kernel", "parameters", "with", "DAU", "saved"]
    assert lines[1].split() == ["one", "3x3", "224", "152", "32.1%"]  # 216 + 8, 144 + 8
    assert lines[2].split() == ["two", "5x5", "804", "196", "75.6%"]
    assert lines[4].split() == ["replaced", "layers", "1,028", "348", "66.1%"]
    assert lines[5].split() == ["whole", "model", "1,174", "494", "57.9%"]
    assert lines[6] == "2 convolutions replaced, 0 with larger kernels than 1 x 1 kept"


# model, image, layers replaced, trainable parameters saved
APPLICATIONS = [
    # DESIGN.md: 11,317,248 - 7,544,832 in the 3x3 layers, and the 7x7 stem's 3 * 64 * (49 - 6).
    (keras.applications.ResNet50V2, (64, 64, 3), 17, 11317248 - 7544832 + 3 * 64 * 43),
    (keras.applications.MobileNetV2, (64, 64, 3), 1, 3 * 32 * 3),
    (keras.applications.EfficientNetV2B0, (64, 64, 3), 6, 171360 - 114240),
]


@pytest.mark.parametrize(("build", "shape", "replaced", "saved"), APPLICATIONS)
def test_applications(build, shape, replaced, saved, tmp_path):
    model = build(weights=None, input_shape=shape, classes=5)
    new = dau_tf.replace_conv2d(model, print_fn=None)
    layers = [layer for layer in new.layers if isinstance(layer, dau_tf.DAUConv2D)]
    assert len(layers) == replaced
    assert new.output_shape == model.output_shape
    sigmas = len(layers)
    assert model.count_params() - new.count_params() + sigmas == saved
    for old in model.layers:
        again = new.get_layer(old.name)
        if not isinstance(again, dau_tf.DAUConv2D):
            for one, other in zip(old.weights, again.weights, strict=True):
                np.testing.assert_array_equal(one, other)
    new.save(tmp_path / "new.keras")
    x = images(2, *shape)
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "new.keras")(x), new(x))


def test_the_new_network_trains():
    model = two_towers()
    model.compile("sgd", {"total": "mse", "mean": "mae"})
    new = dau_tf.replace_conv2d(model, print_fn=None)
    assert new.compiled
    before = [v.numpy() for v in new.trainable_variables]
    x = {"a": images(4, 8, 8, 2), "b": images(4, 8, 8, 2)}
    new.fit(x, {"total": images(4, 8, 8, 3), "mean": images(4, 4)}, epochs=1, verbose=0)
    for old, variable in zip(before, new.trainable_variables, strict=True):
        assert not np.array_equal(old, variable), variable.path


@pytest.mark.parametrize("bad", [keras.Sequential([keras.layers.Conv2D(1, 3)]), "model", None])
def test_other_models_are_refused(bad):
    with pytest.raises(ValueError, match="functional or sequential Keras model that is built"):
        dau_tf.replace_conv2d(bad)


def test_nothing_to_replace_is_refused():
    with pytest.raises(ValueError, match=r"where='no_such', which selects none of .'shared'"):
        dau_tf.replace_conv2d(two_towers(), "no_such")


def test_fitting_the_general_form_is_refused():
    with pytest.raises(ValueError, match=r"fit_weights=True.*sigma_mode='per_unit'"):
        dau_tf.replace_conv2d(two_towers(), fit_weights=True, sigma_mode="per_unit")
    dau_tf.replace_conv2d(two_towers(), print_fn=None, sigma_mode="per_unit")


def test_a_kernel_larger_than_the_image_is_refused():
    with pytest.raises(ValueError, match="kernel of size 5 must fit into the image"):
        ReplacedConv2D(2, 5, conv_padding="valid")(keras.Input((4, 9, 1)))


def test_config_round_trip():
    layer = ReplacedConv2D(2, (5, 3), (2, 1), dilation_rate=2, conv_padding="valid", units=3)
    again = ReplacedConv2D.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.kernel_size, again.dilation_rate, again.conv_padding) == ((5, 3), (2, 2), "valid")
