"""Trained networks for places without the op: models of stock layers, and files of units."""

from dau_tf.export.authors import from_authors
from dau_tf.export.standard import to_standard
from dau_tf.export.units import Units
from dau_tf.export.units_file import load_units, read_units, save_units

__all__ = ["Units", "from_authors", "load_units", "read_units", "save_units", "to_standard"]
