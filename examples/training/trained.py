"""Models that a training wrote."""

import pathlib

import keras

from examples import cli


def load_model(path: pathlib.Path) -> keras.Model:
    """Loads a trained model, whose layers' modules must have been imported.

    Raises:
        UserError: the file is missing or holds no model.
    """
    try:
        return keras.models.load_model(path, compile=False)
    except (ValueError, OSError) as error:
        line = (str(error).splitlines() or [""])[0]
        raise cli.UserError(f"--model: {path}: holds no model of train ({line})") from error
