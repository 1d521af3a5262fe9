"""The folder of a training: what it computes, how long it took, and that nothing else is in it."""

import json
import pathlib

from dau_tf import files
from examples import cli

FILE = "recipe.json"


class Folder:
    """A new folder, or one of a training with the same settings that is to be continued.

    Args:
        out: the folder.
        settings: all that decides what the training computes.
        writes: whether this process keeps the folder; of several workers one does, and the others
            look at nothing but the checkpoint.

    Raises:
        UserError: `out` is not ours, holds a training with other settings, or cannot be read.
    """

    def __init__(self, out: pathlib.Path, settings: dict, writes: bool = True) -> None:
        self.path, self._writes = out, writes
        # Through JSON: tuples come back as lists.
        wanted = json.loads(json.dumps(settings))
        self._state = {"recipe": wanted, "seconds": 0.0}
        file = out / FILE
        if not writes:
            return
        if file.exists():
            self._state = _read(file)
        elif out.exists() and (not out.is_dir() or _holds_others(out)):
            raise cli.UserError(f"--out: {out} exists and holds no training of ours")
        for name, value in wanted.items():
            if self._state["recipe"].get(name) != value:
                raise cli.UserError(
                    f"--out: {out} holds a training with {name}="
                    f"{self._state['recipe'].get(name)}, not {value}; choose another folder"
                )

    def claim(self) -> None:
        """Makes it and writes what is computed; to be called once that can be computed."""
        if self._writes:
            cli.make_folder(self.path, "--out")
            self._write()

    @property
    def checkpoint(self) -> pathlib.Path:
        """Where model and optimizer are, after the last round; see `checkpoints`."""
        return self.path / "model.keras"

    @property
    def seconds(self) -> float:
        """Of training so far, earlier calls included."""
        return self._state["seconds"]

    def add_seconds(self, seconds: float) -> None:
        """Counts them, on disk too."""
        self._state["seconds"] += seconds
        self._write()

    def _write(self) -> None:
        if self._writes:
            cli.write_json(self.path / FILE, self._state)


def _read(file: pathlib.Path) -> dict:
    try:
        state = json.loads(file.read_text())
        return {**state, "recipe": dict(state["recipe"]), "seconds": float(state["seconds"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise cli.UserError(
            f"--out: {file}: cannot be read as what a training computes ({error!r})"
        ) from error


def _holds_others(out: pathlib.Path) -> bool:
    """Anything but what a kill left of the first writing."""
    return any(path.name != files.temporary_name(out / FILE) for path in out.iterdir())
