"""Trained networks for places without the op: models of stock layers, and files of units."""

from dau_tf.export.standard import to_standard

__all__ = ["to_standard"]
