"""Trains DeepLabv3+ or FCN-AlexNet, with displaced aggregation units or standard convolutions.

The default is the paper's recipe for Cityscapes (SGD 0.01 poly 0.9, 50k steps of 8 crops of 769).
Writes into --out:

  recipe.json   what this training computes; the same command continues it after a kill
  model.keras, model-previous.keras   model and optimizer after the last two rounds
  log.csv, tensorboard/   by round: losses, IoU of every class, pictures, displacements

  python -m examples.segmentation.train --data CITYSCAPES --out runs/dau
  python -m examples.segmentation.train --data CITYSCAPES --out runs/aspp --conv standard \\
      --context aspp --decoder standard
  python -m examples.segmentation.train --dataset voc --data VOC2011 --sbd SBD --config voc \\
      --weights runs/alexnet/model.keras --out runs/voc
  TF_CONFIG=... python -m examples.segmentation.train --data CITYSCAPES --out /shared/runs/dau \\
      --strategy multiworker
"""

import argparse
import dataclasses
import math
import pathlib

import keras
import tensorflow as tf

from dau_tf.analysis import layer_units
from examples import cli
from examples.datasets.masked import Masked, training_crops
from examples.models.initial_weights import load_initial_weights
from examples.segmentation import data
from examples.segmentation.evaluate import add_data_arguments
from examples.segmentation.metrics import MeanIoU, PixelCrossentropy
from examples.segmentation.recipe import RECIPES, Recipe, build, optimizer
from examples.segmentation.validation import Validation
from examples.training import checkpoints
from examples.training.callbacks import Checkpoint, Progress, RoundLog, StopLater
from examples.training.folder import Folder
from examples.training.loop import Batches, fit
from examples.training.optimizers import set_decay, steps_done
from examples.training.strategies import (
    NAMES,
    check_batch,
    is_chief,
    layers,
    strategy_named,
    synchronize_batch_norm,
)

_CLASSIFIERS = {"classes", "predictions"}


def train(
    training: Masked,
    out: pathlib.Path,
    recipe: Recipe,
    steps_per_round: int = 500,
    validation: Masked | None = None,
    seconds: float = math.inf,
    strategy: tf.distribute.Strategy | None = None,
    weights: pathlib.Path | None = None,
) -> bool:
    """Trains, or continues what is in `out`, as if there had been no interruption.

    Args:
        training: the images to train on.
        out: a new folder, or one that this function wrote with the same recipe.
        recipe: what to compute.
        steps_per_round: steps between checkpoints and lines of the log.
        validation: images to measure after each round; it decides nothing. None: none.
        seconds: stop after the first round that ends later than this; call again to go on.
        strategy: of `strategy_named`; None: one device.
        weights: a file to start from, of `load_initial_weights`; None: random weights.

    Returns:
        Whether the training is complete.

    Raises:
        UserError: `out` is not ours or holds another recipe; the loss is not finite.
        DatasetError: names the file that is wrong.
    """
    strategy = strategy or tf.distribute.get_strategy()
    check_batch(strategy, recipe.batch)
    chief = is_chief(strategy)
    settings = dataclasses.asdict(recipe) | {
        "images": len(training.images),
        "steps_per_round": steps_per_round,
        "weights": weights and str(weights),
    }
    kept = Folder(out, settings, writes=chief)
    with strategy.scope():
        model = checkpoints.load(kept.checkpoint, chief)
        model = model or new_model(recipe, len(training.classes), weights)
    kept.claim()
    synchronize_batch_norm(model, strategy)
    set_decay(model, recipe.weight_decay)
    done = steps_done(model)
    if done >= recipe.steps:
        return True
    callbacks = [Checkpoint(kept.checkpoint if chief else None, kept.add_seconds)]
    callbacks.append(StopLater(seconds))
    if chief:
        log = RoundLog(out, done)
        callbacks = [Progress(recipe.steps, done), log, *callbacks]
        if validation is not None:
            callbacks.insert(0, Validation(validation, recipe.shrink, log.writer))
    per_round = min(steps_per_round, recipe.steps)
    fit(model, pipeline(training, recipe), recipe.steps, per_round, callbacks, recipe.seed)
    return steps_done(model) >= recipe.steps


