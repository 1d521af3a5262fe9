"""The last checkpoint of a training and the one before it, in files that are whole.

model.keras            after the last round
model-previous.keras   after the round before; the training goes on from it where the last one
                       cannot be read, which then becomes model-damaged.keras

Both are written `in_one_step`: a kill leaves two rounds, a full disk takes neither away.
"""

import os
import pathlib
import shutil
import sys

import keras

from examples import cli
from examples.training.optimizers import steps_done
from examples.training.trained import read_model


def save(model: keras.Model, path: pathlib.Path) -> None:
    """Writes model and optimizer; what `path` held is then the previous checkpoint.

    Raises:
        UserError: there is no room, or no right to write; both checkpoints stay.
    """
    with cli.in_one_step(path) as temporary:
        model.save(temporary)
        if path.exists():
            with cli.in_one_step(previous(path)) as second:
                second.unlink(missing_ok=True)
                _link(path, second)


def load(path: pathlib.Path, writes: bool = True) -> keras.Model | None:
    """Loads the last checkpoint that can be read, compiled; None where there is none.

    Args:
        path: of `save`.
        writes: set a damaged file aside; of several workers one does.

    Raises:
        UserError: there are checkpoints, and none can be read.
    """
    wrong = []
    for file in (path, previous(path)):
        if not file.exists():
            continue
        try:
            model = read_model(file, compile=True)
        except cli.UserError as error:
            wrong.append(str(error))
            continue
        if file != path:
            why = wrong[0] if wrong else f"{path} is missing"
            print(f"{why}; going on from {file}, step {steps_done(model)}", file=sys.stderr)
            if wrong and writes:
                os.replace(path, path.with_name(f"{path.stem}-damaged.keras"))
        return model
    if wrong:
        raise cli.UserError(f"--out: no checkpoint can be read: {'; '.join(wrong)}")
    return None


def previous(path: pathlib.Path) -> pathlib.Path:
    """Where the checkpoint before the one at `path` is."""
    return path.with_name(f"{path.stem}-previous.keras")


def _link(path: pathlib.Path, second: pathlib.Path) -> None:
    """A second name for a file, or a copy where the file system has no such names."""
    try:
        os.link(path, second)
    except OSError:
        shutil.copyfile(path, second)
