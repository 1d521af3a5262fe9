"""The definition of the DAU convolution and its gradients by dense kernels, in float64.

    y = zero-padded tf.nn.conv2d of x with  kernel[i,j,s,f] = sum_k w[k,s,f] * shift(g, mu[k,s,f])

It shares no code with the package or its kernels: the paper's sums, written with NumPy, over the
offsets that can meet the image.
"""

import math
from dataclasses import dataclass

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Problem:
    """One convolution. Shapes: x (N,H,W,S), w (K,S,F), mu (2,K,S,F) px; NHWC."""

    x: np.ndarray
    w: np.ndarray
    mu: np.ndarray
    sigma: float = 0.5
    strides: tuple[int, int] = (1, 1)
    padding: str = "same"
    max_displacement: float | None = None

    @property
    def first(self) -> int:
        """The row and column of the first output at stride 1."""
        if self.padding == "same":
            return 0
        return math.ceil(self.max_displacement) + radius(self.sigma)

    @property
    def reach(self) -> int:
        """Offsets beyond this one meet zeros only, wherever the output is."""
        return max(1, *self.x.shape[1:3])


def radius(sigma: float) -> int:
    return math.ceil(3 * sigma - 1e-6)


def gaussian(sigma: float) -> np.ndarray:
    """g on -r..r by -r..r, normalised to sum 1."""
    i = np.arange(-radius(sigma), radius(sigma) + 1)
    g = np.exp(-(i[:, None] ** 2 + i[None, :] ** 2) / (2 * sigma**2))
    return g / g.sum()


def gaussian_derivative(sigma: float, axis: int) -> np.ndarray:
    """D(i,j) = (i or j) / sigma^2 * g(i,j), Eq. 16."""
    i = np.arange(-radius(sigma), radius(sigma) + 1)
    return (i[:, None] if axis == 0 else i[None, :]) / sigma**2 * gaussian(sigma)


def hat(t: np.ndarray) -> np.ndarray:
    """Weight of the pixel at distance t in linear interpolation."""
    return np.maximum(0.0, 1.0 - np.abs(t))


def hat_right_derivative(t: np.ndarray) -> np.ndarray:
    """d hat(p - mu) / d mu from the right, as a function of t = p - mu."""
    return np.where((t > 0) & (t <= 1), 1.0, np.where((t > -1) & (t <= 0), -1.0, 0.0))


def shifted(taps: np.ndarray, mu: np.ndarray, reach: int, slope_axis: int | None = None):
    """Each unit's kernel: `taps` shifted bilinearly by mu, on offsets -reach..reach.

    Returns (2 reach + 1, 2 reach + 1, K, S, F). With `slope_axis` 0 or 1, its derivative for that
    coordinate of mu.
    """
    r = taps.shape[0] // 2
    p = np.arange(-reach, reach + 1, dtype=np.float64)
    i = np.arange(-r, r + 1)
    # distance of offset p from tap i shifted by mu: [p, i, K, S, F]
    distance = [
        (p[:, None] - i)[..., None, None, None] - mu[axis].astype(np.float64) for axis in (0, 1)
    ]
    factor = [
        hat_right_derivative(distance[axis]) if slope_axis == axis else hat(distance[axis])
        for axis in (0, 1)
    ]
    return np.einsum("ij,piksf,qjksf->pqksf", taps, *factor)


def padded(problem: Problem) -> np.ndarray:
    margin = problem.reach
    return np.pad(
        problem.x.astype(np.float64), ((0, 0), (margin, margin), (margin, margin), (0, 0))
    )


def outputs_of_stride_one(problem: Problem, y: np.ndarray) -> np.ndarray:
    """Cuts `valid`'s margin off and takes every stride-th row and column."""
    first, (sv, sh) = problem.first, problem.strides
    height, width = y.shape[1:3]
    return y[:, first : height - first : sv, first : width - first : sh, :]


def forward(problem: Problem) -> np.ndarray:
    """y by `tf.nn.conv2d` with the materialised kernel, stride and margin by slicing."""
    units = shifted(gaussian(problem.sigma), problem.mu, problem.reach)
    kernel = np.einsum("pqksf,ksf->pqsf", units, problem.w.astype(np.float64))
    y = tf.nn.conv2d(padded(problem), kernel, strides=1, padding="VALID").numpy()
    return outputs_of_stride_one(problem, y)


def correlations(problem: Problem, dy: np.ndarray) -> np.ndarray:
    """c[p,q,s,f] = sum over outputs of dy[.,f] * x at offset (p,q) from the output's pixel."""
    size = 2 * problem.reach + 1
    x = padded(problem)
    height, width = problem.x.shape[1:3]
    result = np.zeros((size, size, problem.x.shape[3], dy.shape[3]))
    for p in range(size):
        for q in range(size):
            window = outputs_of_stride_one(problem, x[:, p : p + height, q : q + width, :])
            result[p, q] = np.einsum("nhws,nhwf->sf", window, dy)
    return result


def backward(problem: Problem, dy: np.ndarray, displacement_gradient: str) -> dict[str, np.ndarray]:
    """Gradients of sum(dy * y) for x, w and mu, by their formulas."""
    dy = dy.astype(np.float64)
    c = correlations(problem, dy)
    g, reach = gaussian(problem.sigma), problem.reach
    mu_backprop = []
    for axis in (0, 1):
        if displacement_gradient == "gaussian":
            units = shifted(gaussian_derivative(problem.sigma, axis), problem.mu, reach)
        else:
            units = shifted(g, problem.mu, reach, slope_axis=axis)
        mu_backprop.append(np.einsum("pqksf,pqsf,ksf->ksf", units, c, problem.w))
    return {
        "x": input_gradient(problem, dy),
        "w": np.einsum("pqksf,pqsf->ksf", shifted(g, problem.mu, reach), c),
        "mu": np.stack(mu_backprop),
    }


def input_gradient(problem: Problem, dy: np.ndarray) -> np.ndarray:
    """The adjoint of `forward` in x: scatter dy back through the kernel."""
    reach, (sv, sh), first = problem.reach, problem.strides, problem.first
    units = shifted(gaussian(problem.sigma), problem.mu, reach)
    kernel = np.einsum("pqksf,ksf->pqsf", units, problem.w.astype(np.float64))
    dx = np.zeros_like(padded(problem))
    for row in range(dy.shape[1]):
        for column in range(dy.shape[2]):
            top, left = first + row * sv, first + column * sh
            patch = np.einsum("nf,pqsf->npqs", dy[:, row, column], kernel)
            dx[:, top : top + 2 * reach + 1, left : left + 2 * reach + 1] += patch
    height, width = problem.x.shape[1:3]
    return dx[:, reach : reach + height, reach : reach + width]
