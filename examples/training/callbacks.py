"""Keras callbacks: one progress bar for the whole training, its log, and the checkpoint."""

import csv
import math
import os
import pathlib
import time
from collections.abc import Callable

import keras
import tensorflow as tf

from dau_tf.analysis import layer_units
from examples import cli
from examples.training import summaries
from examples.training.optimizers import steps_done

_AXES = ("vertical", "horizontal")


class Progress(keras.callbacks.Callback):
    """A bar over all steps with the loss and the time left; goes on through the rounds.

    Args:
        total: steps of the whole training.
        done: steps done before this run.
    """

    def __init__(self, total: int, done: int) -> None:
        super().__init__()
        self._bar = cli.progress(None, total, "step", initial=done, desc="training")

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Moves it."""
        self._bar.set_postfix(loss=f"{(logs or {})['loss']:.5f}", refresh=False)
        self._bar.update()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Closes it."""
        self._bar.close()


class StopLater(keras.callbacks.Callback):
    """Ends the training after the first round that ends later than `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._end = time.monotonic() + seconds

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Looks at the clock."""
        if time.monotonic() >= self._end:
            self.model.stop_training = True


class RoundLog(keras.callbacks.Callback):
    """Writes the means of each round to log.csv, and to tensorboard/ with the displacements.

    Args:
        out: folder of the training. Rows of `log.csv` from `first_step` on are dropped: a kill
            lost those rounds, and they are computed again.
        first_step: step the training starts or continues from.
    """

    def __init__(self, out: pathlib.Path, first_step: int) -> None:
        super().__init__()
        self._csv = out / "log.csv"
        self._rows: list[dict[str, str]] = []
        if self._csv.exists():
            with self._csv.open(newline="") as file:
                self._rows = [r for r in csv.DictReader(file) if int(r["step"]) <= first_step]
        self.writer = tf.summary.create_file_writer(str(out / "tensorboard"))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Writes them, numbered by optimizer step; the table in one step (write, then rename)."""
        step = steps_done(self.model)
        losses = logs or {}
        self._rows.append({"step": str(step), **{k: f"{v:.6g}" for k, v in losses.items()}})
        temporary = self._csv.with_name(".log.csv.tmp")
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(self._rows[-1]))
            writer.writeheader()
            writer.writerows(self._rows)
        os.replace(temporary, self._csv)
        with self.writer.as_default():
            for name, value in losses.items():
                summaries.scalar(name, value, step)
            for units in layer_units(self.model):
                for axis, values in zip(_AXES, units.displacement, strict=True):
                    summaries.histogram(f"{units.name}/{axis} displacement", values, step)
        self.writer.flush()


class Checkpoint(keras.callbacks.Callback):
    """Saves the model with its optimizer after each round, in one step (write, then rename).

    Args:
        path: the .keras file; its optimizer's `iterations` say how far it came. None: look at the
            loss only, for workers beside the one that saves.
        on_saved: called with the seconds since the training or the last checkpoint began.

    Raises:
        UserError: the loss is not finite; the last good checkpoint stays.
    """

    def __init__(self, path: pathlib.Path | None, on_saved: Callable[[float], None]) -> None:
        super().__init__()
        self._path, self._on_saved = path, on_saved
        self._since = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Saves."""
        loss = (logs or {})["loss"]
        if not math.isfinite(loss):
            step = steps_done(self.model)
            raise cli.UserError(f"the loss is {loss} at step {step}: lower --rate")
        if self._path is None:
            return
        temporary = self._path.with_name(f".tmp-{self._path.name}")
        self.model.save(temporary)
        os.replace(temporary, self._path)
        now = time.monotonic()
        self._on_saved(now - self._since)
        self._since = now
