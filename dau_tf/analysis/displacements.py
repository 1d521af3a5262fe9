"""Where units look, weighted by |w|: along one axis (Fig. 6) and in the plane (Fig. 7)."""

import numpy as np

from dau_tf.analysis.layer_units import LayerUnits


def displacement_density(
    units: LayerUnits, axis: int = 0, share: float = 1.0, bin_width: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distribution of displacements along one axis, weighted by |w| (Fig. 6).

    Args:
        units: Of `layer_units`.
        axis: 0 for vertical, 1 for horizontal.
        share: Of the units those with the largest |w|: 1.0, 0.9 and 0.75 in the paper.
        bin_width: Pixels, > 0. Bins are centred at multiples of it, so that units that stayed at
            whole pixels do not fall on an edge.

    Returns:
        The bins' centres in pixels, (n,), and the density of |w| in 1/px, (n,), whose sum times
        `bin_width` is 1; 0 everywhere where all weights are 0.

    Example:
        >>> mu = np.array([[0.0, 2.0], [0.0, 0.0]])
        >>> units = LayerUnits("a", np.array([3.0, -1.0]), mu, np.ones(2), 2.0)
        >>> centres, density = displacement_density(units, axis=0, bin_width=1.0)
        >>> centres.tolist(), density.tolist()
        ([-2.0, -1.0, 0.0, 1.0, 2.0], [0.0, 0.0, 0.75, 0.0, 0.25])
    """
    kept = units.strongest(share)
    edges = _edges(units, bin_width)
    mass, _ = np.histogram(kept.displacement[axis], edges, weights=np.abs(kept.weight))
    return (edges[:-1] + edges[1:]) / 2, mass / max(mass.sum(), np.finfo(float).tiny) / bin_width


def displacement_map(
    units: LayerUnits, share: float = 1.0, bin_width: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distribution of displacements in the plane, weighted by |w| (Fig. 7).

    Args:
        units: Of `layer_units`.
        share: As in `displacement_density`.
        bin_width: As in `displacement_density`.

    Returns:
        The bins' centres in pixels, (n,), the same for both axes, and the share of |w| in each bin,
        (n, n), rows vertical, down positive; its sum is 1.

    Example:
        >>> mu = np.array([[0.0, 1.0], [0.0, 0.0]])
        >>> units = LayerUnits("a", np.array([3.0, -1.0]), mu, np.ones(2), 1.0)
        >>> displacement_map(units, bin_width=1.0)[1].tolist()
        [[0.0, 0.0, 0.0], [0.0, 0.75, 0.0], [0.0, 0.25, 0.0]]
    """
    kept = units.strongest(share)
    edges = _edges(units, bin_width)
    mass, _, _ = np.histogram2d(
        kept.displacement[0], kept.displacement[1], [edges, edges], weights=np.abs(kept.weight)
    )
    return (edges[:-1] + edges[1:]) / 2, mass / max(mass.sum(), np.finfo(float).tiny)


def _edges(units: LayerUnits, bin_width: float) -> np.ndarray:
    """The same for any share and axis, and the whole range where it is limited."""
    if not bin_width > 0:
        raise ValueError(f"`bin_width` must be > 0 pixels. Received: bin_width={bin_width!r}")
    farthest = np.abs(units.displacement).max(initial=0.0)
    reach = farthest if units.limit is None else max(farthest, units.limit)
    bins = max(1, int(np.ceil(reach / bin_width - 1e-6)))
    return (np.arange(-bins, bins + 2) - 0.5) * bin_width
