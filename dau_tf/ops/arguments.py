"""Checks of the arguments that the op and the layer share. Each returns the canonical value."""

import math
import numbers
from typing import Any

_PADDINGS = ("same", "valid")
_DATA_FORMATS = ("channels_last", "channels_first")
_DISPLACEMENT_GRADIENTS = ("gaussian", "exact")


def positive_int(name: str, value: Any) -> int:
    """Returns `value` as an int. Raises ValueError unless it is an integer >= 1."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(f"`{name}` must be an integer >= 1. Received: {name}={value!r}")
    return int(value)


def int_pair(name: str, value: Any) -> tuple[int, int]:
    """Returns (vertical, horizontal) from an int >= 1 or a pair of them. Raises ValueError."""
    pair = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    try:
        if len(pair) != 2:
            raise ValueError
        return positive_int(name, pair[0]), positive_int(name, pair[1])
    except ValueError:
        raise ValueError(
            f"`{name}` must be an integer >= 1 or a pair of them (vertical, horizontal). "
            f"Received: {name}={value!r}"
        ) from None


def strides(value: Any) -> tuple[int, int]:
    """Returns (vertical, horizontal) strides from an int or a pair. Raises ValueError."""
    return int_pair("strides", value)


def padding(value: Any) -> str:
    """Returns "same" or "valid". Raises ValueError for anything else; case is ignored."""
    return _one_of("padding", value.lower() if isinstance(value, str) else value, _PADDINGS)


def data_format(value: Any) -> str:
    """Returns "channels_last" or "channels_first". Raises ValueError for anything else."""
    return _one_of("data_format", value, _DATA_FORMATS)


def displacement_gradient(value: Any) -> str:
    """Returns "gaussian" or "exact". Raises ValueError for anything else."""
    return _one_of("displacement_gradient", value, _DISPLACEMENT_GRADIENTS)


def multiple_of_groups(what: str, number: int, groups: int) -> None:
    """Raises ValueError unless `number`, which the message calls `what`, is a multiple."""
    if number % groups:
        raise ValueError(
            f"`groups` must divide {what}. Expected a multiple of groups={groups}. "
            f"Received: {number}"
        )


def finite_number(name: str, value: Any, unit: str = "", positive: bool = False) -> float:
    """Returns `value` as a float. Raises ValueError unless it is finite and >= 0, or > 0."""
    number = _real_number(value)
    if number is None or not math.isfinite(number) or number < 0 or (positive and number == 0):
        expected = f"a finite number {'>' if positive else '>='} 0{unit and f' in {unit}'}"
        raise ValueError(f"`{name}` must be {expected}. Received: {name}={value!r}")
    return number


def sigma(value: Any) -> float:
    """Returns `value` as a float. Raises ValueError unless it is a finite number > 0."""
    number = _real_number(value)
    if number is None or not math.isfinite(number) or number <= 0:
        raise ValueError(
            "`sigma` must be a finite number > 0 (the aggregation perimeter in pixels). "
            f"Received: sigma={value!r}"
        )
    return number


def max_displacement(value: Any, canonical_padding: str) -> float | None:
    """Returns a float, or None for unlimited. Padding `valid` needs a finite one; ValueError."""
    number = _real_number(value)
    if value is not None and (number is None or math.isnan(number) or number < 0):
        raise ValueError(
            "`max_displacement` must be a number >= 0 in pixels, or None (unlimited). "
            f"Received: max_displacement={value!r}"
        )
    limit = None if number is None or math.isinf(number) else number
    if limit is None and canonical_padding == "valid":
        raise ValueError(
            'padding="valid" needs a finite `max_displacement`, which fixes the margin it drops. '
            f"Received: max_displacement={value!r}"
        )
    return limit


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in allowed:
        expected = " or ".join(f'"{item}"' for item in allowed)
        raise ValueError(f"`{name}` must be {expected}. Received: {name}={value!r}")
    return value


def _real_number(value: Any) -> float | None:
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return float(value) if is_number else None
