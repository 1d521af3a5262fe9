"""The settings of a training, and the named ones: the paper's, one for two cores, the demo's."""

import dataclasses

import keras

from dau_tf.optimizers import ParameterGroups
from examples.training.optimizers import poly


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All that decides what a training computes; rates fall as (1 - step / steps) ** power.

    Args:
        conv: "dau" or "standard".
        width: channels of the finest level.
        sigma: aggregation perimeter, pixels.
        units: units per input channel and filter.
        input_skip: output = blurred input + what the network adds.
        steps: optimizer steps; None: `epochs` passes over the pairs.
        epochs: passes over the pairs, used if `steps` is None.
        batch: crops a step.
        crop: side of a crop, pixels.
        rate, power: Adam's learning rate, and the power with which it falls to 0.
        displacement_rate, displacement_power: the same for displacements (DAU only).
        min_contrast: see `training_crops`.
        motion, colours, negatives: see `Augmentation`.
        seed: decides initial weights, order, crops and augmentation.
    """

    conv: str = "dau"
    width: int = 32
    sigma: float = 0.35
    units: int = 2
    input_skip: bool = False
    steps: int | None = None
    epochs: int = 2000
    batch: int = 16
    crop: int = 256
    rate: float = 5e-4
    power: float = 0.3
    displacement_rate: float = 1e-3
    displacement_power: float = 1.0
    min_contrast: float = 0.0
    motion: float = 0.0
    colours: float = 0.0
    negatives: float = 0.0
    seed: int = 0

    def total_steps(self, pairs: int) -> int:
        """Optimizer steps for a data set of `pairs` pairs."""
        return self.steps or max(1, self.epochs * pairs // self.batch)


# The paper, Sec. 6.3; its standard network learns at 1e-4 instead of 5e-4.
PAPER_STANDARD_RATE = 1e-4

RECIPES = {
    "paper": Recipe(),
    "small": Recipe(
        width=16, input_skip=True, steps=20_000, batch=8, crop=128, rate=1e-3, power=1.0,
        displacement_rate=2e-3, min_contrast=0.04,
    ),
    "demo": Recipe(
        width=8, input_skip=True, steps=1300, batch=8, crop=64, rate=1.5e-3, power=1.0,
        displacement_rate=3e-3, min_contrast=0.04, motion=0.5, colours=0.5, negatives=0.2,
    ),
}  # fmt: skip


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Adam; for a DAU network, the displacements in a group with a rate of their own.

    Adam divides a factor on the gradient out again, so the group is the only way.

    Args:
        recipe: gives the rates and powers.
        steps: after which both rates are 0.
    """
    default = keras.optimizers.Adam(poly(recipe.rate, steps, recipe.power))
    if recipe.conv == "standard":
        return default
    rate = poly(recipe.displacement_rate, steps, recipe.displacement_power)
    return ParameterGroups([("displacement$", keras.optimizers.Adam(rate))], default=default)
