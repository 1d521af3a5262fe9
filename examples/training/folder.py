"""The folder of a training: what it computes, how long it took, and that nothing else is in it."""

import json
import pathlib

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
        UserError: `out` is not ours or holds a training with other settings.
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
            self._state = json.loads(file.read_text())
        elif out.exists() and (not out.is_dir() or any(out.iterdir())):
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
            self.path.mkdir(parents=True, exist_ok=True)
            self._write()

    @property
    def checkpoint(self) -> pathlib.Path:
        """Where model and optimizer are."""
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
