"""The data sets by name: batches for training and evaluation, and their sizes."""

import dataclasses
import pathlib
from collections.abc import Callable

import tensorflow as tf

from examples.classification.recipe import Recipe
from examples.datasets import imagenet, labelled
from examples.datasets.cifar10 import read_cifar10
from examples.datasets.idx import read_idx
from examples.datasets.labelled import Labelled

_IN_MEMORY: dict[str, Callable[[pathlib.Path, str], Labelled]] = {
    "cifar10": read_cifar10,
    "fashion-mnist": read_idx,
}
DATASETS = (*_IN_MEMORY, "imagenet")


@dataclasses.dataclass(frozen=True)
class Split:
    """What a training or an evaluation needs of a data set.

    Args:
        count: number of images.
        classes: number of classes.
        shape: (height, width, channels) of the images as the net sees them.
        training_from: number of a batch -> the endless batches from it on.
        evaluation: batch size -> all images once.
    """

    count: int
    classes: int
    shape: tuple[int, int, int]
    training_from: Callable[[int], tf.data.Dataset]
    evaluation: Callable[[int], tf.data.Dataset]


def load(dataset: str, folder: pathlib.Path, split: str, recipe: Recipe) -> Split:
    """Finds a split on disk.

    Args:
        dataset: one of `DATASETS`.
        folder: in the published layout.
        split: "train" or "test".
        recipe: gives batch, crop, augmentation, seed and limit of the training.

    Raises:
        DatasetError: names the file that is wrong.
    """
    if dataset == "imagenet":
        count, classes = imagenet.count_images(folder, split)
        return Split(
            count,
            classes,
            (recipe.size, recipe.size, 3),
            lambda first: imagenet.training_batches(
                folder, recipe.batch, recipe.size, recipe.seed, first
            ),
            lambda batch: imagenet.evaluation_batches(folder, batch, recipe.size, split),
        )
    images = _IN_MEMORY[dataset](folder, split)
    if split == "train":
        images = images.first(recipe.limit)
    return Split(
        len(images.labels),
        images.classes,
        images.images.shape[1:],
        lambda first: labelled.training_batches(
            images, recipe.batch, recipe.seed, first, recipe.pad, recipe.mirror
        ),
        lambda batch: labelled.evaluation_batches(images, batch),
    )
