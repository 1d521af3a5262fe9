"""Second derivatives: by finite differences, or by their formula where they are smoothed."""

import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from tests.dau_tf import oracle

# Central differences with a step of 1e-4 of first gradients that are polynomials of degree one in
# each argument away from integers: exact but for rounding, 1e-16 / 1e-4 times some hundred terms.
FINITE_DIFFERENCE_TOLERANCE = 1e-8
STEP = 1e-4


def problem(**options) -> oracle.Problem:
    rng = np.random.default_rng(3)
    units = (2, 2, 3)
    mu = rng.integers(-2, 2, (2, *units)) + rng.uniform(0.2, 0.8, (2, *units))
    size = (12, 11) if "padding" in options else (5, 6)
    return oracle.Problem(rng.normal(size=(2, *size, 2)), rng.normal(size=units), mu, **options)


PROBLEMS = {
    "same": problem(),
    "stride": problem(strides=(2, 3), sigma=0.35),
    "valid": problem(padding="valid", max_displacement=2.0, sigma=0.5),
    "valid_stride": problem(padding="valid", max_displacement=1.5, sigma=0.3, strides=(2, 1)),
}
each_problem = pytest.mark.parametrize("p", PROBLEMS.values(), ids=PROBLEMS.keys())
each_data_format = pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])


def arguments(p: oracle.Problem) -> list[tf.Tensor]:
    return [tf.constant(a) for a in (p.x, p.w, p.mu)]


def convolve(p: oracle.Problem, args, kind: str, data_format: str = "channels_last") -> tf.Tensor:
    x, w, mu = args
    first = data_format == "channels_first"
    y = dau_tf.dau_conv2d(
        tf.transpose(x, [0, 3, 1, 2]) if first else x,
        w,
        mu,
        sigma=p.sigma,
        strides=p.strides,
        padding=p.padding,
        max_displacement=p.max_displacement,
        data_format=data_format,
        displacement_gradient=kind,
    )
    return tf.transpose(y, [0, 2, 3, 1]) if first else y


def first_gradients(p, args, dy, kind, **options) -> list[tf.Tensor]:
    with tf.GradientTape() as tape:
        tape.watch(args)
        y = convolve(p, args, kind, **options)
    return tape.gradient(y, args, dy)


def directions(p: oracle.Problem, seed: int = 9) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """dy, and a direction for each of the first gradients."""
    rng = np.random.default_rng(seed)
    shape = oracle.forward(p).shape
    return tf.constant(rng.normal(size=shape)), [
        tf.constant(rng.normal(size=a.shape)) for a in (p.x, p.w, p.mu)
    ]


def second_gradients(p, kind, which: int, **options) -> list[tf.Tensor]:
    """The derivatives for x, w, mu, dy of sum(direction * the first gradient of one argument)."""
    dy, along = directions(p)
    args = arguments(p)
    with tf.GradientTape() as tape:
        tape.watch([*args, dy])
        q = tf.reduce_sum(along[which] * first_gradients(p, args, dy, kind, **options)[which])
    return tape.gradient(q, [*args, dy], unconnected_gradients="zero")


@each_problem
@each_data_format
@pytest.mark.parametrize("which", [0, 1, 2], ids=["of_dx", "of_dw", "of_dmu"])
def test_exact_by_finite_differences(p, data_format, which):
    dy, along = directions(p)
    theory = second_gradients(p, "exact", which, data_format=data_format)

    def q(*values: tf.Tensor) -> tf.Tensor:
        gradients = first_gradients(p, list(values[:3]), values[3], "exact")
        return tf.reduce_sum(along[which] * gradients[which])

    values = [*arguments(p), dy]
    rng = np.random.default_rng(10)
    for position, gradient in enumerate(theory):
        # A few random directions see every entry of the gradient.
        for _ in range(3):
            step = tf.constant(rng.normal(size=values[position].shape).clip(-2, 2)) * STEP
            moved = [
                [*values[:position], values[position] + s, *values[position + 1 :]]
                for s in (step, -step)
            ]
            numeric = (q(*moved[0]) - q(*moved[1])) / (2 * STEP)
            expected = tf.reduce_sum(gradient * step) / STEP
            scale = float(tf.norm(gradient)) * float(tf.norm(step)) / STEP
            # Within a step of 2e-4 the product of two moved coordinates is a quadratic term, whose
            # central difference is exact too.
            assert abs(float(numeric - expected)) <= FINITE_DIFFERENCE_TOLERANCE * max(scale, 1.0)


