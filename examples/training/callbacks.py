"""Keras callbacks: one progress bar for the whole training, its log, and the checkpoint."""

import csv
import math
import pathlib
import time
from collections.abc import Callable

import keras
import tensorflow as tf

from dau_tf.analysis import layer_units
from examples import cli
from examples.training import checkpoints, summaries
from examples.training.optimizers import not_finite, steps_done
from examples.training.strategies import several_workers

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

    Raises:
        UserError: one of the files cannot be read or written; names it.
    """

    def __init__(self, out: pathlib.Path, first_step: int) -> None:
        super().__init__()
        self._csv = out / "log.csv"
        self._rows: list[dict[str, str]] = []
        if self._csv.exists():
            self._rows = [row for row in _rows(self._csv) if int(row["step"]) <= first_step]
        self._events = out / "tensorboard"
        self.writer = tf.summary.create_file_writer(str(self._events))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Writes them, numbered by optimizer step."""
        step = steps_done(self.model)
        losses = logs or {}
        self._rows.append({"step": str(step), **{k: f"{v:.6g}" for k, v in losses.items()}})
        with (
            cli.in_one_step(self._csv) as temporary,
            temporary.open("w", newline="") as file,
        ):
            writer = csv.DictWriter(file, list(self._rows[-1]))
            writer.writeheader()
            writer.writerows(self._rows)
        try:
            self._write_events(losses, step)
        except tf.errors.OpError as error:
            line = (error.message or "").splitlines()[:1]
            raise cli.UserError(f"{self._events}: cannot be written ({line[0]})") from error

    def _write_events(self, losses: dict[str, float], step: int) -> None:
        with self.writer.as_default():
            for name, value in losses.items():
                summaries.scalar(name, value, step)
            for units in layer_units(self.model):
                for axis, values in zip(_AXES, units.displacement, strict=True):
                    summaries.histogram(f"{units.name}/{axis} displacement", values, step)
        self.writer.flush()


def _rows(path: pathlib.Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        return [row for row in rows if int(row["step"]) >= 0]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise cli.UserError(
            f"{path}: cannot be read as the log of a training ({error!r}); "
            "without it, the training goes on with a new one"
        ) from error


class Checkpoint(keras.callbacks.Callback):
    """Saves the model with its optimizer after each round, as `checkpoints.save` does.

    Args:
        path: the .keras file; its optimizer's `iterations` say how far it came. None: look at
            losses and weights only, for workers beside the one that saves.
        on_saved: called with the seconds since the training or the last checkpoint began.

    Raises:
        UserError: a loss, a weight or a state of the optimizer is not finite, or there is no room;
            the last checkpoint stays.
    """

    def __init__(self, path: pathlib.Path | None, on_saved: Callable[[float], None]) -> None:
        super().__init__()
        self._path, self._on_saved = path, on_saved
        self._since = time.monotonic()
        self._first_bad: int | None = None

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Looks at the loss: means over the round so far, which do not recover from a NaN."""
        loss = (logs or {}).get("loss", 0.0)
        if math.isfinite(loss) or self._first_bad is not None:
            return
        self._first_bad = steps_done(self.model)
        # Of several workers all stop, at the end of the round: nobody waits for one that is gone.
        if not several_workers(self.model.distribute_strategy):
            raise self._not_finite(f"the loss is {loss}", self._first_bad)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Looks at everything, and saves."""
        loss = (logs or {})["loss"]
        if not math.isfinite(loss):
            raise self._not_finite(f"the loss is {loss}", self._first_bad or steps_done(self.model))
        # The loss is of the weights before the last step; those after it are what is saved.
        name = not_finite(self.model)
        if name is not None:
            raise self._not_finite(f"{name} is not finite", steps_done(self.model))
        if self._path is None:
            return
        checkpoints.save(self.model, self._path)
        now = time.monotonic()
        self._on_saved(now - self._since)
        self._since = now

    def _not_finite(self, what: str, step: int) -> cli.UserError:
        kept = f" ({self._path} stays)" if self._path and self._path.exists() else ""
        return cli.UserError(f"{what} at step {step}: lower --rate, with another --out{kept}")
