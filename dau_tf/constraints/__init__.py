"""Constraints for the displacements of DAU layers."""

from dau_tf.constraints.clip_displacement import ClipDisplacement

__all__ = ["ClipDisplacement"]
