"""A model without the units that weigh little."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from dau_tf.layers import DAUConv2D, ragged
from dau_tf.ops import arguments
from dau_tf.pruning.unit_table import text, unit_table
from dau_tf.regularizers import Repulsion
from dau_tf.replacement import rebuilding


def prune_units(
    model: keras.Model, threshold: float, *, print_fn: Callable[[str], Any] | None = print
) -> keras.Model:
    """Rebuilds a model without the units of little weight (Sec. 4.2, Table 2).

        a unit remains where |w| >= threshold * max |w| of its layer

    The units are gone, not just zeros: a layer that loses some becomes a ragged one (`DAUConv2D`
    with `unit_count`). Its files hold the units that remain; K falls to the number in the pair that
    has most; and displaced sums leave the other places out, which pays where most units go: an
    engine of transforms costs nearly the same for any K (docs/performance.md). Training goes on
    with what remains; nothing brings a unit back. Prune again for more. The states of an optimizer
    keep all K places: save with `include_optimizer=False` for the smallest file.

    All other layers, biases and settings are as they were. A compiled model's copy is compiled
    anew. `Repulsion`, which needs the units of a pair side by side, is dropped from layers that
    become ragged. DAU layers within a wrapper or a layer of one's own are not reached.

    Args:
        model: A built functional or sequential model; it is left as it is.
        threshold: Share of a layer's largest |w| below which its units go, within 0 ... 1. 0 keeps
            all.
        print_fn: Called with a table of the units of each layer, before and after, and the share
            removed; None for no table. `unit_table` gives the numbers.

    Returns:
        A new model.

    Raises:
        ValueError: `model` is neither functional nor sequential, or not built, or has no DAU layer;
            or `threshold` is not within 0 ... 1.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import dau_tf
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), dau_tf.DAUConv2D(4, name="dau")])
        >>> _ = model.layers[0].unit_weight.assign(np.arange(24.0).reshape(2, 3, 4))
        >>> small = dau_tf.pruning.prune_units(model, 0.5)
        layer         units       remain  removed  a pair (most)
        dau              24           12    50.0%  1.00 (1)
        all              24           12    50.0%
    """
    rebuilding.check(model)
    threshold = arguments.finite_number("threshold", threshold)
    if threshold > 1:
        raise ValueError(f"`threshold` must be within 0 ... 1. Received: threshold={threshold!r}")
    selected = {
        id(layer): _Remaining(layer, threshold)
        for layer in rebuilding.layers(model)
        if isinstance(layer, DAUConv2D)
    }
    if not selected:
        raise ValueError(f"`model` must hold a DAUConv2D. Received: {model.name!r} without any")

    def make(layer: Any) -> Any:
        remaining = selected.get(id(layer))
        return None if remaining is None or remaining.is_all else remaining.layer(layer)

    new_model, pairs = rebuilding.rebuild(model, make)
    for layer, copy in pairs:
        selected[id(layer)].assign(layer, copy)
    if print_fn is not None:
        print_fn(text(unit_table(model), unit_table(new_model)))
    return new_model


class _Remaining:
    """Which units of a layer remain."""

    def __init__(self, layer: DAUConv2D, threshold: float) -> None:
        size = np.abs(np.asarray(layer.unit_weight))
        self._remain = size >= threshold * size.max(initial=0)
        if layer.units_per_pair is not None:
            self._remain &= np.asarray(ragged.taken(layer.units_per_pair, layer.units))
        self.counts = self._remain.sum(axis=0)
        self.units = max(1, int(self.counts.max()))
        self.is_all = self.counts.sum() == (layer.unit_count or size.size)

    def layer(self, layer: DAUConv2D) -> DAUConv2D:
        """A ragged layer with the settings of `layer`."""
        config = {**layer.get_config(), "units": self.units, "unit_count": int(self.counts.sum())}
        if isinstance(layer.displacement_regularizer, Repulsion):
            config["displacement_regularizer"] = None
        return type(layer).from_config(config)

    def assign(self, layer: DAUConv2D, copy: DAUConv2D) -> None:
        """Sets the variables of the ragged layer."""
        assert copy.units_per_pair is not None  # `layer` made it ragged
        copy.units_per_pair.assign(self.counts)
        for name in ("unit_weight", "displacement", "sigma"):
            old, new = getattr(layer, name), getattr(copy, name)
            new.assign(self._first(np.asarray(old)) if len(old.shape) else old)
            if new.constraint is not None:
                new.assign(new.constraint(new))  # fills the places left over
        if layer.bias is not None and copy.bias is not None:
            copy.bias.assign(layer.bias)

    def _first(self, values: np.ndarray) -> np.ndarray:
        """(..., K, S, F) -> what remains of each pair first, and K cut to the most that remain."""
        order = np.argsort(~self._remain, axis=0, kind="stable")
        order = np.broadcast_to(order, values.shape)
        return np.take_along_axis(values, order, axis=-3)[..., : self.units, :, :]
