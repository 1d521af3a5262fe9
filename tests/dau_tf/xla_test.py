"""XLA: the native kernels inside a compiled cluster compute the same bits as outside."""

import warnings
from dataclasses import dataclass, field

import keras
import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from dau_tf import DAUConv2D
from dau_tf.ops import loader
from tests.dau_tf import subprocesses

# Of the losses of a whole network: XLA sums the other layers' numbers in another order.
LOSS_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Case:
    """A row of the table: S channels to F filters on N images of H x W."""

    name: str
    image: tuple[int, int, int] = (2, 11, 9)  # N, H, W
    channels: int = 3
    filters: int = 4
    units: int = 2
    dtype: str = "float32"
    options: dict = field(default_factory=dict)


VALID = {"padding": "valid", "max_displacement": 2.0}
CASES = [
    Case("plain"),
    Case("large_enough_for_threads", (4, 32, 32), 16, 16),
    Case("one_pixel", (1, 1, 1), 1, 1, 1),
    Case("no_images", (0, 5, 6)),
    Case("six_units", units=6),
    Case("stride", options={"strides": 2}),
    Case("stride_rectangular", options={"strides": (3, 1)}),
    Case("valid", (2, 13, 12), options=VALID),
    Case("valid_stride", (2, 13, 12), options={**VALID, "strides": 2}),
    Case("channels_first", options={"data_format": "channels_first", "strides": (1, 2)}),
    Case("groups", channels=4, filters=6, options={"groups": 2}),
    Case("depthwise", channels=20, filters=20, options={"groups": 20}),
    Case("exact", options={"displacement_gradient": "exact"}),
    Case("float64", dtype="float64"),
    Case("float16", dtype="float16"),
    Case("bfloat16", dtype="bfloat16"),
]


@pytest.fixture(autouse=True)
def bridge():
    if not loader.xla_compiles():
        pytest.skip("_dau_xla.so is not built, or there is a GPU")


def tensors(case: Case) -> list[tf.Tensor]:
    rng = np.random.default_rng(3)
    batch, *size = case.image
    shape = [batch, *size, case.channels]
    if case.options.get("data_format") == "channels_first":
        shape = [batch, case.channels, *size]
    units = (case.units, case.channels // case.options.get("groups", 1), case.filters)
    precise = "float64" if case.dtype == "float64" else "float32"
    return [
        tf.cast(rng.normal(size=shape), case.dtype),
        tf.cast(rng.normal(size=units), case.dtype),
        tf.cast(rng.uniform(-2, 2, (2, *units)), precise),
    ]


def results(x: tf.Tensor, w: tf.Tensor, mu: tf.Tensor, options: dict) -> list[tf.Tensor]:
    """y, and the gradients of sum(y^2)."""
    with tf.GradientTape() as tape:
        tape.watch([x, w, mu])
        y = dau_tf.dau_conv2d(x, w, mu, 0.5, **options)
    return [y, *tape.gradient(y, [x, w, mu], output_gradients=y)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_bits_in_a_cluster(case):
    arguments = tensors(case)
    compiled = tf.function(lambda *a: results(*a, case.options), jit_compile=True)
    for name, expected, actual in zip(
        ("y", "x", "w", "mu"), results(*arguments, case.options), compiled(*arguments), strict=True
    ):
        assert actual.dtype == expected.dtype
        np.testing.assert_array_equal(actual, expected, err_msg=name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("mode", ["shared", "per_unit"])
def test_the_same_bits_where_sigma_is_learned(case, mode):
    x, w, mu = tensors(case)
    sigma = tf.constant(0.5, mu.dtype)
    if mode == "per_unit":
        sigma = tf.cast(np.random.default_rng(4).uniform(0.3, 0.8, w.shape), mu.dtype)

    def step(*arguments: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            y = dau_tf.dau_conv2d(*arguments, max_sigma=0.9, **case.options)
        return [y, *tape.gradient(y, arguments, output_gradients=y)]

    compiled = tf.function(step, jit_compile=True)
    expected, actual = step(x, w, mu, sigma), compiled(x, w, mu, sigma)
    for name, one, other in zip(("y", "x", "w", "mu", "sigma"), expected, actual, strict=True):
        assert other.dtype == one.dtype
        np.testing.assert_array_equal(other, one, err_msg=name)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`sigma` must be > 0 and ≤ max_sigma"):
        compiled(x, w, mu, sigma + 1)


@pytest.mark.parametrize("engine", ["direct", "spectral", "reference"])
def test_every_engine(engine, monkeypatch):
    monkeypatch.setenv("DAU_ENGINE", engine)
    test_the_same_bits_in_a_cluster(CASES[0])


def test_the_call_is_in_the_cluster():
    x, w, mu = tensors(CASES[0])
    compiled = tf.function(lambda *a: results(*a, {}), jit_compile=True)
    hlo = compiled.experimental_get_compiler_ir(x, w, mu)(stage="hlo")
    for call in ("dau_conv2d", "dau_conv2d_backprop_input", "dau_conv2d_backprop_params"):
        assert f'custom_call_target="{call}"' in hlo


def test_shapes_that_change_compile_anew():
    _, w, mu = tensors(CASES[0])
    conv = tf.function(lambda x: dau_tf.dau_conv2d(x, w, mu), jit_compile=True)
    for size in (5, 8):
        x = tf.random.normal([2, size, size, 3])
        np.testing.assert_array_equal(conv(x), dau_tf.dau_conv2d(x, w, mu))


def network() -> keras.Model:
    keras.utils.set_random_seed(5)
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            DAUConv2D(8, units=2, activation="relu"),
            keras.layers.BatchNormalization(),
            DAUConv2D(8, units=2, strides=2, groups=2, activation="relu"),
            DAUConv2D(8, sigma_mode="per_unit", sigma_trainable=True, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4),
        ]
    )


def test_training_has_the_same_loss_curve():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 12, 12, 3)).astype("float32")
    labels = rng.integers(0, 4, 20)
    curves, displacements = [], []
    for jit_compile in (False, True):
        model = network()
        optimizer = dau_tf.optimizers.ParameterGroups(
            [("displacement$", keras.optimizers.Adam(1e-2))], default=keras.optimizers.Adam(3e-3)
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss, jit_compile=jit_compile)
        assert model.jit_compile is jit_compile, "the layers say that they can be compiled"
        # The last batch is a smaller one.
        fit = model.fit(x, labels, batch_size=8, epochs=5, shuffle=False, verbose=0)
        curves.append(fit.history["loss"])
        displacements.append(model.layers[0].displacement.numpy())
    np.testing.assert_allclose(curves[1], curves[0], rtol=LOSS_TOLERANCE)
    np.testing.assert_allclose(displacements[1], displacements[0], atol=1e-3)
    assert curves[0][-1] < curves[0][0]


