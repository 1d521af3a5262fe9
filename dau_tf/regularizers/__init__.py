"""Regularizers for the displacements of DAU layers."""

from dau_tf.regularizers.repulsion import Repulsion

__all__ = ["Repulsion"]
