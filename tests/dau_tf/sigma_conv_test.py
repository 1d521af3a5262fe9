"""The compiled op where sigma is learned equals the dense route, which TensorFlow derives."""

import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from dau_tf import DAUConv2D
from dau_tf.ops.dense import dau_conv2d_dense
from tests.dau_tf import general_oracle, oracle
from tests.dau_tf.dense_test import (
    FINITE_DIFFERENCE_TOLERANCE,
    MAX_SIGMA,
    PROBLEMS,
    ROUNDING,
    VALID,
    assert_close,
    each_problem,
    margin,
    sigmas,
)

SHARED, PER_UNIT = "shared", "per_unit"
each_mode = pytest.mark.parametrize("mode", [SHARED, PER_UNIT])
each_kind = pytest.mark.parametrize("kind", ["exact", "gaussian"])


def sigma_of(p: oracle.Problem, mode: str) -> np.ndarray:
    return sigmas(p) if mode == PER_UNIT else np.float64(0.55)


def arguments(p: oracle.Problem, mode: str) -> list[tf.Tensor]:
    """x, w, mu, sigma."""
    return [tf.constant(a) for a in (p.x, p.w, p.mu, sigma_of(p, mode))]


def options(p: oracle.Problem, **more) -> dict:
    given = {"max_sigma": MAX_SIGMA, "strides": p.strides, "padding": p.padding}
    return {**given, "max_displacement": p.max_displacement, **more}


def results(function, args: list[tf.Tensor], **given) -> list[tf.Tensor]:
    """y, and the gradients of all arguments."""
    with tf.GradientTape() as tape:
        tape.watch(args)
        y = function(*args, **given)
    dy = np.random.default_rng(5).normal(size=y.shape)
    return [y, *tape.gradient(y, args, tf.cast(dy, y.dtype))]


def assert_same(args: list[tf.Tensor], relative: float = ROUNDING, **given) -> None:
    given = {"displacement_gradient": "exact", **given}
    actual = results(dau_tf.dau_conv2d, args, **given)
    expected = results(dau_conv2d_dense, args, **given)
    for one, other in zip(actual, expected, strict=True):
        assert_close(one, tf.cast(other, tf.float64).numpy(), relative)


@each_problem
@each_mode
@each_kind
def test_equals_the_dense_route(p, mode, kind):
    assert_same(arguments(p, mode), **options(p, displacement_gradient=kind))


@each_problem
def test_equals_the_definition_of_the_general_form(p):
    y = dau_tf.dau_conv2d(*arguments(p, PER_UNIT), **options(p))
    assert_close(y, general_oracle.forward(p, sigmas(p), MAX_SIGMA, margin(p)))


@each_mode
@pytest.mark.parametrize("max_sigma", [0.31, 1.0, 2.4])
@pytest.mark.parametrize("units", [1, 3, 8])
def test_any_number_of_units_and_width(mode, max_sigma, units):
    rng = np.random.default_rng(9)
    shape = (units, 5, 7)
    sigma = rng.uniform(0.02, max_sigma, shape if mode == PER_UNIT else ())
    sigma = np.maximum(sigma, max_sigma * (rng.uniform(size=sigma.shape) < 0.2))  # some at the top
    args = [rng.normal(size=(2, 9, 8, 5)), rng.normal(size=shape), rng.uniform(-4, 4, (2, *shape))]
    assert_same([tf.constant(a) for a in (*args, sigma)], max_sigma=max_sigma)


@each_mode
def test_channels_first(mode):
    p = PROBLEMS["valid_stride"]
    x, *parameters = arguments(p, mode)
    x = tf.transpose(x, [0, 3, 1, 2])
    assert_same([x, *parameters], **options(p, data_format="channels_first"))


