"""Groups: each group is a convolution of its own, depthwise included, whatever shares a call."""

import dataclasses
from dataclasses import dataclass

import keras
import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from dau_tf.ops import grouping
from tests.dau_tf import oracle

# Largest error over largest value; as in dau_conv_test. 16 bits are rounded once, at the end.
RELATIVE_TOLERANCE = {"float64": 1e-12, "float32": 1e-5, "float16": 1e-3, "bfloat16": 8e-3}


@dataclass(frozen=True)
class Case:
    """A row of the table: `channels` and `filters` are those of all groups together."""

    name: str
    groups: int
    channels: int
    filters: int
    options: dict = dataclasses.field(default_factory=dict)

    def problems(self) -> list[oracle.Problem]:
        """One problem a group."""
        rng = np.random.default_rng(11)
        units = (2, self.channels // self.groups, self.filters // self.groups)
        image = (13, 14) if "padding" in self.options else (7, 6)
        return [
            oracle.Problem(
                x=rng.normal(size=(2, *image, units[1])),
                w=rng.normal(size=units),
                mu=rng.uniform(-3, 3, (2, *units)),
                **self.options,
            )
            for _ in range(self.groups)
        ]


VALID = {"padding": "valid", "max_displacement": 3.0}
CASES = [
    Case("two", 2, 6, 4),
    Case("depthwise", 5, 5, 5),
    Case("depthwise_with_multiplier", 3, 3, 9),
    Case("depthwise_of_several_calls", 37, 37, 37),
    Case("wider_than_a_call", 2, 34, 2),
    Case("as_wide_as_a_call", 2, 32, 4),
    Case("calls_of_different_width", 5, 20, 10),
    Case("stride", 4, 8, 4, {"strides": (2, 2)}),
    Case("stride_rectangular", 3, 3, 6, {"strides": (1, 3)}),
    Case("valid", 3, 3, 3, VALID),
    Case("valid_stride", 2, 4, 2, {**VALID, "strides": (3, 2)}),
]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def together(problems: list[oracle.Problem], dtype: str) -> list[tf.Tensor]:
    """x, w, mu of all groups."""
    joined = [np.concatenate([getattr(p, n) for p in problems], -1) for n in ("x", "w", "mu")]
    precise = "float64" if dtype == "float64" else "float32"
    return [tf.cast(a, t) for a, t in zip(joined, (dtype, dtype, precise), strict=True)]


def as_computed(problems: list[oracle.Problem], dtype: str) -> list[oracle.Problem]:
    """The problems with their values rounded to what the op gets."""
    arrays = [tf.cast(a, tf.float64).numpy() for a in together(problems, dtype)]
    parts = [np.split(a, len(problems), -1) for a in arrays]
    return [
        dataclasses.replace(p, x=x, w=w, mu=mu)
        for p, x, w, mu in zip(problems, *parts, strict=True)
    ]


def assert_close(actual: tf.Tensor, expected: list[np.ndarray], dtype: str) -> None:
    error = np.abs(tf.cast(actual, tf.float64).numpy() - np.concatenate(expected, -1)).max()
    assert error <= RELATIVE_TOLERANCE[dtype] * max(np.abs(e).max() for e in expected)


@each_case
@pytest.mark.parametrize("dtype", RELATIVE_TOLERANCE)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("kind", ["gaussian", "exact"])
def test_each_group_is_a_convolution_of_its_own(case, dtype, data_format, kind):
    problems = as_computed(case.problems(), dtype)
    first = data_format == "channels_first"
    x, w, mu = together(problems, dtype)
    with tf.GradientTape() as tape:
        tape.watch([x, w, mu])
        images = tf.transpose(x, [0, 3, 1, 2]) if first else x
        y = dau_tf.dau_conv2d(
            images,
            w,
            mu,
            groups=case.groups,
            data_format=data_format,
            displacement_gradient=kind,
            **case.options,
        )
        y = tf.transpose(y, [0, 2, 3, 1]) if first else y
    # Integers, so that a gradient of 16 bits is the problem's own, not that of a rounded dy.
    dy = np.random.default_rng(12).integers(-3, 4, y.shape).astype("float64")
    gradients = tape.gradient(y, [x, w, mu], tf.cast(dy, dtype))

    assert y.dtype == dtype
    assert_close(y, [oracle.forward(p) for p in problems], dtype)
    parts = np.split(dy, case.groups, -1)
    expected = [oracle.backward(p, d, kind) for p, d in zip(problems, parts, strict=True)]
    for name, gradient in zip(("x", "w", "mu"), gradients, strict=True):
        assert_close(gradient, [e[name] for e in expected], dtype)


def test_equals_conv2d_of_tensorflow_where_units_sit_on_a_grid():
    # A blur of sigma 0.01 is the identity, so that nine units on a 3x3 grid are a 3x3 kernel.
    rng = np.random.default_rng(13)
    x, kernel = rng.normal(size=(2, 8, 9, 4)), rng.normal(size=(3, 3, 1, 8))
    grid = np.stack(np.meshgrid([-1.0, 0, 1], [-1.0, 0, 1], indexing="ij")).reshape(2, 9, 1, 1)
    mu = np.broadcast_to(grid, (2, 9, 1, 8))
    y = dau_tf.dau_conv2d(x, kernel.reshape(9, 1, 8), mu, 0.01, groups=4)
    expected = tf.nn.depthwise_conv2d(
        x, kernel.reshape(3, 3, 4, 2), strides=[1, 1, 1, 1], padding="SAME"
    )
    np.testing.assert_allclose(y, expected, atol=1e-12)


def test_a_nan_leaves_the_gradients_of_other_groups_alone():
    problem = CASES[1].problems()
    x, w, mu = together(problem, "float64")
    x = tf.concat([tf.fill(x[..., :1].shape, tf.constant(np.nan, x.dtype)), x[..., 1:]], -1)
    with tf.GradientTape() as tape:
        tape.watch([w, mu])
        y = dau_tf.dau_conv2d(x, w, mu, groups=5)
    for gradient in tape.gradient(y, [w, mu], tf.ones_like(y)):
        finite = np.isfinite(gradient.numpy())
        assert not finite[..., 0].any()
        assert finite[..., 1:].all()


@pytest.mark.parametrize(("channels", "groups", "calls"), [(64, 64, 4), (64, 2, 2), (40, 40, 3)])
def test_narrow_groups_share_calls(channels, groups, calls):
    counted = []

    def conv(x, w, mu):
        counted.append(x.shape[-1])
        return dau_tf.dau_conv2d(x, w, mu)

    units = [2, channels // groups, channels]
    grouping.grouped(
        conv, tf.zeros([1, 3, 3, channels]), (tf.zeros(units), tf.zeros([2, *units])), (0, 0),
        groups, 3,
    )  # fmt: skip
    assert len(counted) == calls
    assert sum(counted) == channels


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_depthwise_layer_trains_and_saves(tmp_path, data_format):
    keras.utils.set_random_seed(3)
    shape = (7, 8, 6) if data_format == "channels_last" else (6, 7, 8)
    layer = dau_tf.DAUConv2D(12, units=3, groups=6, strides=(2, 1), data_format=data_format)
    model = keras.Sequential([keras.Input(shape), layer])
    assert layer.unit_weight.shape == (3, 1, 12)
    assert layer.displacement.shape == (2, 3, 1, 12)
    model.compile("adam", "mse")
    x = np.random.default_rng(1).normal(size=(4, *shape)).astype("float32")
    before = [v.numpy() for v in model.trainable_variables]
    model.fit(x, np.ones((4, *model.output_shape[1:])), epochs=1, verbose=0)
    for old, variable in zip(before, model.trainable_variables, strict=True):
        assert (variable.numpy() != old).all()
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(x), model(x))
