"""The dense route: the shared form equals the op, the general form its definition."""

import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from dau_tf.ops.dense import dau_conv2d_dense
from tests.dau_tf import general_oracle, oracle

ROUNDING = 1e-12  # float64: 1e-16 times some hundred terms, over the largest value
# The derivative by sigma is curved: a step of 1e-5 leaves 1e-10 of its third derivative, which is
# up to some 1e3 times the first; rounding adds 1e-16 / 1e-5.
FINITE_DIFFERENCE_TOLERANCE = 1e-6
MAX_SIGMA = 0.9
VALID = {"padding": "valid", "max_displacement": 1.5}


def problem(image=(6, 7), **options) -> oracle.Problem:
    rng = np.random.default_rng(3)
    units = (2, 2, 3)
    limit = options.get("max_displacement", 3)
    return oracle.Problem(
        rng.normal(size=(2, *image, 2)),
        rng.normal(size=units),
        rng.uniform(-limit, limit, (2, *units)),
        **options,
    )


PROBLEMS = {
    "same": problem(),
    "stride": problem(strides=(2, 3)),
    "valid": problem((12, 13), **VALID),
    "valid_stride": problem((13, 12), strides=(2, 1), **VALID),
    "small_image": problem((2, 1)),
    "far": oracle.Problem(
        np.ones((1, 4, 5, 1)), np.ones((2, 1, 1)), np.reshape([3.5, -40, 1, 99], (2, 2, 1, 1))
    ),
}
each_problem = pytest.mark.parametrize("p", PROBLEMS.values(), ids=PROBLEMS.keys())


def sigmas(p: oracle.Problem) -> np.ndarray:
    return np.random.default_rng(4).uniform(0.3, MAX_SIGMA, p.w.shape)


def dense(p: oracle.Problem, sigma, args=None, **options) -> tf.Tensor:
    given = {"max_sigma": MAX_SIGMA, "strides": p.strides, "padding": p.padding}
    given["max_displacement"] = p.max_displacement
    return dau_conv2d_dense(*(args or (p.x, p.w, p.mu)), sigma, **{**given, **options})


def margin(p: oracle.Problem) -> int:
    return 0 if p.padding == "same" else 2 + oracle.radius(MAX_SIGMA)


def assert_close(actual: tf.Tensor, expected: np.ndarray, relative: float = ROUNDING) -> None:
    assert actual.shape == expected.shape
    error = np.abs(tf.cast(actual, tf.float64).numpy() - expected).max()
    assert error <= relative * max(np.abs(expected).max(), 1e-300)


# --- the shared form


@each_problem
@pytest.mark.parametrize("sigma", [0.5, 0.35, 0.9])
@pytest.mark.parametrize("kind", ["exact", "gaussian"])
def test_shared_form_equals_the_op(p, sigma, kind):
    results = []
    for function in (dau_tf.dau_conv2d, dau_conv2d_dense):
        args = [tf.constant(a) for a in (p.x, p.w, p.mu)]
        more = {"max_sigma": sigma} if function is dau_conv2d_dense else {}
        with tf.GradientTape() as tape:
            tape.watch(args)
            y = function(
                *args, sigma, strides=p.strides, padding=p.padding, displacement_gradient=kind,
                max_displacement=p.max_displacement, **more,
            )  # fmt: skip
        dy = tf.constant(np.random.default_rng(5).normal(size=y.shape))
        results.append([y, *tape.gradient(y, args, dy)])
    for of_op, of_dense in zip(*results, strict=True):
        assert_close(of_dense, of_op.numpy())


def test_shared_form_learns_sigma():
    p = PROBLEMS["same"]
    sigma = tf.constant(0.55, tf.float64)
    (theory,), (numeric,) = tf.test.compute_gradient(lambda s: dense(p, s), [sigma], delta=1e-5)
    assert np.abs(numeric).max() > 0.1
    np.testing.assert_allclose(theory, numeric, atol=FINITE_DIFFERENCE_TOLERANCE)


# --- the general form


@each_problem
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_general_form_equals_its_definition(p, data_format):
    sigma = sigmas(p)
    args = [p.x, p.w, p.mu]
    if data_format == "channels_first":
        args[0] = p.x.transpose(0, 3, 1, 2)
    y = dense(p, sigma, args, data_format=data_format)
    y = tf.transpose(y, [0, 2, 3, 1]) if data_format == "channels_first" else y
    assert_close(y, general_oracle.forward(p, sigma, MAX_SIGMA, margin(p)))


@pytest.mark.parametrize("name", ["same", "stride", "valid_stride"])
@pytest.mark.parametrize("argument", ["x", "w", "mu", "sigma"])
def test_general_form_by_finite_differences(name, argument):
    p = PROBLEMS[name]
    values = {"x": p.x, "w": p.w, "mu": p.mu, "sigma": sigmas(p)}
    # No |p - mu| passes r + 1 within a step of 1e-5, where the support ends.
    assert np.abs(p.mu - np.round(p.mu)).min() > 1e-4

    def f(value: tf.Tensor) -> tf.Tensor:
        x, w, mu, sigma = {**values, argument: value}.values()
        return dense(p, sigma, (x, w, mu))

    (theory,), (numeric,) = tf.test.compute_gradient(f, [tf.constant(values[argument])], delta=1e-5)
    assert np.abs(numeric).max() > 0.1
    np.testing.assert_allclose(theory, numeric, atol=FINITE_DIFFERENCE_TOLERANCE)


