"""Reads what a training wrote for TensorBoard."""

import pathlib

import numpy as np
import tensorflow as tf


def read_events(folder: pathlib.Path) -> dict[str, list[tuple[int, np.ndarray]]]:
    """Tag -> (step, value) in the order of writing; the folder holds one file a call of train."""
    found: dict[str, list[tuple[int, np.ndarray]]] = {}
    for file in sorted(folder.iterdir()):
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, tf.make_ndarray(value.tensor)))
    return found