@each_problem
def test_exact_hessian_of_the_units_has_no_diagonal(p):
    # B is linear along one axis, and bilinear in both: only the mixed derivative is there.
    dy, _ = directions(p)
    args = arguments(p)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(args[2])
        gradient = first_gradients(p, args, dy, "exact")[2]
    hessian = tape.jacobian(gradient, args[2], experimental_use_pfor=False).numpy()
    size = args[1].numpy().size
    hessian = hessian.reshape(2, size, 2, size)
    for axis in (0, 1):
        np.testing.assert_allclose(hessian[axis, :, axis], np.zeros((size, size)), atol=1e-12)
    mixed = hessian[0, :, 1]
    assert np.abs(np.diag(mixed)).max() > 0.1
    np.testing.assert_allclose(mixed, np.diag(np.diag(mixed)), atol=1e-12)


def smoothed_taps(sigma: float, vertical: int, horizontal: int) -> np.ndarray:
    """D of those orders, from the Gaussian's own derivatives."""
    i = np.arange(-oracle.radius(sigma), oracle.radius(sigma) + 1)
    factor = [np.ones(len(i)), i / sigma**2, i**2 / sigma**4 - 1 / sigma**2]
    return np.outer(factor[vertical], factor[horizontal]) * oracle.gaussian(sigma)


def smoothed_second_gradients(p: oracle.Problem, dy: np.ndarray, b, a) -> dict[str, np.ndarray]:
    """The derivatives of sum(b dL/dw) + sum(a dL/dmu) with Eq. 16 as the rule for every d/dmu."""
    c = oracle.correlations(p, dy)

    def units(vertical: int, horizontal: int) -> np.ndarray:
        taps = smoothed_taps(p.sigma, vertical, horizontal)
        return oracle.shifted(taps, p.mu, p.reach)

    def sums(*order: int) -> np.ndarray:
        return np.einsum("pqksf,pqsf->ksf", units(*order), c)

    weights = [(b, (0, 0)), (p.w * a[0], (1, 0)), (p.w * a[1], (0, 1))]
    kernel = sum(np.einsum("pqksf,ksf->pqsf", units(*order), weight) for weight, order in weights)
    return {
        "x": adjoint(p, kernel, dy),
        "w": a[0] * sums(1, 0) + a[1] * sums(0, 1),
        "mu": np.stack(
            [
                b * sums(1, 0) + p.w * (a[0] * sums(2, 0) + a[1] * sums(1, 1)),
                b * sums(0, 1) + p.w * (a[0] * sums(1, 1) + a[1] * sums(0, 2)),
            ]
        ),
        "dy": oracle.outputs_of_stride_one(
            p, tf.nn.conv2d(oracle.padded(p), kernel, strides=1, padding="VALID").numpy()
        ),
    }


def adjoint(p: oracle.Problem, kernel: np.ndarray, dy: np.ndarray) -> np.ndarray:
    x = tf.constant(p.x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        r = p.reach
        padded = tf.pad(x, [[0, 0], [r, r], [r, r], [0, 0]])
        y = oracle.outputs_of_stride_one(p, tf.nn.conv2d(padded, kernel, 1, "VALID"))
    return tape.gradient(y, x, tf.constant(dy)).numpy()


@each_problem
@each_data_format
@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["eager", "graph"])
def test_gaussian_by_its_formula(p, data_format, wrap):
    dy, (_, b, a) = directions(p)
    args = arguments(p)

    @wrap
    def second() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([*args, dy])
            _, dw, dmu = first_gradients(p, args, dy, "gaussian", data_format=data_format)
            q = tf.reduce_sum(b * dw) + tf.reduce_sum(a * dmu)
        return tape.gradient(q, [*args, dy])

    expected = smoothed_second_gradients(p, dy.numpy(), b.numpy(), a.numpy())
    for name, actual in zip(("x", "w", "mu", "dy"), second(), strict=True):
        largest = np.abs(expected[name]).max()
        np.testing.assert_allclose(actual, expected[name], atol=1e-11 * largest, err_msg=name)


