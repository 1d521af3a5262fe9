"""`DAUConv2D`: variables, shapes, saving, policies, training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from dau_tf import DAUConv2D
from tests.dau_tf import subprocesses

CUSTOM = {
    "filters": 5,
    "units": 3,
    "strides": (2, 1),
    "padding": "valid",
    "data_format": "channels_last",
    "max_displacement": 2.0,
    "sigma": 0.4,
    "displacement_gradient": "exact",
    "activation": "relu",
    "use_bias": False,
    "weight_initializer": keras.initializers.HeNormal(seed=1),
    "displacement_initializer": keras.initializers.RandomNormal(stddev=0.5, seed=2),
    "bias_initializer": "ones",
    "weight_regularizer": keras.regularizers.L2(1e-4),
    "displacement_regularizer": keras.regularizers.L1(1e-3),
    "bias_regularizer": keras.regularizers.L2(1e-2),
    "activity_regularizer": keras.regularizers.L2(1e-5),
    "weight_constraint": keras.constraints.MaxNorm(3.0),
    "displacement_constraint": keras.constraints.NonNeg(),
    "bias_constraint": keras.constraints.NonNeg(),
    "name": "custom",
}


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(0)


def images(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype(dtype)


def built(*args, channels: int = 3, **options) -> DAUConv2D:
    layer = DAUConv2D(*args, **options)
    first = layer.data_format == "channels_first"
    layer.build((None, channels, None, None) if first else (None, None, None, channels))
    return layer


def test_variables():
    layer = built(7, units=4)
    shapes = {v.name: tuple(v.shape) for v in layer.weights}
    assert shapes == {
        "unit_weight": (4, 3, 7),
        "displacement": (2, 4, 3, 7),
        "bias": (7,),
        "sigma": (),
    }
    assert [v.name for v in layer.trainable_weights] == ["unit_weight", "displacement", "bias"]
    assert [v.name for v in layer.non_trainable_weights] == ["sigma"]
    assert layer.unit_weight.path.endswith("/unit_weight")
    assert built(7, use_bias=False).bias is None


def test_sigma_is_not_trainable_even_after_unfreezing():
    layer = built(2)
    layer.trainable = False
    assert layer.trainable_weights == []
    layer.trainable = True
    assert [v.name for v in layer.trainable_weights] == ["unit_weight", "displacement", "bias"]


def test_glorot_fans_count_units_as_kernel_positions():
    weight = built(64, units=4, channels=32).unit_weight.numpy()
    limit = np.sqrt(6 / (4 * 32 + 4 * 64))
    assert 0.99 * limit < np.abs(weight).max() <= limit


@pytest.mark.parametrize("channels", [1, 64])
def test_default_displacement_is_uniform_within_1_5_for_any_fan(channels):
    displacement = built(64, channels=channels).displacement.numpy()
    assert 1.4 < np.abs(displacement).max() <= 1.5
    assert displacement.std() == pytest.approx(1.5 / np.sqrt(3), rel=0.1)


def test_layers_start_at_different_displacements():
    assert not np.array_equal(built(4).displacement, built(4).displacement)


def test_default_displacement_within_a_small_limit_is_not_piled_up_at_it():
    displacement = built(64, max_displacement=0.5).displacement.numpy()
    assert np.abs(displacement).max() <= 0.5
    assert np.mean(np.abs(displacement) == 0.5) < 0.01


@pytest.mark.parametrize(("limit", "expected"), [(4.0, 4.0), (None, 9.0), (float("inf"), 9.0)])
def test_initial_displacement_is_clipped(limit, expected):
    initializer = keras.initializers.Constant(9.0)
    layer = built(2, displacement_initializer=initializer, max_displacement=limit)
    np.testing.assert_array_equal(layer.displacement, np.full((2, 2, 3, 2), expected))
    assert layer.get_config()["displacement_initializer"]["config"]["value"] == 9.0


def update_displacement(layer: DAUConv2D, gradient: float) -> np.ndarray:
    keras.optimizers.SGD(1.0).apply(
        [tf.fill(layer.displacement.shape, gradient)], [layer.displacement]
    )
    return layer.displacement.numpy()


def test_displacement_is_clipped_after_each_update():
    layer = built(2, max_displacement=2.0)
    np.testing.assert_array_equal(np.abs(update_displacement(layer, 100.0)), 2.0)


def test_own_constraint_comes_before_the_clip():
    @keras.saving.register_keras_serializable("test")
    def triple(variable):
        return 3.0 * variable

    layer = built(
        2, displacement_constraint=triple, displacement_initializer="ones", max_displacement=2.0
    )
    # 1 -> 0.9 -> 2.7 -> 2.0; the clip first would leave 2.7
    np.testing.assert_array_equal(update_displacement(layer, 0.1), 2.0)
    assert layer.get_config()["displacement_constraint"] is not None
    assert built(2).get_config()["displacement_constraint"] is None


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_output(data_format):
    shape = (2, 9, 8, 3) if data_format == "channels_last" else (2, 3, 9, 8)
    layer = built(4, data_format=data_format, bias_initializer="ones", activation="relu")
    x = images(*shape)
    y = dau_tf.dau_conv2d(
        x, layer.unit_weight, layer.displacement, 0.5, data_format=data_format
    ).numpy()
    assert y.min() < -1.0  # so that the activation has work to do
    np.testing.assert_allclose(layer(x), np.maximum(y + 1.0, 0.0), rtol=1e-6)
    assert layer(x).shape == layer.compute_output_shape(shape)


# (options, input shape, output shape)
SHAPES = [
    ({}, (None, None, None, 3), (None, None, None, 6)),
    ({}, (2, 9, 8, 3), (2, 9, 8, 6)),
    ({"strides": 2}, (None, 9, None, 3), (None, 5, None, 6)),
    ({"strides": (1, 3)}, (2, 9, 8, 3), (2, 9, 3, 6)),
    ({"padding": "valid"}, (None, 16, 13, 3), (None, 4, 1, 6)),
    ({"padding": "valid", "strides": 3}, (1, 16, None, 3), (1, 2, None, 6)),
    ({"padding": "valid", "sigma": 1 / 3, "max_displacement": 1.5}, (1, 9, 9, 3), (1, 3, 3, 6)),
    ({"data_format": "channels_first"}, (None, 3, None, 8), (None, 6, None, 8)),
    ({"data_format": "channels_first", "strides": 2}, (1, 3, 9, 8), (1, 6, 5, 4)),
    ({"data_format": "channels_first", "padding": "valid"}, (1, 3, 16, 13), (1, 6, 4, 1)),
]


@pytest.mark.parametrize(("options", "input_shape", "output_shape"), SHAPES)
def test_shapes(options, input_shape, output_shape):
    layer = DAUConv2D(6, **options)
    assert layer.compute_output_shape(input_shape) == output_shape
    inputs = keras.Input(batch_shape=input_shape)
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == output_shape
    known = [2 if i == 0 else 14 if size is None else size for i, size in enumerate(input_shape)]
    known[0] = input_shape[0] or 2
    assert model(images(*known)).shape == layer.compute_output_shape(tuple(known))

    shapes = []
    signature = [tf.TensorSpec(input_shape, tf.float32)]
    traced = tf.function(lambda x: shapes.append(layer(x).shape), input_signature=signature)
    traced.get_concrete_function()
    assert tuple(shapes[0]) == output_shape


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (13, 7)])
def test_one_functional_model_for_all_sizes(size):
    inputs = keras.Input((None, None, 2))
    x = DAUConv2D(3, activation="relu")(inputs)
    x = DAUConv2D(3, strides=2)(x)
    model = keras.Model(inputs, x)
    expected = (4, -(-size[0] // 2), -(-size[1] // 2), 3)
    assert model.predict(images(4, *size, 2), verbose=0).shape == expected


def test_empty_batch_forward_and_backward():
    layer = built(4)
    with tf.GradientTape() as tape:
        y = layer(tf.zeros([0, 5, 5, 3]))
        loss = tf.reduce_sum(y)
    assert y.shape == (0, 5, 5, 4)
    for gradient in tape.gradient(loss, layer.trainable_variables):
        np.testing.assert_array_equal(gradient, tf.zeros_like(gradient))


# (options, exception, message)
REFUSED = [
    ({"filters": 0}, ValueError, "`filters` must be an integer >= 1. Received: filters=0"),
    ({"filters": 2.5}, ValueError, "`filters`.*filters=2.5"),
    ({"filters": None}, ValueError, "`filters`.*filters=None"),
    ({"units": 0}, ValueError, "`units` must be an integer >= 1. Received: units=0"),
    ({"units": True}, ValueError, "`units`.*units=True"),
    ({"strides": 0}, ValueError, "`strides`.*strides=0"),
    ({"padding": "causal"}, ValueError, "`padding` must be .*'causal'"),
    ({"data_format": "channels"}, ValueError, "`data_format` must be .*'channels'"),
    ({"groups": 3}, ValueError, "`groups` must divide `filters`.*multiple of groups=3.*: 4"),
    ({"groups": 0}, ValueError, "`groups` must be an integer >= 1"),
    ({"max_displacement": -1}, ValueError, "`max_displacement` must be a number >= 0.*=-1"),
    ({"max_displacement": float("nan")}, ValueError, "`max_displacement`.*nan"),
    ({"padding": "valid", "max_displacement": None}, ValueError, "needs a finite `max_displ"),
    ({"padding": "valid", "max_displacement": float("inf")}, ValueError, "needs a finite `max_"),
    ({"sigma": 0.0}, ValueError, "`sigma` must be a finite number > 0.*sigma=0.0"),
    ({"sigma": -1}, ValueError, "`sigma`.*sigma=-1"),
    ({"sigma": float("nan")}, ValueError, "`sigma`.*sigma=nan"),
    ({"sigma": "0.5"}, ValueError, "`sigma`.*sigma='0.5'"),
    ({"sigma_mode": "per_filter"}, ValueError, '`sigma_mode` must be "shared" or "per_unit"'),
    ({"min_sigma": 0.0}, ValueError, "`min_sigma` must be a finite number > 0.*min_sigma=0.0"),
    ({"max_sigma": 0.2}, ValueError, "`max_sigma` must be >= min_sigma=0.3.*max_sigma=0.2"),
    ({"sigma_mode": "per_unit", "sigma": 0.2}, ValueError, "within min_sigma=0.3 and.*sigma=0.2"),
    ({"sigma_trainable": True, "sigma": 1.5}, ValueError, "max_sigma=1.0. Received: sigma=1.5"),
    ({"sigma_trainable": 1}, ValueError, "`sigma_trainable` must be True or False"),
    ({"displacement_gradient": "smooth"}, ValueError, "`displacement_gradient` must be"),
    ({"activation": "no_such"}, ValueError, "no_such"),
    ({"weight_initializer": "no_such"}, ValueError, "no_such"),
    ({"displacement_constraint": "no_such"}, ValueError, "no_such"),
    ({"kernel_size": 3}, ValueError, "kernel_size"),
]


@pytest.mark.parametrize(("options", "exception", "message"), REFUSED)
def test_refused_with_a_message(options, exception, message):
    with pytest.raises(exception, match=message):
        DAUConv2D(**{"filters": 4, **options})


def test_input_shapes_are_checked():
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
        DAUConv2D(4)(images(9, 9, 3))
    with pytest.raises(ValueError, match=r"channels of the inputs .axis 3.* must be known"):
        DAUConv2D(4)(keras.Input((9, 9, None)))
    with pytest.raises(ValueError, match="expected axis 3 of input shape to have value 3"):
        built(4)(images(1, 9, 9, 2))
    with pytest.raises(ValueError, match="expected axis 1 of input shape to have value 3"):
        built(4, data_format="channels_first")(images(1, 2, 9, 9))
    with pytest.raises(ValueError, match=r"larger than 12 pixels.*12, 20, 3"):
        DAUConv2D(4, padding="valid")(images(1, 12, 20, 3))
    with pytest.raises(ValueError, match=r"`groups` must divide the channels.*groups=2.*: 3"):
        DAUConv2D(4, groups=2)(images(1, 9, 9, 3))
    with pytest.raises(ValueError, match="must have rank 4"):
        DAUConv2D(4).compute_output_shape((1, 2, 3))


def test_nan_displacement_is_refused_by_name():
    layer = built(4)
    layer.displacement.assign(np.full(layer.displacement.shape, np.nan))
    with pytest.raises(tf.errors.InvalidArgumentError, match="displacement"):
        layer(images(1, 5, 5, 3))


def test_data_format_defaults_to_keras_configuration():
    assert DAUConv2D(1).data_format == keras.config.image_data_format()


def test_config_round_trip():
    layer = DAUConv2D(**CUSTOM)
    config = layer.get_config()
    assert {*CUSTOM, "groups", "sigma_mode", "sigma_trainable"} <= set(config)
    again = DAUConv2D.from_config(config)
    assert again.get_config() == config
    for name in ("filters", "units", "strides", "padding", "max_displacement", "use_bias", "name"):
        assert config[name] == CUSTOM[name]
    assert again.initial_sigma == 0.4
    again.build((None, None, None, 3))
    layer.build((None, None, None, 3))
    np.testing.assert_array_equal(again.unit_weight, layer.unit_weight)
    np.testing.assert_array_equal(again.displacement, layer.displacement)


def test_every_constructor_argument_is_in_the_config():
    import inspect

    parameters = set(inspect.signature(DAUConv2D.__init__).parameters) - {"self", "kwargs"}
    assert parameters <= set(DAUConv2D(4).get_config())


def small_model(**options) -> keras.Model:
    inputs = keras.Input((None, None, 3))
    x = DAUConv2D(4, activation="relu", **options)(inputs)
    x = DAUConv2D(2, units=3, strides=2)(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize("options", [{}, {k: CUSTOM[k] for k in CUSTOM if k[0] in "wdbm"}])
def test_keras_file_round_trip(tmp_path, options):
    options.pop("data_format", None)
    model = small_model(**options)
    model.layers[1].sigma.assign(0.62)
    path = tmp_path / "model.keras"
    model.save(path)
    again = keras.saving.load_model(path)
    assert float(again.layers[1].sigma) == pytest.approx(0.62)
    x = images(2, 9, 8, 3)
    np.testing.assert_array_equal(again(x), model(x))
    again.layers[1].displacement.assign_add(100.0 * np.ones_like(again.layers[1].displacement))
    assert update_displacement(again.layers[1], 0.0).max() <= 4.0


def test_weights_file_round_trip_honours_sigma(tmp_path):
    model, other = small_model(), small_model()
    model.layers[1].sigma.assign(0.9)
    model.save_weights(tmp_path / "model.weights.h5")
    x = images(2, 9, 8, 3)
    assert not np.allclose(other(x), model(x))
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(other(x), model(x))


@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["eager", "graph"])
def test_a_changed_sigma_is_used(wrap):
    layer = built(4, use_bias=False)
    x = images(1, 9, 9, 3)
    call = wrap(lambda x: layer(x))
    call(x)
    layer.sigma.assign(1.25)
    expected = dau_tf.dau_conv2d(x, layer.unit_weight, layer.displacement, 1.25)
    np.testing.assert_allclose(call(x), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["eager", "graph"])
def test_valid_refuses_a_sigma_that_changes_its_margin(wrap):
    layer = built(4, padding="valid", max_displacement=1.0)
    call = wrap(lambda x: layer(x))
    layer.sigma.assign(0.6)  # ceil(3 sigma) stays 2
    assert call(images(1, 9, 9, 3)).shape == (1, 3, 3, 4)
    layer.sigma.assign(0.7)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Shape of tensor"):
        call(images(1, 9, 9, 3))


# policy -> dtype of unit_weight, of displacement and sigma, of the output
POLICIES = {
    "float32": ("float32", "float32", "float32"),
    "float64": ("float64", "float64", "float64"),
    "mixed_float16": ("float32", "float32", "float16"),
    "mixed_bfloat16": ("float32", "float32", "bfloat16"),
    "float16": ("float16", "float32", "float16"),
    "bfloat16": ("bfloat16", "float32", "bfloat16"),
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_dtype_policies(policy, data_format):
    weight_dtype, precise_dtype, output_dtype = POLICIES[policy]
    layer = built(4, dtype=policy, data_format=data_format)
    assert layer.unit_weight.dtype == layer.bias.dtype == weight_dtype
    assert layer.displacement.dtype == layer.sigma.dtype == precise_dtype
    x = images(2, 3, 3, 3, dtype="float64")
    with tf.GradientTape() as tape:
        y = layer(x)
        loss = tf.reduce_sum(tf.cast(y, tf.float64) ** 2)
    assert y.dtype == output_dtype
    for variable, gradient in zip(
        layer.trainable_variables,
        tape.gradient(loss, layer.trainable_variables),
        strict=True,
    ):
        assert gradient.dtype == variable.dtype
        assert float(tf.reduce_max(tf.abs(tf.cast(gradient, tf.float64)))) > 0.0


def test_float64_layer_has_sigma_in_full():
    layer = built(4, dtype="float64", sigma=0.35, use_bias=False)
    x = images(1, 5, 5, 3, dtype="float64")
    expected = dau_tf.dau_conv2d(x, layer.unit_weight, layer.displacement, 0.35)
    np.testing.assert_array_equal(layer(x), expected)


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_fit_learns_weights_and_displacements(run_eagerly):
    # The target looks two pixels to the right and one up. Smooth images show the way there.
    x = keras.ops.average_pool(images(16, 16, 16, 1), 5, strides=1).numpy()
    target = np.roll(x, (1, -2), (1, 2))
    layer = DAUConv2D(1, units=2, sigma=0.3)
    model = keras.Sequential([keras.Input((12, 12, 1)), layer])
    model.compile(keras.optimizers.Adam(0.05), "mse", run_eagerly=run_eagerly)
    before = layer.displacement.numpy()
    epochs = 3 if run_eagerly else 40
    losses = model.fit(x, target, epochs=epochs, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < (0.99 if run_eagerly else 0.5) * losses[0]
    assert not np.allclose(layer.displacement, before)
    assert float(layer.sigma) == pytest.approx(0.3)


def test_compile_does_not_turn_xla_on_where_there_is_a_gpu(monkeypatch):
    gpu = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda *kind: [gpu])
    model = keras.Sequential([keras.Input((8, 8, 1)), DAUConv2D(1)])
    model.compile("sgd", "mse")
    assert model.jit_compile is False
    model.layers[0].supports_jit = True
    model.compile("sgd", "mse")
    assert model.jit_compile is True, "only the flag keeps XLA off"


def test_mixed_precision_training_scales_the_loss():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = keras.Sequential([keras.Input((8, 8, 1)), DAUConv2D(2)])
        groups = dau_tf.optimizers.ParameterGroups(
            [("displacement", keras.optimizers.Adam(1e-2))], default=keras.optimizers.Adam(1e-3)
        )
        model.compile(groups, "mse")
        before = [v.numpy() for v in model.trainable_variables]
        model.fit(images(4, 8, 8, 1), images(4, 8, 8, 2), epochs=3, verbose=0)
    finally:
        keras.config.set_dtype_policy("float32")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert int(groups.iterations) > 0
    for old, variable in zip(before, model.trainable_variables, strict=True):
        assert np.isfinite(variable).all()
        assert not np.array_equal(variable, old)


SERVE = """
import sys
import numpy as np
import tensorflow as tf

