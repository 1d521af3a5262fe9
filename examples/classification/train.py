"""Trains a classifier, with displaced aggregation units or with standard convolutions.

Writes into --out:

  recipe.json   what this training computes; the same command continues it after a kill
  initial.keras   the model before
  model.keras, model-previous.keras   with its optimizer, after the last two epochs
  log.csv, tensorboard/, units.png   by epoch; units.png shows how the units move

  python -m examples.classification.train --dataset cifar10 --data CIFAR10 --out runs/cifar
  python -m examples.classification.train --dataset imagenet --data ILSVRC2012 --config resnet \\
      --out runs/resnet
  python -m examples.classification.train --dataset fashion-mnist --config small \\
      --data /usr/share/datasets/fashion-mnist --out runs/small
"""

import argparse
import dataclasses
import math
import pathlib

import keras

import dau_tf
from examples import cli
from examples.classification import data
from examples.classification.recipe import RECIPES, Recipe, optimizer
from examples.models.alexnet import alexnet
from examples.models.cifar_net import LEARNED, cifar_net
from examples.models.resnet_v2 import resnet_v2
from examples.training import checkpoints
from examples.training.callbacks import Checkpoint, Progress, RoundLog, StopLater
from examples.training.folder import Folder
from examples.training.loop import fit
from examples.training.optimizers import set_decay, steps_done

NETS = ("cifar", "alexnet", "resnet50", "resnet101")


def train(
    dataset: str,
    folder: pathlib.Path,
    out: pathlib.Path,
    recipe: Recipe,
    seconds: float = math.inf,
) -> bool:
    """Trains, or continues what is in `out`.

    Args:
        dataset: one of `data.DATASETS`.
        folder: the data set in its published layout.
        out: a new folder, or one that this function wrote with the same recipe.
        recipe: what to compute.
        seconds: stop after the first epoch that ends later than this; call again to go on.

    Returns:
        Whether the training is complete.

    Raises:
        UserError: `out` is not ours or holds another recipe; the loss is not finite.
        DatasetError: names the file that is wrong.
    """
    split = data.load(dataset, folder, "train", recipe)
    per_epoch = max(1, split.count // recipe.batch)
    steps = per_epoch * recipe.epochs
    kept = Folder(out, {**dataclasses.asdict(recipe), "dataset": dataset, "images": split.count})
    model, done = _model(kept, recipe, split, steps)
    if done >= steps:
        return True
    set_decay(model, recipe.weight_decay)
    callbacks = [
        Progress(steps, done),
        RoundLog(out, done),
        Checkpoint(kept.checkpoint, kept.add_seconds),
        StopLater(seconds),
    ]
    if dau_tf.analysis.layer_units(model):
        callbacks.append(dau_tf.analysis.LiveView(_next_view(out)))
    fit(
        model,
        lambda step, shard: split.training_from(step),
        steps,
        per_epoch,
        callbacks,
        recipe.seed,
    )
    return steps_done(model) >= steps


def build(recipe: Recipe, classes: int, shape: tuple[int, int, int]) -> keras.Model:
    """The net of a recipe, not compiled.

    Raises:
        UserError: the net has no such `conv`.
    """
    try:
        if recipe.net == "alexnet":
            return alexnet(recipe.conv, classes, shape[0], recipe.sigma)
        if recipe.net.startswith("resnet"):
            return resnet_v2(int(recipe.net[6:]), recipe.conv, classes, sigma=recipe.sigma)
        return cifar_net(
            recipe.conv,
            classes,
            shape,
            (recipe.width,) * 3,
            recipe.units,
            recipe.sigma or LEARNED,
        )
    except ValueError as error:
        raise cli.UserError(f"--net {recipe.net}: {error}") from error


def _model(
    folder: Folder, recipe: Recipe, split: data.Split, steps: int
) -> tuple[keras.Model, int]:
    """The compiled model and how many steps it has done."""
    kept = checkpoints.load(folder.checkpoint)
    if kept is not None:
        return kept, steps_done(kept)
    keras.utils.set_random_seed(recipe.seed)
    model = build(recipe, split.classes, split.shape)
    model.compile(
        optimizer(recipe, steps),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    folder.claim()
    with cli.in_one_step(folder.path / "initial.keras") as temporary:
        model.save(temporary, include_optimizer=False)
    return model, 0


def _next_view(out: pathlib.Path) -> pathlib.Path:
    """units.png; a training that goes on starts another, as the former's frames are gone."""
    files = [out / "units.png", *(out / f"units-{i}.png" for i in range(2, 1000))]
    return next(file for file in files if not file.exists())


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The recipe that the arguments of `add_recipe_arguments` ask for."""
    recipe = cli.departed(RECIPES[args.config], args)
    return dataclasses.replace(recipe, sigma=0.0) if args.learned_sigma else recipe


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """--dataset and --data."""
    parser.add_argument("--dataset", choices=data.DATASETS, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="in its published layout")


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """--config, and what departs from it."""
    parser.add_argument("--config", choices=RECIPES, default="cifar10")
    number, real, share = cli.positive_int, cli.positive_float, cli.fraction
    add = parser.add_argument_group("recipe (default: as --config says)").add_argument
    add("--net", choices=NETS)
    add("--conv", help="dau or standard; of alexnet dau-small, dau-medium, dau-large")
    add("--width", type=number, help="channels of a layer (net cifar)")
    add("--units", type=number, help="K of a DAU layer (net cifar)")
    add("--sigma", type=real, help="aggregation perimeter, pixels")
    add("--learned-sigma", action="store_true", help="one a unit, from U[0.3, 0.8] (net cifar)")
    add("--epochs", type=number, help="passes over the images")
    add("--batch", type=number, help="images a step")
    add("--rate", type=real, help="learning rate of SGD")
    add("--momentum", type=share, help="of SGD")
    add("--weight-decay", type=share, help="of kernels and unit weights")
    add("--displacement-factor", type=real, help="displacements learn so much faster")
    add("--limit", type=number, help="train on the first so many images")
    add("--size", type=number, help="side of ImageNet's crops, pixels")
    add("--seed", type=int, help="of weights, order and augmentation")


def main() -> None:
    """The command line."""
    parser = cli.parser(__doc__)
    add_data_arguments(parser)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="new, or to continue")
    parser.add_argument("--minutes", type=cli.positive_float, help="stop after the epoch then")
    add_recipe_arguments(parser)
    args = parser.parse_args()
    complete = train(args.dataset, args.data, args.out, recipe_of(args), cli.seconds_of(args))
    print(f"{args.out / 'model.keras'}: {'complete' if complete else 'to be continued'}")


if __name__ == "__main__":
    cli.run(main)