@pytest.mark.parametrize("kind", ["exact", "gaussian"])
@each_problem
def test_hessians_are_symmetric(p, kind):
    # The rule of Eq. 16 is applied to every d/dmu alike, so that its order does not matter either.
    args, dy = arguments(p), directions(p)[0]
    one, other = directions(p, seed=20)[1], directions(p, seed=21)[1]

    def times(along: list[tf.Tensor]) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(args)
            gradients = first_gradients(p, args, dy, kind)
            q = tf.add_n([tf.reduce_sum(g * d) for g, d in zip(gradients, along, strict=True)])
        return tape.gradient(q, args)

    def product(first: list[tf.Tensor], second: list[tf.Tensor]) -> float:
        return float(sum(tf.reduce_sum(f * s) for f, s in zip(first, second, strict=True)))

    assert product(times(one), other) == pytest.approx(product(times(other), one), rel=1e-10)


def test_third_derivatives_by_finite_differences():
    p = PROBLEMS["same"]
    args, (dy, along) = arguments(p), directions(p)
    step = directions(p, seed=22)[1]

    def second(values: list[tf.Tensor]) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(values)
            gradients = first_gradients(p, values, dy, "exact")
            q = tf.add_n([tf.reduce_sum(g * d) for g, d in zip(gradients, along, strict=True)])
        products = tape.gradient(q, values)
        return tf.add_n([tf.reduce_sum(g * d) for g, d in zip(products, along, strict=True)])

    with tf.GradientTape() as tape:
        tape.watch(args)
        value = second(args)
    gradient = tape.gradient(value, args)
    moved = [
        second([a + sign * STEP * s for a, s in zip(args, step, strict=True)]) for sign in (1, -1)
    ]
    numeric = float(moved[0] - moved[1]) / (2 * STEP)
    expected = float(sum(tf.reduce_sum(g * s) for g, s in zip(gradient, step, strict=True)))
    assert abs(expected) > 1.0
    assert numeric == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", ["exact", "gaussian"])
@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["eager", "graph"])
def test_a_gradient_penalty_trains_every_variable(kind, wrap):
    layer = dau_tf.DAUConv2D(2, strides=2, groups=2, displacement_gradient=kind)
    x = tf.random.stateless_normal([3, 7, 6, 4], [1, 2])
    layer.build(x.shape)

    @wrap
    def penalty_and_gradients() -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(tf.square(layer(x)), [1, 2, 3])
            norm = tf.norm(tf.reshape(inner.gradient(y, x), [3, -1]), axis=1)
            penalty = tf.reduce_mean(tf.square(norm - 1))
        return penalty, outer.gradient(penalty, [v.value for v in layer.trainable_variables])

    before, gradients = penalty_and_gradients()
    for variable, gradient in zip(layer.trainable_variables, gradients, strict=True):
        assert np.abs(gradient).max() > 0
        variable.assign_sub(1e-3 * gradient)
    assert float(penalty_and_gradients()[0]) < float(before)


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
@pytest.mark.parametrize("kind", ["exact", "gaussian"])
def test_of_16_bits(half, kind):
    p = PROBLEMS["same"]
    dy, along = directions(p)
    results = []
    for dtype in (half, "float64"):
        cast = [tf.cast(tf.cast(v, half), dtype) for v in (p.x, p.w, dy, along[1])]
        x, w, dy_cast, b = cast
        precise = "float32" if dtype == half else dtype
        mu, a = (tf.cast(tf.cast(v, half), precise) for v in (p.mu, along[2]))
        with tf.GradientTape() as tape:
            tape.watch([x, w, mu])
            _, dw, dmu = first_gradients(p, [x, w, mu], dy_cast, kind)
            q = tf.reduce_sum(tf.cast(b * dw, precise)) + tf.reduce_sum(a * dmu)
        results.append(tape.gradient(q, [x, w, mu]))
    for low, high in zip(*results, strict=True):
        assert low.dtype in (half, "float32")
        error = np.abs(tf.cast(low, tf.float64) - high).max()
        assert error < 0.03 * np.abs(high).max()
