"""Constraints for the displacements and perimeters of DAU layers."""

from dau_tf.constraints.along_width import AlongWidth
from dau_tf.constraints.clip_displacement import ClipDisplacement
from dau_tf.constraints.clip_sigma import ClipSigma

__all__ = ["AlongWidth", "ClipDisplacement", "ClipSigma"]
