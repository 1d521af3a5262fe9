"""`fit_units`: the units closest to a kernel."""

import numpy as np
import pytest

from dau_tf.replacement.fit_units import fit_units
from tests.dau_tf import oracle

REACH = 6


def kernel_of(w: np.ndarray, mu: np.ndarray, sigma: float) -> np.ndarray:
    """The dense kernel of units, (2 REACH + 1, 2 REACH + 1, S, F)."""
    units = oracle.shifted(oracle.gaussian(sigma), mu, REACH)
    return np.einsum("pqksf,ksf->pqsf", units, w)


def error(kernel: np.ndarray, w: np.ndarray, mu: np.ndarray, sigma: float) -> np.ndarray:
    """The squared error a pair, over the pair's squared norm. `kernel` is centred, of odd size."""
    margins = [(REACH - n // 2,) * 2 for n in kernel.shape[:2]]
    target = np.pad(kernel, [*margins, (0, 0), (0, 0)])
    return ((target - kernel_of(w, mu, sigma)) ** 2).sum((0, 1)) / (target**2).sum((0, 1))


@pytest.mark.parametrize("units", [1, 2, 3])
@pytest.mark.parametrize("sigma", [0.35, 0.5, 0.8])
def test_finds_the_units_that_made_the_kernel(units, sigma):
    rng = np.random.default_rng(5)
    shape = (units, 3, 4)
    w = rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape)
    # At least three pixels apart, between pixels, so that they are told apart.
    centres = np.array([[-2.0, 0, 2], [1.5, -2, 2]])[:, :units, None, None]
    mu = centres + rng.uniform(-0.4, 0.4, (2, *shape))
    kernel = kernel_of(w, mu, sigma)
    offsets = (np.arange(-REACH, REACH + 1),) * 2
    found_w, found_mu = fit_units(kernel, offsets, units, sigma)
    order = np.argsort(found_mu[0], axis=0)  # the rows of the centres ascend
    found_mu = np.take_along_axis(found_mu, order[None], 1)
    np.testing.assert_allclose(np.take_along_axis(found_w, order, 0), w, rtol=5e-3)
    np.testing.assert_allclose(found_mu, mu, atol=5e-3)


@pytest.mark.parametrize(("units", "largest"), [(1, 0.60), (2, 0.33), (4, 0.10)])
def test_random_kernels_and_how_much_is_lost(units, largest):
    kernel = np.random.default_rng(6).normal(size=(3, 3, 16, 16))
    w, mu = fit_units(kernel, (np.arange(-1, 2),) * 2, units, 0.5)
    lost = error(kernel, w, mu, 0.5)
    assert np.average(lost, weights=(kernel**2).sum((0, 1))) < largest
    assert np.abs(mu).max() <= 1.0
    assert np.abs(w).max() < 20 * np.abs(kernel).max()


def test_places_and_weights_are_a_minimum():
    kernel = np.random.default_rng(7).normal(size=(5, 5, 2, 3))
    w, mu = fit_units(kernel, (np.arange(-2, 3),) * 2, 2, 0.5)
    best = error(kernel, w, mu, 0.5)
    rng = np.random.default_rng(8)
    for _ in range(20):
        other = error(kernel, w + rng.normal(0, 0.02, w.shape), mu, 0.5)
        assert (other > best - 1e-3).all()
        moved = np.clip(mu + rng.normal(0, 0.02, mu.shape), -2, 2)
        # Not for each pair: where pixels change the derivative jumps, and steps may stop.
        assert error(kernel, w, moved, 0.5).mean() > best.mean()


def test_zero_kernels_and_dilated_offsets():
    w, mu = fit_units(np.zeros((3, 3, 2, 2)), (np.arange(-1, 2),) * 2, 2, 0.5)
    np.testing.assert_array_equal(w, np.zeros_like(w))
    assert np.isfinite(mu).all()
    kernel = np.zeros((3, 3, 1, 1))
    kernel[0, 2] = 1.0
    w, mu = fit_units(kernel, (np.arange(-4, 5, 4), np.arange(-2, 3, 2)), 1, 0.01)
    np.testing.assert_allclose(mu.ravel(), [-4, 2], atol=1e-6)
    np.testing.assert_allclose(w.ravel(), [1.0], atol=1e-3)
