"""Keras optimizers for models whose variables want different treatment."""

from dau_tf.optimizers.parameter_groups import ParameterGroups

__all__ = ["ParameterGroups"]
