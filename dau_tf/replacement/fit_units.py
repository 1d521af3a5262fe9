"""The units that come closest to the kernel of a convolution, by least squares.

    minimise over w, mu:  sum_{i,j} (kernel[i,j] - sum_k w[k] phi[i,j](mu[k]))^2 + 1e-4 sum_k w[k]^2

for each (channel, filter) pair, phi(mu) being the Gaussian shifted bilinearly by mu. First the
places come from a grid of quarter pixels, one unit after the other; then places and weights move
together by damped Gauss-Newton steps. There are many local minima: the best of eight random starts
has a 2 % lower error for two units and random 3x3 kernels. The last term stops two units at nearly
one place from growing against each other: without it weights reached 220 times the kernel's.
"""

import numpy as np

from dau_tf.ops import geometry

_GRID_STEP = 0.25  # px
_SWEEPS = 4
_NEWTON_STEPS = 12
_RIDGE = 1e-4
_PAIRS_AT_ONCE = 4096  # a pair takes some kilobytes


def fit_units(
    kernel: np.ndarray, offsets: tuple[np.ndarray, np.ndarray], units: int, sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns weights and displacements whose kernel is close to `kernel`.

    Args:
        kernel: (kh, kw, S, F).
        offsets: Rows and columns of the kernel's weights, in pixels from the filter's centre, each
            in equal steps.
        units: K.
        sigma: Aggregation perimeter in pixels.

    Returns:
        weight (K, S, F) and displacement (2, K, S, F) in pixels, within `offsets`; float64.

    Example:
        >>> import numpy as np
        >>> kernel = np.zeros((3, 3, 1, 1))
        >>> kernel[1, 2] = 2.0  # a single weight, one pixel to the right
        >>> weight, displacement = fit_units(kernel, (np.arange(-1, 2),) * 2, 1, sigma=0.01)
        >>> weight.ravel().round(3).tolist(), displacement.ravel().round(3).tolist()
        ([2.0], [0.0, 1.0])
    """
    targets = kernel.reshape(-1, *kernel.shape[2:]).reshape(kernel.shape[0] * kernel.shape[1], -1)
    window = _Window(offsets, sigma)
    parts = [
        _fit(window, targets[:, first : first + _PAIRS_AT_ONCE].T, units)
        for first in range(0, targets.shape[1], _PAIRS_AT_ONCE)
    ]
    w, mu = (np.concatenate(values) for values in zip(*parts, strict=True))
    pairs = kernel.shape[2:]
    return w.T.reshape(units, *pairs), mu.transpose(2, 1, 0).reshape(2, units, *pairs)


class _Window:
    """The pixels that kernel and units can touch, and phi there, axis by axis."""

    def __init__(self, offsets: tuple[np.ndarray, np.ndarray], sigma: float) -> None:
        self.offsets = [np.asarray(o, np.float64) for o in offsets]
        self.radius = geometry.support_radius(sigma)
        i = np.arange(-self.radius, self.radius + 1)
        taps = np.exp(-(i**2) / (2 * sigma**2))
        self.taps = taps / taps.sum()
        reach = self.radius + 1
        self.pixels = [np.arange(o.min() - reach, o.max() + reach + 1) for o in self.offsets]

    def profile(self, axis: int, mu: np.ndarray, slope: bool = False) -> np.ndarray:
        """(..., pixels) of one axis for mu (...), or its derivative, right-hand at integers."""
        below = np.floor(mu)[..., None]
        fraction = mu[..., None] - below
        distance = (self.pixels[axis] - below).astype(int)
        low, high = self._tap(distance), self._tap(distance - 1)
        return high - low if slope else (1 - fraction) * low + fraction * high

    def place(self, targets: np.ndarray) -> np.ndarray:
        """(pairs, kh kw) -> (pairs, rows, columns), with zeros around."""
        rows, columns = (
            np.searchsorted(p, o) for p, o in zip(self.pixels, self.offsets, strict=True)
        )
        placed = np.zeros((len(targets), len(self.pixels[0]), len(self.pixels[1])))
        placed[:, rows[:, None], columns] = targets.reshape(-1, len(rows), len(columns))
        return placed

    def _tap(self, distance: np.ndarray) -> np.ndarray:
        inside = np.abs(distance) <= self.radius
        return np.where(inside, self.taps[np.clip(distance + self.radius, 0, 2 * self.radius)], 0.0)


def _fit(window: _Window, targets: np.ndarray, units: int) -> tuple[np.ndarray, np.ndarray]:
    """targets (pairs, kh kw) -> w (pairs, K), mu (pairs, K, 2)."""
    placed = window.place(targets)
    w, mu = _on_the_grid(window, placed, units)
    return _refine(window, placed, w, mu)


def _on_the_grid(window: _Window, placed: np.ndarray, units: int) -> tuple[np.ndarray, np.ndarray]:
    axes = [np.arange(o.min(), o.max() + _GRID_STEP / 2, _GRID_STEP) for o in window.offsets]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    phi = np.einsum("pi,pj->pij", *(window.profile(a, places[:, a]) for a in (0, 1)))
    gram = np.einsum("pij,qij->pq", phi, phi, optimize=True)
    wanted = np.einsum("nij,pij->np", placed, phi, optimize=True)
    w = np.zeros((len(placed), units))
    chosen = np.zeros((len(placed), units), int)
    for _ in range(_SWEEPS):
        for k in range(units):
            others = [i for i in range(units) if i != k]
            left = wanted - np.einsum("nk,nkp->np", w[:, others], gram[chosen[:, others]])
            chosen[:, k] = np.argmax(left**2 / np.diag(gram), axis=1)
            w[:, k] = np.take_along_axis(left, chosen[:, k : k + 1], 1)[:, 0]
            w[:, k] /= np.diag(gram)[chosen[:, k]]
    return w, places[chosen]


def _refine(
    window: _Window, placed: np.ndarray, w: np.ndarray, mu: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Levenberg-Marquardt over all pairs at once, each with its own damping."""
    lowest, highest = (np.array([f(o) for o in window.offsets]) for f in (np.min, np.max))
    damping: np.ndarray = np.full(len(w), 1e-3)
    residual, jacobian = _linearise(window, placed, w, mu)
    for _ in range(_NEWTON_STEPS):
        normal = np.einsum("npx,nqx->npq", jacobian, jacobian, optimize=True)
        gradient = np.einsum("npx,nx->np", jacobian, residual, optimize=True)
        gradient[:, ::3] -= _RIDGE * w
        diagonal = np.einsum("npp->np", normal)
        diagonal[:, ::3] += _RIDGE
        # The floor keeps a unit of weight 0, whose place does not matter, from a singular system.
        diagonal += damping[:, None] * diagonal + 1e-9 * (1 + diagonal.max(axis=1, keepdims=True))
        step = np.linalg.solve(normal, gradient[..., None])[..., 0].reshape(*w.shape, 3)
        new_w = w + step[..., 0]
        new_mu = np.clip(mu + step[..., 1:], lowest, highest)
        new_residual, new_jacobian = _linearise(window, placed, new_w, new_mu)
        better = _objective(new_residual, new_w) < _objective(residual, w)
        damping = np.where(better, damping / 4, damping * 8)
        w, mu = np.where(better[:, None], new_w, w), np.where(better[:, None, None], new_mu, mu)
        residual = np.where(better[:, None], new_residual, residual)
        jacobian = np.where(better[:, None, None], new_jacobian, jacobian)
    return w, mu


def _objective(residual: np.ndarray, w: np.ndarray) -> np.ndarray:
    return (residual**2).sum(1) + _RIDGE * (w**2).sum(1)


def _linearise(
    window: _Window, placed: np.ndarray, w: np.ndarray, mu: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """kernel - units (pairs, pixels), and the units' derivatives (pairs, 3 K, pixels)."""
    value = [window.profile(axis, mu[..., axis]) for axis in (0, 1)]
    slope = [window.profile(axis, mu[..., axis], slope=True) for axis in (0, 1)]
    products = [(value[0], value[1]), (slope[0], value[1]), (value[0], slope[1])]
    parts = np.stack([np.einsum("nki,nkj->nkij", *pair) for pair in products], 2)
    parts = parts.reshape(*parts.shape[:3], -1)
    residual = placed.reshape(len(placed), -1) - np.einsum("nk,nkx->nx", w, parts[:, :, 0])
    parts[:, :, 1:] *= w[:, :, None, None]
    return residual, parts.reshape(len(w), -1, parts.shape[-1])
