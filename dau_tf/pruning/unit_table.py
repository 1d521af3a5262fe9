"""How many units the DAU layers of a model have."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from dau_tf.layers import DAUConv2D


@dataclasses.dataclass(frozen=True)
class UnitRow:
    """The units of one layer.

    Args:
        name: Name of the layer.
        units: All units of the layer.
        most: Units of the (channel, filter) pair that has most.
        pairs: Number of (channel, filter) pairs.

    Example:
        >>> UnitRow("conv", 96, 4, 64).mean
        1.5
    """

    name: str
    units: int
    most: int
    pairs: int

    @property
    def mean(self) -> float:
        """Units of a pair, on average."""
        return self.units / self.pairs


def unit_table(model: keras.Layer) -> list[UnitRow]:
    """Counts the units of each DAU layer, nested ones included.

    Args:
        model: A built model, or a layer.

    Returns:
        One row a layer, in the model's order.

    Raises:
        ValueError: A DAU layer is not built.

    Example:
        >>> import keras
        >>> import dau_tf
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), dau_tf.DAUConv2D(4, name="dau")])
        >>> dau_tf.pruning.unit_table(model)
        [UnitRow(name='dau', units=24, most=2, pairs=12)]
    """
    found = {id(part): part for part in model._flatten_layers() if isinstance(part, DAUConv2D)}
    return [_row(layer) for layer in found.values()]


def text(before: Sequence[UnitRow], after: Sequence[UnitRow]) -> str:
    """The units of each layer before and after, and of all, for people."""
    width = max(6, *(len(row.name) for row in before))
    lines = [f"{'layer':{width}}  {'units':>11}  {'remain':>11}  removed  a pair (most)"]
    pairs = list(zip(before, after, strict=True))
    for old, new in pairs:
        lines.append(
            _line(old.name, old.units, new.units, width) + f"  {new.mean:.2f} ({new.most})"
        )
    old_sum, new_sum = (sum(row.units for row in rows) for rows in (before, after))
    lines.append(_line("all", old_sum, new_sum, width))
    return "\n".join(lines)


def _line(name: str, old: int, new: int, width: int) -> str:
    return f"{name:{width}}  {old:11,}  {new:11,}  {1 - new / max(old, 1):7.1%}"


def _row(layer: DAUConv2D) -> UnitRow:
    if not layer.built:
        raise ValueError(f"`model` must be built. Received: {layer.name!r}, which is not")
    if layer.units_per_pair is None:
        units, channels, filters = layer.unit_weight.shape
        return UnitRow(layer.name, units * channels * filters, units, channels * filters)
    counts = np.asarray(layer.units_per_pair)
    return UnitRow(layer.name, int(counts.sum()), int(counts.max(initial=0)), counts.size)
