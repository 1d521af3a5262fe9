"""Finite differences of `dau_conv2d`."""

import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from tests.dau_tf import oracle

# Away from integers y is a polynomial of degree one in each of x, w, mu_v, mu_h, so that central
# differences with a step of 1e-3 are exact but for rounding: 1e-16 / 1e-3, times some terms.
FINITE_DIFFERENCE_TOLERANCE = 1e-10


def problem(**options) -> oracle.Problem:
    rng = np.random.default_rng(3)
    units = (2, 2, 3)
    mu = rng.integers(-3, 3, (2, *units)) + rng.uniform(0.2, 0.8, (2, *units))
    return oracle.Problem(rng.normal(size=(2, 6, 7, 2)), rng.normal(size=units), mu, **options)


PROBLEMS = {
    "same": problem(),
    "stride": problem(strides=(2, 3), sigma=0.35),
    "valid": problem(padding="valid", max_displacement=0.0, sigma=0.5),
}


def finite_difference_error(p: oracle.Problem, position: int, kind: str) -> tuple[float, float]:
    """Returns the largest error of the gradient for one argument, and its largest value."""
    arguments = [tf.constant(a) for a in (p.x, p.w, p.mu)]

    def f(value):
        return dau_tf.dau_conv2d(
            *arguments[:position],
            value,
            *arguments[position + 1 :],
            sigma=p.sigma,
            strides=p.strides,
            padding=p.padding,
            max_displacement=p.max_displacement,
            displacement_gradient=kind,
        )

    (theory,), (numeric,) = tf.test.compute_gradient(f, [arguments[position]], delta=1e-3)
    return np.abs(theory - numeric).max(), np.abs(numeric).max()


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize(("argument", "position"), [("x", 0), ("w", 1), ("mu", 2)])
def test_finite_differences(name, argument, position):
    error, largest = finite_difference_error(PROBLEMS[name], position, "exact")
    assert largest > 0.1
    assert error <= FINITE_DIFFERENCE_TOLERANCE


def test_bias_and_layer_by_finite_differences():
    p = PROBLEMS["same"]
    layer = dau_tf.DAUConv2D(3, displacement_gradient="exact", dtype="float64")
    layer.build(p.x.shape)

    def f(weight, displacement, bias):
        values = {"unit_weight": weight, "displacement": displacement, "bias": bias}
        trainable = [values[variable.name] for variable in layer.trainable_variables]
        return layer.stateless_call(
            trainable, [v.value for v in layer.non_trainable_variables], p.x
        )[0]

    theory, numeric = tf.test.compute_gradient(f, [p.w, p.mu, np.zeros(3)], delta=1e-3)
    for one, other in zip(theory, numeric, strict=True):
        assert np.abs(other).max() > 0.1
        np.testing.assert_allclose(one, other, atol=FINITE_DIFFERENCE_TOLERANCE)


def test_gaussian_displacement_gradient_is_not_the_derivative():
    # On white noise its norm is half of the derivative's (sigma = 0.5): far from any tolerance.
    error, largest = finite_difference_error(PROBLEMS["same"], 2, "gaussian")
    assert error > 0.1 * largest


def test_exact_displacement_gradient_is_right_hand_at_integers():
    ramp = tf.constant([0.0, 0.0, 1.0, 5.0, 0.0, 0.0], tf.float64)[None, None, :, None]
    mu = tf.zeros([2, 1, 1, 1], tf.float64)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(mu)
        # A blur of sigma 0.1 (radius 1) is the identity to 1e-21.
        y = dau_tf.dau_conv2d(ramp, [[[1.0]]], mu, 0.1, displacement_gradient="exact")
    slopes = tape.jacobian(y, mu, experimental_use_pfor=False)[0, 0, :, 0, 1, 0, 0, 0]
    np.testing.assert_allclose(slopes, [0.0, 1.0, 4.0, -5.0, 0.0, 0.0], atol=1e-12)
