"""A Keras model made again with other layers in the places of some."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras

Pair = tuple[Any, Any]


def check(model: Any) -> None:
    """Raises ValueError unless `model` is functional or sequential, and built."""
    functional = isinstance(model, keras.Sequential) or hasattr(model, "_run_through_graph")
    if not isinstance(model, keras.Model) or not functional or not model.built:
        raise ValueError(
            "`model` must be a functional or sequential Keras model that is built. "
            f"Received: model={model!r}"
        )


def layers(model: keras.Model) -> list[Any]:
    """The layers of the model and of the models within it, each once."""
    found: dict[int, Any] = {}
    for layer in model.layers:
        inside = layers(layer) if isinstance(layer, keras.Model) else [layer]
        found.update({id(part): part for part in inside})
    return list(found.values())


def rebuild(
    model: keras.Model, make: Callable[[Any], Any | None], compiled: bool = True
) -> tuple[keras.Model, list[Pair]]:
    """Makes a model again; `model` is left as it is.

    Args:
        model: What `check` accepts.
        make: From a layer to the one in its place, or None for a copy with its variables.
        compiled: Whether a compiled model's copy is compiled anew.

    Returns:
        The new model, and the pairs (layer, the one in its place) of what `make` made.
    """
    made: list[Pair] = []
    copied: list[Pair] = []

    def clone(layer: Any) -> Any:
        new = make(layer)
        if new is not None:
            made.append((layer, new))
            return new
        new = type(layer).from_config(layer.get_config())
        copied.append((layer, new))
        return new

    with contextlib.nullcontext() if compiled else _not_compiled(model):
        new_model = keras.models.clone_model(
            model, _new_inputs(model), clone_function=clone, recursive=True
        )
    for layer, copy in copied:
        if isinstance(layer, keras.Layer):
            _copy_variables(layer, copy)
    return new_model, made


@contextlib.contextmanager
def _not_compiled(model: keras.Model) -> Iterator[None]:
    """Keras compiles a copy where `compiled` says so; an optimizer may not fit its variables."""
    models = [part for part in model._flatten_layers() if getattr(part, "compiled", False)]
    for part in models:
        part.compiled = False
    try:
        yield
    finally:
        for part in models:
            part.compiled = True


def _new_inputs(model: keras.Model) -> Any:
    """Inputs with the names of the model's; Keras would name them after their tensors."""
    if isinstance(model, keras.Sequential):
        return None
    return keras.tree.map_structure(
        lambda x: keras.Input(
            batch_shape=x.shape, dtype=x.dtype, name=x._keras_history.operation.name
        ),
        model.input,
    )


def _copy_variables(layer: Any, copy: Any) -> None:
    if len(layer.variables) != len(copy.variables):
        raise ValueError(
            f"The layer {layer.name!r} must have the same variables when it is made again from its "
            f"config. Expected: {len(layer.variables)}. Received: {len(copy.variables)}"
        )
    for old, new in zip(layer.variables, copy.variables, strict=True):
        new.assign(old)
