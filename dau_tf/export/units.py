"""The units of a layer as arrays, out of it and into another."""

import dataclasses
from typing import Any

import numpy as np

from dau_tf.layers import DAUConv2D


@dataclasses.dataclass(frozen=True)
class Units:
    """What a DAU layer has learned.

    Args:
        weight: w, shape (K, S / groups, F).
        displacement: mu in pixels, shape (2, K, S / groups, F): [0] vertical, down positive; [1]
            horizontal, right positive; (0, 0) is the filter's centre.
        sigma: In pixels, shape () or (K, S / groups, F).
        bias: Shape (F,), or None.
        units_per_pair: Units that each pair has, shape (S / groups, F), the first of its K places;
            None where each has K. What the other places hold counts for nothing.

    Raises:
        ValueError: Shapes do not belong together, values are not finite, or a sigma is not > 0.

    Example:
        >>> Units(np.ones((2, 3, 4)), np.zeros((2, 2, 3, 4)), np.array(0.5)).weight.shape
        (2, 3, 4)
    """

    weight: np.ndarray
    displacement: np.ndarray
    sigma: np.ndarray
    bias: np.ndarray | None = None
    units_per_pair: np.ndarray | None = None

    def __post_init__(self) -> None:
        shape = self.weight.shape
        if len(shape) != 3:
            raise ValueError(f"`weight` must have shape (K, S / groups, F). Received: {shape}")
        _check("displacement", self.displacement, (2, *shape))
        _check("sigma", self.sigma, (), shape)
        if self.bias is not None:
            _check("bias", self.bias, shape[2:])
        if self.units_per_pair is not None:
            _check("units_per_pair", self.units_per_pair, shape[1:])
        for field in dataclasses.fields(self):
            values = getattr(self, field.name)
            if values is not None and not np.isfinite(values).all():
                raise ValueError(f"`{field.name}` must be finite. Received: NaN or infinity in it")
        if not (self.sigma > 0).all():
            raise ValueError(f"`sigma` must be > 0, in pixels. Received: {self.sigma.min()}")

    @classmethod
    def of(cls, layer: DAUConv2D) -> "Units":
        """Reads a built layer. Places left over hold weight 0, displacement 0 and sigma.

        Raises:
            ValueError: The layer is not built, or holds values that are not finite.
        """
        if not layer.built:
            raise ValueError(f"The layer {layer.name!r} must be built. Received: one that is not")
        weight, displacement, sigma = map(
            _array, (layer.unit_weight, layer.displacement, layer.sigma)
        )
        counts = layer.units_per_pair
        if counts is not None:
            counts = np.asarray(counts)
            displacement = np.where(np.arange(layer.units)[:, None, None] < counts, displacement, 0)
        bias = None if layer.bias is None else _array(layer.bias)
        return cls(weight, displacement, sigma, bias, counts)

    def assign_to(self, layer: DAUConv2D) -> None:
        """Sets the variables of a built layer.

        Raises:
            ValueError: The layer is not built; it has not the same variables of the same shapes,
                or not the same number of units in all; or a displacement or sigma is beyond the
                layer's limits. The message names the layer; none of its variables has changed.
        """
        if not layer.built:
            raise ValueError(f"The layer {layer.name!r} must be built. Received: one that is not")
        pairs = [
            (layer.units_per_pair, self.units_per_pair, "units_per_pair"),
            (layer.unit_weight, self.weight, "weight"),
            (layer.displacement, self.displacement, "displacement"),
            (layer.sigma, self.sigma, "sigma"),
            (layer.bias, self.bias, "bias"),
        ]
        for variable, values, name in pairs:
            expected = None if variable is None else tuple(variable.shape)
            received = None if values is None else values.shape
            if expected != received:
                raise ValueError(
                    f"The layer {layer.name!r} needs `{name}` of shape {expected}. Received: "
                    f"{received}"
                )
        self._check_limits(layer)
        for variable, values, _ in pairs:
            if variable is not None:
                variable.assign(values)
        if layer.units_per_pair is not None:
            for variable in (layer.unit_weight, layer.displacement):
                variable.assign(variable.constraint(variable))  # fills the places left over

    def _check_limits(self, layer: DAUConv2D) -> None:
        """In the precision of the layer's variables, in which its own values are at the limits."""
        if self.units_per_pair is not None and self.units_per_pair.sum() != layer.unit_count:
            raise ValueError(
                f"The layer {layer.name!r} has {layer.unit_count} units. Received: "
                f"{self.units_per_pair.sum()}"
            )
        largest, limit = np.abs(self.displacement).max(initial=0), layer.max_displacement
        if limit is not None and largest > np.float32(limit):
            raise ValueError(
                f"The displacements of the layer {layer.name!r} must be within max_displacement="
                f"{limit}. Received: one of {largest}"
            )
        low, high = (layer.min_sigma, layer.max_sigma) if layer.sigma_varies else (0.0, np.inf)
        if self.sigma.min() < np.float32(low) or self.sigma.max() > np.float32(high):
            raise ValueError(
                f"The sigma of the layer {layer.name!r} must be within {low} ... {high}. Received: "
                f"{self.sigma.min()} ... {self.sigma.max()}"
            )


def _array(variable: Any) -> np.ndarray:
    values = np.asarray(variable)
    # Half precision is no type of NumPy's files; float32 holds it all.
    return values if values.dtype == np.float64 else values.astype(np.float32)


def _check(name: str, values: np.ndarray, *expected: tuple[int, ...]) -> None:
    if values.shape not in expected:
        shapes = " or ".join(map(str, expected))
        raise ValueError(f"`{name}` must have shape {shapes}. Received: {values.shape}")
