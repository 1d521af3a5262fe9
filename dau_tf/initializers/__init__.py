"""Initializers for the displacements of DAU layers, in pixels."""

from dau_tf.initializers.displacement_grid import DisplacementGrid
from dau_tf.initializers.displacement_normal import DisplacementNormal
from dau_tf.initializers.displacement_uniform import DisplacementUniform

__all__ = ["DisplacementGrid", "DisplacementNormal", "DisplacementUniform"]
