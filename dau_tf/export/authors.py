"""Units in the layout of the paper's authors."""

from typing import Any

import numpy as np

from dau_tf.export.units import Units


def from_authors(weights: Any, mu1: Any, mu2: Any, sigma: float, bias: Any = None) -> Units:
    """Takes over a layer that was trained with the authors' `DAUConv2d`.

    Their unit k of the channel s and the filter f is at [0, s, k, f]; mu1 is horizontal and mu2
    vertical. What differs when the layer computes, docs/export.md tells.

    Args:
        weights: Shape (1, S, K, F).
        mu1: Horizontal displacements from the filter's centre in pixels, right positive, shape of
            `weights`.
        mu2: Vertical ones, down positive, likewise.
        sigma: Aggregation perimeter in pixels, that of the layer, > 0.
        bias: F numbers in any shape, or None.

    Returns:
        Units; `assign_to` sets them in a `DAUConv2D` of F filters and K units, built for S
        channels, whose max_displacement is not less than theirs.

    Raises:
        ValueError: Shapes do not belong together, values are not finite, or sigma is not > 0.

    Example:
        >>> units = from_authors(np.ones((1, 3, 2, 8)), np.ones((1, 3, 2, 8)),
        ...                      np.zeros((1, 3, 2, 8)), sigma=0.5)
        >>> units.displacement[:, 0, 0, 0].tolist()
        [0.0, 1.0]
    """
    named = {"weights": weights, "mu1": mu1, "mu2": mu2}
    arrays = {name: np.asarray(values) for name, values in named.items()}
    shape = arrays["weights"].shape
    for name, values in arrays.items():
        if len(shape) != 4 or shape[0] != 1 or values.shape != shape:
            raise ValueError(
                "`weights`, `mu1` and `mu2` must have the same shape (1, S, K, F). Received: "
                f"{name} of shape {values.shape}, weights of shape {shape}"
            )
    # (1, S, K, F) -> (K, S, F)
    w, horizontal, vertical = (np.swapaxes(values[0], 0, 1) for values in arrays.values())
    flat = None if bias is None else np.asarray(bias).reshape(-1)
    return Units(w, np.stack([vertical, horizontal]), np.asarray(sigma, float), flat)
