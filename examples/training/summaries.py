"""What TensorBoard shows, written into the writer that is the default.

TensorFlow's own `tf.summary.scalar` and `image` need the package `tensorboard`, which it no longer
brings along; with these it is needed only to look.
"""

import io

import numpy as np
import tensorflow as tf
from PIL import Image


def scalar(name: str, value: float, step: int) -> None:
    """One number."""
    _write("scalars", name, tf.constant(value, tf.float32), step)


def histogram(name: str, values: np.ndarray, step: int, buckets: int = 64) -> None:
    """The distribution of numbers, of any shape."""
    counts, edges = np.histogram(values, buckets)
    table = np.stack([edges[:-1], edges[1:], counts], axis=1)
    _write("histograms", name, tf.constant(table, tf.float64), step)


def picture(name: str, pixels: np.ndarray, step: int) -> None:
    """A picture, [H, W, 3] uint8."""
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG")
    height, width = (str(n).encode() for n in pixels.shape[:2])
    _write("images", name, tf.constant([width, height, png.getvalue()]), step)


def _write(plugin: str, name: str, value: tf.Tensor, step: int) -> None:
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = plugin
    tf.summary.write(name, value, step, metadata)
