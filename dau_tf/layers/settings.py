"""The arguments of `DAUConv2D`: their defaults, and the way back into a config."""

from typing import Any

import keras

from dau_tf.initializers import DisplacementUniform

_SIGMA_MODES = ("shared", "per_unit")
_DEFAULT_SPREAD = 1.5  # pixels; the paper's initialisation for 3x3 replacements (Sec. 5)

_PLAIN = (
    "filters",
    "units",
    "unit_count",
    "strides",
    "padding",
    "data_format",
    "groups",
    "max_displacement",
    "sigma_mode",
    "sigma_trainable",
    "min_sigma",
    "max_sigma",
    "displacement_gradient",
    "dense",
    "use_bias",
)
_VARIABLES = ("weight", "displacement", "sigma", "bias")
_OBJECTS = {
    "initializer": (keras.initializers, _VARIABLES),
    "regularizer": (keras.regularizers, (*_VARIABLES, "activity")),
    "constraint": (keras.constraints, _VARIABLES),
}


def config_of(layer: Any) -> dict[str, Any]:
    """Returns the arguments that `layer` keeps under their own names, as a config has them."""
    config = {name: getattr(layer, name) for name in _PLAIN}
    config["activation"] = keras.activations.serialize(layer.activation)
    for kind, (registry, owners) in _OBJECTS.items():
        for owner in owners:
            name = f"{owner}_{kind}"
            config[name] = registry.serialize(getattr(layer, name))
    return config


def sigma_mode(mode: Any, trainable: Any) -> tuple[str, bool]:
    """Returns the two of them. Raises ValueError where one is not allowed."""
    if mode not in _SIGMA_MODES:
        raise ValueError(
            f'`sigma_mode` must be "shared" or "per_unit". Received: sigma_mode={mode!r}'
        )
    if not isinstance(trainable, bool):
        raise ValueError(
            f"`sigma_trainable` must be True or False. Received: sigma_trainable={trainable!r}"
        )
    return mode, trainable


def unit_count(count: Any) -> int | None:
    """Returns the number of units of a ragged layer. Raises ValueError where it is no number."""
    if count is None:
        return None
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ValueError(
            "`unit_count` must be an integer >= 0, or None for `units` in every pair of channel "
            f"and filter. Received: unit_count={count!r}"
        )
    return count


def default_displacement(max_displacement: float | None) -> DisplacementUniform:
    """Returns the initializer for 3x3 replacements, within a limit that is less."""
    limit = _DEFAULT_SPREAD if max_displacement is None else max_displacement
    return DisplacementUniform(min(_DEFAULT_SPREAD, limit))


def both(first: Any, second: Any) -> Any:
    """Returns the constraint of `first` and then `second`; either may be None."""
    if first is None or second is None:
        return second if first is None else first
    return _Both(first, second)


class _Both(keras.constraints.Constraint):
    """One constraint, and then another."""

    def __init__(self, first: Any, second: Any) -> None:
        self._first, self._second = first, second

    def __call__(self, w: Any) -> Any:
        return self._second(self._first(w))