@each_mode
@pytest.mark.parametrize("groups", [2, 4, 20])
def test_groups(mode, groups):
    rng = np.random.default_rng(8)
    units = (2, 20 // groups, 40)
    sigma = rng.uniform(0.3, MAX_SIGMA, units if mode == PER_UNIT else ())
    args = [rng.normal(size=(1, 5, 6, 20)), rng.normal(size=units), rng.uniform(-2, 2, (2, *units))]
    assert_same([tf.constant(a) for a in (*args, sigma)], max_sigma=MAX_SIGMA, groups=groups)


def test_displacements_that_no_tile_holds():
    rng = np.random.default_rng(10)
    units = (4, 1, 2)
    mu = rng.uniform(-290, 290, (2, *units))
    mu[1, :2, 0, 0] = -299.3, 299.6
    args = [rng.normal(size=(1, 4, 300, 1)), rng.normal(size=units), mu]
    sigma = rng.uniform(0.3, MAX_SIGMA, units)
    assert_same([tf.constant(a) for a in (*args, sigma)], max_sigma=MAX_SIGMA)


@pytest.mark.parametrize("half", [tf.float16, tf.bfloat16], ids=lambda d: d.name)
@each_mode
def test_16_bits_are_float32_rounded_once(half, mode):
    p = PROBLEMS["same"]
    dtypes = (half, half, tf.float32, tf.float32)
    x, w, mu, sigma = (tf.cast(a, d) for a, d in zip(arguments(p, mode), dtypes, strict=True))

    def whole(args: list[tf.Tensor]) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(args)
            y = dau_tf.dau_conv2d(*args, **options(p))
        dy = np.random.default_rng(6).integers(-3, 4, y.shape)
        return [y, *tape.gradient(y, args, tf.cast(dy, y.dtype))]

    actual = whole([x, w, mu, sigma])
    expected = whole([tf.cast(x, tf.float32), tf.cast(w, tf.float32), mu, sigma])
    assert [value.dtype for value in actual] == [half] * 3 + [tf.float32] * 2
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, tf.cast(other, one.dtype))


@pytest.mark.parametrize("name", ["same", "stride", "valid_stride"])
@pytest.mark.parametrize(
    ("mode", "kind", "argument"),
    [
        *((PER_UNIT, "gaussian", a) for a in ("x", "w", "mu", "sigma")),
        *((SHARED, "exact", a) for a in ("x", "w", "mu", "sigma")),
        (SHARED, "gaussian", "sigma"),
    ],
)
def test_finite_differences(name, mode, kind, argument):
    p = PROBLEMS[name]
    values = dict(zip(("x", "w", "mu", "sigma"), arguments(p, mode), strict=True))
    # No unit passes a pixel within a step of 1e-5, where the support ends and the slope jumps.
    assert np.abs(p.mu - np.round(p.mu)).min() > 1e-4

    def f(value: tf.Tensor) -> tf.Tensor:
        args = {**values, argument: value}.values()
        return dau_tf.dau_conv2d(*args, **options(p, displacement_gradient=kind))

    (theory,), (numeric,) = tf.test.compute_gradient(f, [values[argument]], delta=1e-5)
    assert np.abs(numeric).max() > 0.1
    np.testing.assert_allclose(theory, numeric, atol=FINITE_DIFFERENCE_TOLERANCE)


@each_mode
@pytest.mark.parametrize("in_graph", [False, True])
def test_second_derivatives_by_finite_differences(mode, in_graph):
    p = PROBLEMS["same"]
    values = arguments(p, mode)
    rng = np.random.default_rng(6)
    along = [tf.constant(rng.normal(size=v.shape)) for v in values]

    def slope(at: list[tf.Tensor]) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(at)
            y = dau_tf.dau_conv2d(*at, **options(p, displacement_gradient="exact"))
            loss = tf.reduce_sum(tf.sin(y))
        gradients = tape.gradient(loss, at)
        return tf.add_n([tf.reduce_sum(g * a) for g, a in zip(gradients, along, strict=True)])

    def derive(at: list[tf.Tensor]) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(at)
            value = slope(at)
        return tape.gradient(value, at)

    theory = tf.function(derive)(values) if in_graph else derive(values)
    expected = float(sum(tf.reduce_sum(t * a) for t, a in zip(theory, along, strict=True)))
    step = 1e-5
    up, down = (
        slope([v + sign * step * a for v, a in zip(values, along, strict=True)]) for sign in (1, -1)
    )
    assert float(up - down) / (2 * step) == pytest.approx(expected, rel=1e-6)


@each_mode
def test_gradient_penalty_of_the_images_needs_no_dense_kernel(mode, monkeypatch):
    p = PROBLEMS["stride"]
    x, *parameters = arguments(p, mode)

    def penalty(function) -> list[tf.Tensor]:
        with tf.GradientTape() as outer:
            outer.watch([x, *parameters])
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(function(x, *parameters, **options(p)) ** 2)
            value = tf.reduce_sum(inner.gradient(y, x) ** 2)
        return outer.gradient(value, [x, *parameters])

    expected = penalty(lambda *a, **k: dau_conv2d_dense(*a, **k))
    monkeypatch.setattr("dau_tf.ops.sigma_conv_grad._dense", None)
    exact = {"displacement_gradient": "exact"}
    actual = penalty(lambda *a, **k: dau_tf.dau_conv2d(*a, **k, **exact))
    for one, other in zip(actual, expected, strict=True):
        assert_close(one, other.numpy())