def test_second_derivatives_by_finite_differences():
    p = PROBLEMS["same"]
    values = [tf.constant(v) for v in (p.x, p.w, p.mu, sigmas(p))]
    rng = np.random.default_rng(6)
    along = [tf.constant(rng.normal(size=v.shape)) for v in values]

    def slope(at: list[tf.Tensor]) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(at)
            loss = tf.reduce_sum(tf.sin(dense(p, at[3], at[:3])))
        gradients = tape.gradient(loss, at)
        return tf.add_n([tf.reduce_sum(g * a) for g, a in zip(gradients, along, strict=True)])

    with tf.GradientTape() as tape:
        tape.watch(values)
        value = slope(values)
    theory = tape.gradient(value, values)
    expected = float(sum(tf.reduce_sum(t * a) for t, a in zip(theory, along, strict=True)))
    step = 1e-5
    up, down = (
        slope([v + sign * step * a for v, a in zip(values, along, strict=True)]) for sign in (1, -1)
    )
    assert float(up - down) / (2 * step) == pytest.approx(expected, rel=1e-6)


def test_support_is_fixed_by_max_sigma_and_normalised_whatever_sigma_is():
    # The weights of a unit far from the border sum to 1: an image of ones stays an image of ones.
    x = np.ones((1, 15, 15, 1))
    for sigma in (0.3, 0.5, 0.9):
        y = dau_conv2d_dense(
            x, np.ones((1, 1, 1)), np.full((2, 1, 1, 1), 0.3), np.full((1, 1, 1), sigma),
            max_sigma=MAX_SIGMA,
        )  # fmt: skip
        np.testing.assert_allclose(y[0, 7, 7, 0], 1.0, rtol=1e-14)
    spot = np.zeros((1, 1, 21, 1))
    spot[0, 0, 10] = 1.0
    unit = {"weight": np.ones((1, 1, 1)), "displacement": np.zeros((2, 1, 1, 1))}
    y = dau_conv2d_dense(spot, **unit, sigma=np.full((1, 1, 1), 0.9), max_sigma=MAX_SIGMA)
    assert np.flatnonzero(y).tolist() == list(range(7, 14))  # ceil(3 * 0.9) = 3 to each side


def test_narrow_units_on_pixels_are_a_shift():
    p = oracle.Problem(np.random.default_rng(7).normal(size=(1, 6, 6, 1)), np.ones((1, 1, 1)),
                       np.reshape([1.0, -2.0], (2, 1, 1, 1)))  # fmt: skip
    y = dense(p, np.full((1, 1, 1), 0.05))
    np.testing.assert_allclose(y[0, :-1, 2:, 0], p.x[0, 1:, :-2, 0], atol=1e-15)


@pytest.mark.parametrize("groups", [2, 4])
def test_groups(groups):
    rng = np.random.default_rng(8)
    x, units = rng.normal(size=(1, 5, 6, 4)), (2, 4 // groups, 8)
    w, mu = rng.normal(size=units), rng.uniform(-2, 2, (2, *units))
    sigma = rng.uniform(0.3, MAX_SIGMA, units)
    y = dau_conv2d_dense(x, w, mu, sigma, max_sigma=MAX_SIGMA, groups=groups)
    parts = [np.split(a, groups, -1) for a in (x, w, mu, sigma)]
    expected = [
        general_oracle.forward(oracle.Problem(*group[:3]), group[3], MAX_SIGMA)
        for group in zip(*parts, strict=True)
    ]
    assert_close(y, np.concatenate(expected, -1))


@pytest.mark.parametrize(
    ("dtype", "relative"), [("float32", 1e-5), ("float16", 1e-3), ("bfloat16", 8e-3)]
)
def test_dtypes(dtype, relative):
    p = PROBLEMS["same"]
    x, w = (tf.cast(tf.cast(a, dtype), tf.float64) for a in (p.x, p.w))
    mu, sigma = (tf.cast(tf.cast(a, tf.float32), tf.float64) for a in (p.mu, sigmas(p)))
    low = [tf.cast(x, dtype), tf.cast(w, dtype), tf.cast(mu, tf.float32)]
    y = dense(p, tf.cast(sigma, tf.float32), low)
    assert y.dtype == dtype
    assert_close(y, dense(p, sigma, [x, w, mu]).numpy(), relative)


def test_in_a_graph_of_unknown_sizes():
    p = PROBLEMS["stride"]
    signature = [
        tf.TensorSpec([None, None, None, 2], tf.float64),
        tf.TensorSpec([None, 2, None], tf.float64),
        tf.TensorSpec([2, None, 2, None], tf.float64),
        tf.TensorSpec([None, 2, None], tf.float64),
    ]
    graph = tf.function(lambda x, w, mu, s: dense(p, s, (x, w, mu)), input_signature=signature)
    assert_close(graph(p.x, p.w, p.mu, sigmas(p)), dense(p, sigmas(p)).numpy())


@pytest.mark.parametrize("sigma", [0.0, -0.1, 0.95, float("nan")])
def test_sigma_out_of_range_is_refused(sigma):
    p = PROBLEMS["same"]
    values = sigmas(p)
    values[1, 1, 2] = sigma
    with pytest.raises(tf.errors.InvalidArgumentError, match="`sigma` must be"):
        dense(p, values)


def test_a_displacement_that_is_not_finite_is_refused():
    p = PROBLEMS["same"]
    mu = p.mu.copy()
    mu[0, 1, 1, 1] = np.inf
    with pytest.raises(tf.errors.InvalidArgumentError, match="`displacement` must be finite"):
        dense(p, sigmas(p), (p.x, p.w, mu))


def test_valid_that_leaves_nothing_is_refused():
    p = problem((8, 9), **VALID)
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="leaves nothing"):
        dense(p, sigmas(p), max_displacement=2.0)
