"""Models that a training wrote."""

import pathlib

import keras

from examples import cli


def load_model(path: pathlib.Path) -> keras.Model:
    """Loads the model that --model names; the modules of its layers must have been imported.

    Raises:
        UserError: the file is missing or holds no model.
    """
    try:
        return read_model(path, compile=False)
    except cli.UserError as error:
        raise cli.UserError(f"--model: {error}") from error


def read_model(path: pathlib.Path, compile: bool) -> keras.Model:
    """Reads a .keras file in Keras' safe mode: nothing in it is executed (SECURITY.md).

    Args:
        path: of the file.
        compile: with loss, metrics and optimizer, to go on training.

    Raises:
        UserError: the file is missing or holds no model; names it.
    """
    try:
        if not path.is_file():
            raise FileNotFoundError("no such file")
        if path.suffix != ".keras":
            raise ValueError("expected a .keras file")
        return keras.saving.load_model(path, compile=compile, safe_mode=True)
    # What a broken file makes Keras raise is not documented: BadZipFile, KeyError, TypeError, ...
    except Exception as error:
        raise cli.UserError(f"{path}: holds no model of train ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    """One line; of Keras' reports of a layer that cannot be made, the one about the layer."""
    _, _, cause = str(error).rpartition("Exception encountered: ")
    return (cause.strip().splitlines() or [""])[0] or type(error).__name__
