"""The general form (Eq. 2-4) by its definition: plain loops over units, in float64."""

import numpy as np

from tests.dau_tf import oracle


def unit(mu: np.ndarray, sigma: float, radius: int, reach: int) -> np.ndarray:
    """G(p; mu, sigma) on offsets -reach..reach, normalised by its sum over its own pixels."""
    far = int(np.abs(mu).max()) + radius + 3
    p = np.arange(-far, far + 1)
    v, h = p[:, None] - mu[0], p[None, :] - mu[1]
    bell = np.exp(-(v**2 + h**2) / (2 * sigma**2))
    bell[(np.abs(v) >= radius + 1) | (np.abs(h) >= radius + 1)] = 0.0
    bell /= bell.sum()
    result = np.zeros((2 * reach + 1, 2 * reach + 1))
    near = min(far, reach)
    inside = slice(reach - near, reach + near + 1)
    result[inside, inside] = bell[far - near : far + near + 1, far - near : far + near + 1]
    return result


def forward(
    problem: oracle.Problem, sigma: np.ndarray, max_sigma: float, margin: int = 0
) -> np.ndarray:
    """y; problem.sigma is not used, and `margin` is what `valid` drops."""
    radius, reach = oracle.radius(max_sigma), problem.reach
    n, height, width, _ = problem.x.shape
    x = oracle.padded(problem)
    y = np.zeros((n, height, width, problem.w.shape[2]))
    for k, s, f in np.ndindex(problem.w.shape):
        kernel = unit(problem.mu[:, k, s, f], sigma[k, s, f], radius, reach)
        for p, q in np.argwhere(kernel):
            window = x[:, p : p + height, q : q + width, s]
            y[..., f] += problem.w[k, s, f] * kernel[p, q] * window
    stride_v, stride_h = problem.strides
    return y[:, margin : height - margin : stride_v, margin : width - margin : stride_h]