@pytest.mark.parametrize("kind", ["gaussian", "exact"])
def test_second_derivatives(kind):
    arguments = tensors(CASES[0])

    def penalty(*arguments: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as outer:
            outer.watch(arguments)
            _, *gradients = results(*arguments, {"displacement_gradient": kind})
            penalty = tf.add_n([tf.reduce_sum(tf.square(g)) for g in gradients])
        return outer.gradient(penalty, arguments)

    compiled = tf.function(penalty, jit_compile=True)
    for expected, actual in zip(
        tf.function(penalty)(*arguments), compiled(*arguments), strict=True
    ):
        # XLA fuses the arithmetic between the calls.
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_valid_takes_its_margin_where_sigma_is_a_variable():
    x, w, mu = tensors(next(case for case in CASES if case.name == "valid"))
    sigma = tf.Variable(0.5)

    def conv(**margin: int) -> tf.Tensor:
        return dau_tf.dau_conv2d(x, w, mu, sigma, **VALID, **margin)

    compiled = tf.function(lambda: conv(margin=4), jit_compile=True)
    np.testing.assert_array_equal(compiled(), conv())
    sigma.assign(0.6)
    np.testing.assert_array_equal(compiled(), conv())
    sigma.assign(0.7)
    for refused in (compiled, lambda: conv(margin=4)):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"drops 5 pixels .* `margin`: 4"):
            refused()
    with pytest.raises(tf.errors.InvalidArgumentError, match="under XLA needs `margin`"):
        tf.function(conv, jit_compile=True)()


