"""Trains SRN-DeblurNet, with displaced aggregation units or with standard convolutions.

The default is the paper's recipe (Adam, 2000 epochs, batch 16, 256x256 crops; the DAU network at
5e-4 with its displacements at 1e-3, the standard one at 1e-4). Writes into --out:

  recipe.json   what this training computes; the same command continues it after a kill
  model.keras, model-previous.keras   model and optimizer after the last two rounds (a round is one
                pass, or --round steps)
  log.csv, tensorboard/   by round: losses, displacements; with --validate PSNR, SSIM, pictures

  python -m examples.deblurring.train --data GOPRO --out runs/dau
  python -m examples.deblurring.train --data data --out runs/small --config small
  TF_CONFIG=... python -m examples.deblurring.train --data GOPRO --out /shared/runs/dau \\
      --strategy multiworker
"""

import argparse
import dataclasses
import math
import pathlib

import keras
import tensorflow as tf

from examples import cli
from examples.datasets.gopro import Pair, find_pairs, spread, training_crops
from examples.datasets.order import Shard
from examples.deblurring.augment import Augmentation
from examples.deblurring.recipe import PAPER_STANDARD_RATE, RECIPES, Recipe, optimizer
from examples.deblurring.validation import Validation
from examples.models.multiscale_loss import multiscale_loss, multiscale_targets
from examples.models.srn_deblur import srn_deblur
from examples.training import checkpoints
from examples.training.callbacks import Checkpoint, Progress, RoundLog, StopLater
from examples.training.folder import Folder
from examples.training.loop import Batches, fit
from examples.training.optimizers import steps_done
from examples.training.strategies import NAMES, check_batch, is_chief, strategy_named

# Up to this size the pictures are decoded once and kept.
_IN_MEMORY_BYTES = 2**30


def train(
    data: pathlib.Path,
    out: pathlib.Path,
    recipe: Recipe,
    steps_per_round: int | None = None,
    seconds: float = math.inf,
    strategy: tf.distribute.Strategy | None = None,
    validation: list[Pair] | None = None,
) -> dict:
    """Trains, or continues what is in `out`.

    Every example follows from the seed and its number, and the checkpoint holds the optimizer,
    so a run that was killed and continued computes what an uninterrupted one does.

    Args:
        data: GOPRO layout; its `train` split is used.
        out: a new folder, or one that this function wrote with the same recipe.
        recipe: what to compute.
        steps_per_round: steps between checkpoints and lines of the log; None: one pass.
        seconds: stop after the first round that ends later than this; call again to go on.
        strategy: of `strategy_named`; None: one device.
        validation: images to restore after each round; they decide nothing. None: none.

    Returns:
        {"model": path, "steps": int, "seconds": of training, those before a kill included,
        "complete": bool}.

    Raises:
        UserError: `out` is not ours or holds another recipe; the loss is not finite.
        DatasetError: names the file that is wrong.
    """
    strategy = strategy or tf.distribute.get_strategy()
    check_batch(strategy, recipe.batch)
    chief = is_chief(strategy)
    pairs = find_pairs(data, "train")
    steps = recipe.total_steps(len(pairs))
    steps_per_round = min(steps, steps_per_round or math.ceil(len(pairs) / recipe.batch))
    settings = {"pairs": len(pairs), "steps_per_round": steps_per_round}
    kept = Folder(out, {**dataclasses.asdict(recipe), **settings}, writes=chief)
    with strategy.scope():
        model = checkpoints.load(kept.checkpoint, chief) or new_model(recipe, steps)
    kept.claim()
    done = steps_done(model)
    if done < steps:
        callbacks = [
            Checkpoint(kept.checkpoint if chief else None, kept.add_seconds),
            StopLater(seconds),
        ]
        if chief:
            log = RoundLog(out, done)
            callbacks = [Progress(steps, done), log, *callbacks]
            if validation:
                callbacks.insert(0, Validation(validation, log.writer))
        fit(model, pipeline(pairs, recipe), steps, steps_per_round, callbacks, recipe.seed)
    return {
        "model": str(kept.checkpoint),
        "steps": steps,
        "seconds": kept.seconds,
        "complete": steps_done(model) >= steps,
    }