library, folder = sys.argv[1:]
x, y, y_small = (np.load(f"{folder}/{name}.npy") for name in ("x", "y", "y_small"))
tf.load_op_library(library)
exported = tf.saved_model.load(f"{folder}/exported")
saved = tf.saved_model.load(f"{folder}/saved").signatures["serving_default"]
for served in (exported.serve, lambda x: list(saved(tf.constant(x)).values())[0]):
    np.testing.assert_array_equal(served(x), y)
    np.testing.assert_array_equal(served(x[:1, :5]), y_small)
assert "dau_tf" not in sys.modules, "serving needs TensorFlow and the library only"

import dau_tf  # after the user's own tf.load_op_library, under the same path
assert dau_tf.dau_conv2d(x, tf.ones([1, 3, 2]), tf.zeros([2, 1, 3, 2])).shape == (3, 9, 8, 2)
"""


def test_exported_models_serve_without_the_package(tmp_path):
    model = small_model()
    x = images(3, 9, 8, 3)
    graph = tf.function(model)
    for name, array in {"x": x, "y": graph(x), "y_small": graph(x[:1, :5])}.items():
        np.save(tmp_path / f"{name}.npy", array)
    model.export(tmp_path / "exported", verbose=False)
    tf.saved_model.save(model, tmp_path / "saved")
    subprocesses.finish(subprocesses.start(SERVE, dau_tf.op_library_path(), str(tmp_path)))
