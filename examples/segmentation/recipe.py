"""The settings of a training, and the named ones: the paper's two, and one for two cores."""

import dataclasses

import keras

from examples.models.deeplab_v3plus import SMALL, deeplab_v3plus
from examples.models.fcn_alexnet import fcn_alexnet
from examples.training.optimizers import poly, sgd


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All that decides what a training computes; rates fall as (1 - step / steps) ** power.

    Args:
        net: "deeplab" or "fcn-alexnet".
        conv: what the backbone's 3x3 convolutions are, "dau" or "standard"; see `fcn_alexnet`.
        context: of the head, "dau" (DAU-6U), "aspp" or "none"; this and the next three of deeplab.
        image_pooling: whether the head sees the image's mean.
        decoder: "dau", "standard" or "none".
        depth, width, low_level_filters, rates, batch_norm_momentum: of `deeplab_v3plus`.
        filters, dropout: of the layers behind the backbone.
        steps: optimizer steps.
        batch: crops a step.
        crop: side of a crop, pixels; best a multiple of 16 plus 1.
        scale: range of the random scale.
        mirror: half of the crops are turned around.
        shrink: the images are first made smaller by this factor, in training and evaluation.
        rate, power: SGD's learning rate, and the power with which it falls to 0.
        displacement_factor: the displacements' learning rate over `rate`.
        momentum: of SGD.
        weight_decay: adds weight_decay / 2 |w|^2 of kernels and unit weights to the loss.
        seed: decides initial weights, order and augmentation.
    """

    net: str = "deeplab"
    conv: str = "dau"
    context: str = "dau"
    image_pooling: bool = True
    decoder: str = "dau"
    depth: int = 101
    width: int = 64
    filters: int = 256
    low_level_filters: int = 48
    rates: tuple[int, ...] = (6, 12, 18)
    dropout: float = 0.1
    batch_norm_momentum: float = 0.99
    steps: int = 50_000
    batch: int = 8
    crop: int = 769
    scale: tuple[float, float] = (0.5, 2.0)
    mirror: bool = True
    shrink: int = 1
    rate: float = 0.01
    power: float = 0.9
    displacement_factor: float = 500.0
    momentum: float = 0.9
    weight_decay: float = 1e-4
    seed: int = 0


RECIPES = {
    # Sec. 6.2. The displacements' rate is that of the same backbone on ImageNet (Sec. 5); whether
    # it was the same here is not said.
    "paper": Recipe(),
    # Sec. 6.1. Of augmentation nothing is said; an image of at most 500 px fits into a crop.
    "voc": Recipe(
        net="fcn-alexnet", conv="dau-large", filters=4096, dropout=0.5, steps=65_000, batch=20,
        crop=505, scale=(1.0, 1.0), mirror=False, rate=2e-4, power=0.0, weight_decay=5e-4,
        displacement_factor=1.0,
    ),
    # Minutes on two cores, for images of some 480 x 360 pixels made half as large.
    "small": Recipe(
        **SMALL, batch_norm_momentum=0.95, steps=1200, batch=8, crop=161, scale=(0.75, 1.5),
        shrink=2, rate=0.05, displacement_factor=20.0,
    ),
}  # fmt: skip


def build(recipe: Recipe, classes: int) -> keras.Model:
    """The net of a recipe, not compiled.

    Raises:
        ValueError: the net has no such layers.
    """
    if recipe.net == "fcn-alexnet":
        return fcn_alexnet(recipe.conv, classes, fc_filters=recipe.filters, dropout=recipe.dropout)
    return deeplab_v3plus(
        recipe.conv,
        None if recipe.context == "none" else recipe.context,
        recipe.image_pooling,
        None if recipe.decoder == "none" else recipe.decoder,
        classes=classes,
        depth=recipe.depth,
        width=recipe.width,
        filters=recipe.filters,
        low_level_filters=recipe.low_level_filters,
        rates=recipe.rates,
        dropout=recipe.dropout,
        batch_norm_momentum=recipe.batch_norm_momentum,
    )


def optimizer(recipe: Recipe, has_displacements: bool) -> keras.optimizers.Optimizer:
    """SGD; displacements, where there are any, in a group with a rate of their own."""
    rate = poly(recipe.rate, recipe.steps, recipe.power)
    if not has_displacements or recipe.displacement_factor == 1:
        return sgd(rate, None, recipe.momentum)
    faster = poly(recipe.rate * recipe.displacement_factor, recipe.steps, recipe.power)
    return sgd(rate, faster, recipe.momentum)