def pipeline(pairs: list[Pair], recipe: Recipe) -> Batches:
    """The batches of a recipe."""
    augmentation = Augmentation(recipe.motion, recipe.colours, recipe.negatives)
    in_memory = len({(p.height, p.width) for p in pairs}) == 1 and (
        sum(p.height * p.width * 6 for p in pairs) <= _IN_MEMORY_BYTES
    )

    def from_step(step: int, shard: Shard) -> tf.data.Dataset:
        crops = training_crops(
            pairs,
            recipe.batch,
            recipe.crop + 2 * augmentation.margin,
            recipe.seed,
            first_example=step * recipe.batch,
            in_memory=in_memory,
            min_contrast=recipe.min_contrast,
            transform=augmentation,
            shard=shard,
        )
        return crops.map(lambda blur, sharp: (blur, multiscale_targets(sharp)))

    return from_step


def new_model(recipe: Recipe, steps: int) -> keras.Model:
    """The net of a recipe, compiled for a training of so many steps."""
    keras.utils.set_random_seed(recipe.seed)
    model = srn_deblur(
        recipe.conv,
        width=recipe.width,
        sigma=recipe.sigma,
        units=recipe.units,
        input_skip=recipe.input_skip,
    )
    model.compile(optimizer(recipe, steps), multiscale_loss(), jit_compile=False)
    return model


def recipe_of(args: argparse.Namespace, conv: str | None = None) -> Recipe:
    """The recipe that the arguments of `add_recipe_arguments` ask for.

    Args:
        args: parsed.
        conv: "dau" or "standard", instead of what they ask for.
    """
    base = dataclasses.replace(RECIPES[args.config], conv=conv or args.conv or "dau")
    if base.conv == "standard" and args.config == "paper":
        base = dataclasses.replace(base, rate=PAPER_STANDARD_RATE)
    return dataclasses.replace(cli.departed(base, args), conv=base.conv)


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """--config, and what departs from it."""
    parser.add_argument(
        "--config", choices=RECIPES, default="paper", help="what the options below start from"
    )
    add = parser.add_argument_group(
        "recipe (default: as --config says)", argument_default=None
    ).add_argument
    number, real, share = cli.positive_int, cli.positive_float, cli.fraction
    add("--conv", choices=("dau", "standard"), help="the layers: dau or standard 5x5")
    add("--width", type=number, help="channels of the finest level (paper: 32)")
    add("--sigma", type=real, help="aggregation perimeter of the units, pixels")
    add("--units", type=number, help="units per input channel and filter")
    add("--input-skip", action=argparse.BooleanOptionalAction, help="output = input + net")
    add("--steps", type=number, help="optimizer steps, instead of --epochs")
    add("--epochs", type=number, help="passes over the training pairs")
    add("--batch", type=number, help="crops a step")
    add("--crop", type=number, help="side of a crop, pixels; a multiple of 16")
    add("--rate", type=real, help="Adam's learning rate")
    add("--power", type=real, help="it falls to 0 as (1 - step / steps) ** power")
    add("--displacement-rate", type=real, help="learning rate of displacements")
    add("--displacement-power", type=real, help="the power with which that falls")
    add("--min-contrast", type=share, help="standard deviation a crop should have")
    add("--motion", type=share, help="share of crops with simulated straight motion")
    add("--colours", type=share, help="share of crops with shuffled colour channels")
    add("--negatives", type=share, help="share of crops turned into negatives")
    add("--seed", type=int, help="of weights, order, crops and augmentation")
    add("--round", type=number, help="steps from checkpoint to checkpoint; default: a pass")


def checked(parser: argparse.ArgumentParser, recipe: Recipe) -> Recipe:
    """The recipe; ends the program where it cannot be computed."""
    if recipe.crop % 16:
        parser.error(f"argument --crop: must be a multiple of 16, received {recipe.crop}")
    return recipe


def main() -> None:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="GOPRO layout")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="new, or to continue")
    parser.add_argument("--strategy", choices=NAMES, default="none", help="where it runs")
    parser.add_argument("--minutes", type=cli.positive_float, help="stop after the round then")
    parser.add_argument(
        "--validate", type=int, default=0, help="images of the test restored after a round"
    )
    add_recipe_arguments(parser)
    args = parser.parse_args()
    recipe = checked(parser, recipe_of(args))
    if args.minutes and args.strategy == "multiworker":
        parser.error("argument --minutes: not with --strategy multiworker, whose clocks differ")
    strategy = strategy_named(args.strategy)
    validation = spread(find_pairs(args.data, "test"), args.validate) if args.validate else None
    seconds = cli.seconds_of(args)
    result = train(args.data, args.out, recipe, args.round, seconds, strategy, validation)
    state = f"{result['steps']} steps" if result["complete"] else "to be continued"
    print(f"{result['model']}: {state} in {result['seconds']:.0f} s")


if __name__ == "__main__":
    cli.run(main)
