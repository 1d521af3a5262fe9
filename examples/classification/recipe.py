"""The settings of a training, and the paper's."""

import dataclasses

import keras

from examples.training.optimizers import sgd


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All that decides what a training computes.

    Args:
        net: "cifar", "alexnet", "resnet50" or "resnet101".
        conv: of the net's builder: "dau" or "standard"; of alexnet "dau-small", "dau-medium" or
            "dau-large".
        width: channels of each layer of the net "cifar".
        units: K of its DAU layers.
        sigma: aggregation perimeter, pixels; 0 for a learned one a unit (net "cifar" only).
        epochs: passes over the training images.
        batch: images a step.
        rate: learning rate of SGD.
        drops: shares of the training after which the rates are divided by 10.
        momentum: of SGD.
        weight_decay: adds weight_decay / 2 * |w|^2 of kernels and unit weights to the loss.
        displacement_factor: the displacements' learning rate over `rate`.
        limit: train on so many images; None: all.
        pad, mirror: see `labelled.training_batches`; of ImageNet the crop is `size`.
        size: side of ImageNet's crops, pixels.
        seed: decides initial weights, order and augmentation.
    """

    net: str = "cifar"
    conv: str = "dau"
    width: int = 64
    units: int = 4
    sigma: float = 0.5
    epochs: int = 100
    batch: int = 256
    rate: float = 0.01
    drops: tuple[float, ...] = (0.75,)
    momentum: float = 0.9
    weight_decay: float = 0.0
    displacement_factor: float = 1.0
    limit: int | None = None
    pad: int = 4
    mirror: bool = True
    size: int = 227
    seed: int = 0


RECIPES = {
    # Sec. 4.1: 0.01 -> 0.001 at epoch 75 of 100.
    "cifar10": Recipe(),
    # Sec. 4.2: divided by 10 each 200k of 800k steps of 128 images: 80 passes.
    "alexnet": Recipe(
        net="alexnet", conv="dau-small", epochs=80, batch=128, drops=(0.25, 0.5, 0.75),
        weight_decay=5e-4,
    ),
    # Sec. 5: divided by 10 at epochs 30, 60, 80 and 90, here of 100; mu 500 times as fast.
    "resnet": Recipe(
        net="resnet50", epochs=100, batch=256, rate=0.1, drops=(0.3, 0.6, 0.8, 0.9),
        weight_decay=1e-4, displacement_factor=500.0, size=224,
    ),
    # Minutes on two cores: a smaller net, fewer passes, displacements that keep up with them.
    "small": Recipe(
        width=16, units=2, epochs=6, batch=128, rate=0.05, drops=(0.6, 0.85), weight_decay=1e-4,
        displacement_factor=10.0, pad=2,
    ),
}  # fmt: skip


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """SGD; displacements in a group of their own where they learn at another rate.

    Args:
        recipe: gives rates, drops and momentum.
        steps: of the whole training.
    """
    displacement_rate = None
    if recipe.conv != "standard" and recipe.displacement_factor != 1:
        displacement_rate = _schedule(recipe, recipe.rate * recipe.displacement_factor, steps)
    return sgd(_schedule(recipe, recipe.rate, steps), displacement_rate, recipe.momentum)


def _schedule(
    recipe: Recipe, rate: float, steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if not recipe.drops:
        return rate
    boundaries = [max(1, round(share * steps)) for share in recipe.drops]
    rates = [rate * 0.1**i for i in range(len(boundaries) + 1)]
    return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, rates)