def pipeline(training: Masked, recipe: Recipe) -> Batches:
    """The batches of a recipe."""
    return lambda step, shard: training_crops(
        training,
        recipe.batch,
        recipe.crop,
        recipe.seed,
        step,
        recipe.scale,
        recipe.mirror,
        recipe.shrink,
        shard,
    )


def new_model(recipe: Recipe, classes: int, weights: pathlib.Path | None = None) -> keras.Model:
    """The net of a recipe, compiled.

    Raises:
        UserError: it has no such layers, or the weights do not fit.
    """
    keras.utils.set_random_seed(recipe.seed)
    try:
        model = build(recipe, classes)
        if weights is not None:
            # A classifier of as many classes is another one's all the same.
            print(load_initial_weights(model, weights, skip=sorted(_CLASSIFIERS & _names(model))))
    except (ValueError, FileNotFoundError) as error:
        raise cli.UserError(str(error)) from error
    model.compile(
        optimizer(recipe, bool(layer_units(model))),
        PixelCrossentropy(),
        metrics=[MeanIoU(classes)],
        jit_compile=False,
    )
    return model


def _names(model: keras.Model) -> set[str]:
    return {layer.name for layer in layers(model)}


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The recipe that the arguments of `add_recipe_arguments` ask for."""
    return cli.departed(RECIPES[args.config], args)


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """--config, and what departs from it."""
    parser.add_argument("--config", choices=RECIPES, default="paper")
    number, real, share = cli.positive_int, cli.positive_float, cli.fraction
    add = parser.add_argument_group("recipe (default: as --config says)").add_argument
    add("--net", choices=("deeplab", "fcn-alexnet"))
    add("--conv", help="dau or standard; of fcn-alexnet dau-small, dau-medium, dau-large, standard")
    add("--context", choices=("dau", "aspp", "none"), help="of the head; dau: DAU-6U")
    add("--image-pooling", action=argparse.BooleanOptionalAction, help="the image's mean, too")
    add("--decoder", choices=("dau", "standard", "none"))
    add("--depth", type=number, help="of the backbone: 50, 101 (paper), or 14, 26 for trials")
    add("--width", type=number, help="of the backbone's first stage (paper: 64)")
    add("--filters", type=number, help="of head and decoder (paper: 256)")
    add("--dropout", type=share, help="in front of the classes")
    add("--steps", type=number, help="optimizer steps")
    add("--batch", type=number, help="crops a step")
    add("--crop", type=number, help="side of a crop, pixels")
    add("--shrink", type=number, help="first divide the images' size by this")
    add("--rate", type=real, help="learning rate of SGD")
    add("--power", type=real, help="it falls to 0 as (1 - step / steps) ** power")
    add("--displacement-factor", type=real, help="displacements learn so much faster")
    add("--momentum", type=share, help="of SGD")
    add("--weight-decay", type=share, help="of kernels and unit weights")
    add("--seed", type=int, help="of weights, order and augmentation")


def main() -> None:
    """The command line."""
    parser = cli.parser(__doc__)
    add_data_arguments(parser)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="new, or to continue")
    parser.add_argument("--weights", type=pathlib.Path, help="start from this .keras or .h5")
    parser.add_argument("--strategy", choices=NAMES, default="none", help="where it runs")
    parser.add_argument("--minutes", type=cli.positive_float, help="stop after the round then")
    parser.add_argument("--round", type=cli.positive_int, default=500, help="steps of a round")
    parser.add_argument(
        "--validate", type=int, default=50, help="images measured after a round; 0: none"
    )
    add_recipe_arguments(parser)
    args = parser.parse_args()
    if args.minutes and args.strategy == "multiworker":
        parser.error("argument --minutes: not with --strategy multiworker, whose clocks differ")
    strategy = strategy_named(args.strategy)
    training = data.find(args.dataset, args.data, "train", args.sbd)
    validation = None
    if args.validate:
        validation = data.find(args.dataset, args.data, "val", args.sbd).spread(args.validate)
    seconds = cli.seconds_of(args)
    complete = train(
        training, args.out, recipe_of(args), args.round, validation, seconds, strategy, args.weights
    )
    print(f"{args.out / 'model.keras'}: {'complete' if complete else 'to be continued'}")


if __name__ == "__main__":
    cli.run(main)