def test_layer_with_padding_valid():
    layer = DAUConv2D(4, padding="valid", strides=2, max_displacement=2.0)
    x = tf.random.normal([2, 14, 13, 3])

    def step(x: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            y = layer(x)
        return [y, *tape.gradient(y, layer.trainable_variables, output_gradients=y)]

    layer.build(x.shape)
    assert tf.function(step).get_concrete_function(x).outputs[0].shape == (2, 3, 3, 4)
    for expected, actual in zip(step(x), tf.function(step, jit_compile=True)(x), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_keras_is_told_what_can_be_compiled(monkeypatch):
    assert DAUConv2D(4).supports_jit
    assert DAUConv2D(4, sigma_mode="per_unit").supports_jit
    assert DAUConv2D(4, sigma_trainable=True).supports_jit
    assert not DAUConv2D(4, dense=True).supports_jit
    gpu = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda *kind: [gpu])
    assert not DAUConv2D(4).supports_jit


def test_without_the_bridge_keras_compiles_without_xla(tmp_path, monkeypatch):
    monkeypatch.setattr(loader, "_xla_library", lambda: tmp_path / "_dau_xla.so")
    model = keras.Sequential([keras.Input((5, 5, 1)), DAUConv2D(1)])
    with pytest.warns(UserWarning, match="Proceeding with `jit_compile=False`"):
        model.compile("sgd", "mse", jit_compile=True)
    model.fit(np.ones((2, 5, 5, 1)), np.ones((2, 5, 5, 1)), verbose=0)


def test_a_bridge_that_does_not_load_is_a_warning(tmp_path, monkeypatch):
    broken = tmp_path / "_dau_xla.so"
    broken.write_text("not a library")
    monkeypatch.setattr(loader, "_xla_library", lambda: broken)
    with pytest.warns(RuntimeWarning, match=r"could not load .*_dau_xla.so.*jit_compile=True"):
        loader._load_xla()
    broken.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loader._load_xla()


def test_errors_reach_the_caller():
    x, w, mu = tensors(CASES[0])
    conv = tf.function(dau_tf.dau_conv2d, jit_compile=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="displacement"):
        conv(x, w, mu * np.inf)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`sigma` must be a number > 0"):
        conv(x, w, mu, tf.constant(-1.0))


def test_a_size_that_only_the_run_knows_is_refused():
    x, w, mu = tensors(CASES[0])

    @tf.function(jit_compile=True)
    def conv(x, keep):
        return tf.reduce_sum(dau_tf.dau_conv2d(tf.boolean_mask(x, keep), w, mu))

    with pytest.raises(tf.errors.UnimplementedError, match="shapes that are known when it is comp"):
        conv(x, tf.constant([True, False]))


FIRST_COMPILED_THEN_LOADED = """
import tensorflow as tf

@tf.function(jit_compile=True)
def other(x):
    return x + 1

other(tf.ones([3]))  # XLA hands its kernels over to TensorFlow here
import dau_tf
conv = tf.function(dau_tf.dau_conv2d, jit_compile=True)
y = conv(tf.ones([1, 5, 5, 1]), tf.fill([1, 1, 1], 2.0), tf.zeros([2, 1, 1, 1]), 0.1)
assert abs(float(y[0, 2, 2, 0]) - 2.0) < 1e-6
"""
ALONE_OR_TWICE = """
import shutil, sys
import tensorflow as tf

bridge, folder = sys.argv[1:]
tf.load_library(bridge)  # without the ops: an error in the log, and TensorFlow goes on
assert float(tf.function(lambda x: x + 1, jit_compile=True)(tf.ones([]))) == 2
import dau_tf
dau_tf.dau_conv2d(tf.ones([1, 5, 5, 1]), tf.ones([1, 1, 1]), tf.zeros([2, 1, 1, 1]))
for name in ("a.so", "b.so"):
    tf.load_library(shutil.copy(bridge, f"{folder}/{name}"))
"""
SERVE = """
import sys
import numpy as np
import tensorflow as tf

library, folder = sys.argv[1:]
tf.load_op_library(library)
exported = tf.saved_model.load(f"{folder}/exported")
served = exported.serve(np.load(f"{folder}/x.npy"))
np.testing.assert_allclose(served, np.load(f"{folder}/y.npy"), rtol=1e-5, atol=1e-6)
maps = open("/proc/self/maps").read()
assert "_dau_ops" in maps and "_dau_xla" not in maps
"""


def test_order_of_loading_and_export(tmp_path):
    model = network()
    model.compile("sgd", "mse", jit_compile=True)
    x = np.random.default_rng(1).normal(size=(4, 12, 12, 3)).astype("float32")
    model.fit(x, np.zeros((4, 4)), verbose=0)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", model.predict(x, verbose=0))
    model.export(tmp_path / "exported", verbose=False)
    subprocesses.finish(
        subprocesses.start(FIRST_COMPILED_THEN_LOADED),
        subprocesses.start(ALONE_OR_TWICE, str(loader._xla_library()), str(tmp_path)),
        subprocesses.start(SERVE, dau_tf.op_library_path(), str(tmp_path)),
    )