@each_mode
def test_in_a_graph_of_unknown_sizes(mode):
    p = PROBLEMS["stride"]
    sizes = [[None, None, None, 2], [None, 2, None], [2, None, 2, None]]
    sizes.append([] if mode == SHARED else [None, 2, None])
    signature = [tf.TensorSpec(size, tf.float64) for size in sizes]
    graph = tf.function(
        lambda *args: dau_tf.dau_conv2d(*args, **options(p)), input_signature=signature
    )
    args = arguments(p, mode)
    assert_close(graph(*args), dau_conv2d_dense(*args, **options(p)).numpy())


def test_static_shape_of_valid_is_known_without_sigma():
    @tf.function(input_signature=[tf.TensorSpec([None, 20, None, 2]), tf.TensorSpec([3, 2, 5])])
    def shape_of(x, sigma):
        y = dau_tf.dau_conv2d(
            x, tf.zeros([3, 2, 5]), tf.zeros([2, 3, 2, 5]), sigma, max_sigma=0.9, **VALID
        )
        assert y.shape.as_list() == [None, 20 - 2 * (2 + 3), None, 5]
        return y

    shape_of.get_concrete_function()


@each_mode
def test_an_image_alone_and_in_a_batch(mode):
    p = PROBLEMS["same"]
    x, *parameters = arguments(p, mode)
    whole = dau_tf.dau_conv2d(x, *parameters, **options(p))
    alone = dau_tf.dau_conv2d(x[:1], *parameters, **options(p))
    assert_close(whole[:1], alone.numpy())


def fourth_zero(sigma: np.ndarray) -> np.ndarray:
    return np.where(np.arange(sigma.size).reshape(sigma.shape) == 3, 0.0, sigma)


REFUSED = {
    "zero": (fourth_zero, "`sigma` must be > 0"),
    "negative": (lambda s: s - 1, r"`sigma` must be > 0 and ≤ max_sigma=0.9.*-0\."),
    "too_large": (lambda s: s * 0 + 0.95, r"Received: 0\.95"),
    "nan": (lambda s: s * np.nan, "`sigma` must be > 0.*nan"),
}


@each_mode
@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_sigma_out_of_range_is_refused(mode, change, message):
    p = PROBLEMS["same"]
    sigma = np.asarray(sigma_of(p, mode))
    sigma = change(np.full(4, sigma))[3] if mode == SHARED else change(sigma)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        dau_tf.dau_conv2d(p.x, p.w, p.mu, tf.constant(sigma), **options(p))


def test_other_errors():
    p = PROBLEMS["same"]
    mu = p.mu.copy()
    mu[0, 1, 1, 1] = np.inf
    with pytest.raises(tf.errors.InvalidArgumentError, match="`displacement` must be finite"):
        dau_tf.dau_conv2d(p.x, p.w, mu, sigmas(p), **options(p))
    with pytest.raises(
        (ValueError, tf.errors.InvalidArgumentError), match=r"drops (a margin|\d+ pixels)"
    ):
        dau_tf.dau_conv2d(p.x, p.w, p.mu, sigmas(p), max_sigma=0.9, padding="valid",
                          max_displacement=3.0)  # fmt: skip
    with pytest.raises(ValueError, match=r"`max_sigma` must be.*> 0"):
        dau_tf.dau_conv2d(p.x, p.w, p.mu, 0.5, max_sigma=-1.0)


def test_engines_by_name(monkeypatch):
    p = PROBLEMS["stride"]
    args = arguments(p, PER_UNIT)
    expected = dau_conv2d_dense(*args, **options(p)).numpy()
    for engine in ("reference", "spectral", "direct", "auto"):  # there is no direct one: as auto
        monkeypatch.setenv("DAU_ENGINE", engine)
        assert_close(dau_tf.dau_conv2d(*args, **options(p)), expected)


@pytest.mark.parametrize(
    "given",
    [
        {"sigma_mode": PER_UNIT, "sigma_trainable": True},
        {"sigma_trainable": True},
        {"padding": "valid", "max_displacement": 2.0},
    ],
)
def test_the_layer_computes_the_same_by_dense_kernels(given):
    x = np.random.default_rng(7).normal(size=(2, 16, 15, 4))
    layer = DAUConv2D(6, dtype="float64", groups=2, **given)
    layer(x)
    slow = DAUConv2D.from_config({**layer.get_config(), "dense": True})
    slow.build(x.shape)
    slow.set_weights(layer.get_weights())
    assert slow.dense
    assert not slow.supports_jit
    assert_close(layer(x), slow(x).numpy())
