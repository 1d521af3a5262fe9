"""What a parameter group selects by: a pattern on the variable's path, or a predicate."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

Selector = str | Callable[[Any], bool]


def check(where: str, selector: Any) -> None:
    """Raises ValueError for a bad regular expression and TypeError for what cannot select."""
    if isinstance(selector, str):
        try:
            re.compile(selector)
        except re.error as error:
            raise ValueError(
                f"{where} must have a regular expression. Received: {selector!r}, {error}"
            ) from None
    elif not callable(selector):
        raise TypeError(
            f"{where} must select by a regular expression or a predicate. Received: {selector!r}"
        )


def assign(selectors: Sequence[Selector], variables: Sequence[Any]) -> np.ndarray:
    """Returns, for each variable, the number of the first selector that matches it.

    Args:
        selectors: Patterns and predicates.
        variables: The variables to train.

    Returns:
        An integer array, one entry a variable; `len(selectors)` where none matches.

    Raises:
        ValueError: A selector gets no variable.
    """
    matches = np.array([[_matches(selector, v) for v in variables] for selector in selectors], bool)
    first = np.where(matches.any(axis=0), matches.argmax(axis=0), len(selectors))
    for number, selector in enumerate(selectors):
        if number not in first:
            taken = matches[number].any()
            reason = "earlier groups take all that it matches" if taken else "it matches none"
            raise ValueError(
                f"The group {label(selector)!r} gets no variable: {reason}. "
                f"Available paths: {[path(variable) for variable in variables]}"
            )
    return first


def path(variable: Any) -> str:
    """Returns the path of a Keras variable, or the name of a plain `tf.Variable`."""
    return str(getattr(variable, "path", variable.name))


def label(selector: Selector) -> str:
    """Returns the pattern, or the name of the predicate."""
    if isinstance(selector, str):
        return selector
    return str(getattr(selector, "__name__", type(selector).__name__))


def serialize(selector: Selector) -> Any:
    """Returns a config of the selector. Raises ValueError for a predicate without registration."""
    if isinstance(selector, str):
        return selector
    registrable = selector if hasattr(selector, "__name__") else type(selector)
    name = keras.saving.get_registered_name(registrable)
    if keras.saving.get_registered_object(name) is not registrable:
        raise ValueError(
            f"The predicate {label(selector)!r} cannot be saved. Expected a pattern, or a function "
            f"registered by @keras.saving.register_keras_serializable. Received: {selector!r}"
        )
    return keras.saving.serialize_keras_object(selector)


def _matches(selector: Selector, variable: Any) -> bool:
    if isinstance(selector, str):
        return re.search(selector, path(variable)) is not None
    return bool(selector(variable))
