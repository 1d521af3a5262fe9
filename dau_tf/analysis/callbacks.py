"""Keras callbacks that look at the units while a network learns."""

import io
import pathlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dau_tf import files
from dau_tf.analysis import figures
from dau_tf.analysis.layer_units import LayerUnits, layer_units


class LiveView(keras.callbacks.Callback):
    """Draws how the units move from epoch to epoch into an animated PNG or GIF.

    A frame for the start and one an epoch; the file is whole after each epoch, so that a browser
    shows the training so far. Area: |w|; colour: its sign; a line leads to where a unit started.

    Args:
        path: The file, ".png" or ".gif".
        layers: Names of layers to draw; None for the first four.
        most_frames: When there are more, every second one is dropped.
        milliseconds: A frame is shown so long.

    Raises:
        ValueError: `path` ends with something else.

    Example:
        >>> LiveView("/tmp/units.jpg")
        Traceback (most recent call last):
        ...
        ValueError: `path` must end with .png or .gif. Received: path='/tmp/units.jpg'
    """

    def __init__(
        self,
        path: str | pathlib.Path,
        layers: list[str] | None = None,
        most_frames: int = 100,
        milliseconds: int = 200,
    ) -> None:
        super().__init__()
        self._path = pathlib.Path(path)
        if self._path.suffix not in (".png", ".gif"):
            raise ValueError(f"`path` must end with .png or .gif. Received: path={str(path)!r}")
        self._layers, self._most_frames, self._milliseconds = layers, most_frames, milliseconds
        self._start: list[LayerUnits] = []
        self._frames: list[Any] = []

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Draws the start."""
        self._start, self._frames = self._units(), []
        self._add("start")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Draws the epoch and writes the file."""
        self._add(f"epoch {epoch + 1}")
        while len(self._frames) > max(2, self._most_frames):
            self._frames = [*self._frames[:-1:2], self._frames[-1]]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        kind = {".png": "PNG", ".gif": "GIF"}[self._path.suffix]
        first, *rest = self._frames
        animation = {"save_all": True, "append_images": rest, "loop": 0}
        with files.in_one_step(self._path) as temporary:
            first.save(temporary, kind, duration=self._milliseconds, **animation)

    def _units(self) -> list[LayerUnits]:
        units = layer_units(self.model)
        if self._layers is None:
            return units[:4]
        return [part for part in units if part.name in self._layers]

    def _add(self, title: str) -> None:
        from PIL import Image

        if self._start:
            drawn = figures.png(figures.movement_figure(self._start, self._units(), title), dpi=80)
            self._frames.append(Image.open(io.BytesIO(drawn)).convert("RGB"))


class UnitSummaries(keras.callbacks.Callback):
    """Writes the units of each DAU layer for TensorBoard, after every `every`-th epoch.

    Scalars `<layer>/distance` (mean |mu| weighted by |w|, px) and `<layer>/sigma` (mean, px), and
    the densities of Fig. 6 as an image. TensorBoard itself is needed to look, not to write.

    Args:
        folder: Of the event file.
        every: Epochs.

    Example:
        >>> callback = UnitSummaries("/tmp/dau_tf_summaries", every=5)
    """

    def __init__(self, folder: str | pathlib.Path, every: int = 1) -> None:
        super().__init__()
        self._folder, self._every = str(folder), every
        self._writer: Any = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Writes."""
        if (epoch + 1) % self._every:
            return
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(self._folder)
        with self._writer.as_default():
            for units in layer_units(self.model):
                size = np.abs(units.weight)
                distance = np.hypot(*units.displacement)
                mean = float((size * distance).sum() / max(size.sum(), np.finfo(float).tiny))
                _write("scalars", f"{units.name}/distance", tf.constant(mean, tf.float32), epoch)
                sigma = tf.constant(units.sigma.mean(), tf.float32)
                _write("scalars", f"{units.name}/sigma", sigma, epoch)
                figure = figures.density_figure(units)
                width, height = (str(int(n * 110)).encode() for n in figure.get_size_inches())
                image = tf.constant([width, height, figures.png(figure)])
                _write("images", f"{units.name}/displacement", image, epoch)
        self._writer.flush()


def _write(plugin: str, name: str, value: tf.Tensor, step: int) -> None:
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = plugin
    tf.summary.write(name, value, step, metadata)
