"""Heads of DeepLabv3+ compared: ASPP, DAU-6U or none, with and without image pooling.

Every result is kept in --out (model, metrics.json, sheet.png); call again to go on where the time
ran out, or to print the table. Steps are timed at the first call, on one batch, the rows in turn.

  python -m examples.segmentation.study --data CITYSCAPES --config small --minutes 60 \\
      --out runs/heads
"""

import argparse
import dataclasses
import pathlib
import time

from examples import cli
from examples.models.counts import trainable_parameters
from examples.segmentation import data
from examples.segmentation.evaluate import Scorer, add_data_arguments, write
from examples.segmentation.recipe import Recipe
from examples.segmentation.train import (
    add_recipe_arguments,
    new_model,
    pipeline,
    recipe_of,
    train,
)
from examples.training import study, throughput
from examples.training.trained import load_model

CONTEXTS = ("aspp", "dau", "none")
_COLUMNS = {
    "mIoU": ("miou", ".2%"),
    "accuracy of classes": ("mean_accuracy", ".2%"),
    "parameters": ("parameters", ",.0f"),
}


def rows_of(recipe: Recipe) -> dict[str, Recipe]:
    """Context with and without image pooling; backbone and decoder are the recipe's."""
    return {
        context + (" pooling" if pooling else ""): dataclasses.replace(
            recipe, context=context, image_pooling=pooling
        )
        for context in CONTEXTS
        for pooling in (True, False)
    }


def compare(args: argparse.Namespace, recipe: Recipe, deadline: float) -> str:
    """Runs the trainings that are missing while there is time, and returns the table so far."""
    training, validation = (
        data.find(args.dataset, args.data, split, args.sbd) for split in ("train", "val")
    )
    rows = rows_of(recipe)
    seconds = study.step_seconds(
        args.out,
        deadline,
        lambda: throughput.step_seconds(
            pipeline(training, recipe),
            {name: new_model(row, len(training.classes)) for name, row in rows.items()},
        ),
    )

    def train_and_score(recipe: Recipe, folder: pathlib.Path, left: float) -> dict | None:
        if not train(training, folder, recipe, args.round, None, left):
            return None
        model = load_model(folder / "model.keras")
        score, rows = Scorer(model, len(validation.classes)).score(validation, recipe.shrink)
        write(score, rows, folder / "val")
        return {
            "miou": score.miou,
            "mean_accuracy": score.mean_accuracy,
            "parameters": trainable_parameters(model),
        }

    scores = study.run(
        args.out,
        study.with_seeds(rows),
        range(recipe.seed, recipe.seed + args.seeds),
        deadline,
        train_and_score,
    )
    return study.table(scores, _COLUMNS, {"step, s": (seconds, ".3f")})


def main() -> None:
    """The command line."""
    parser = cli.parser(__doc__)
    add_data_arguments(parser)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="new, or to continue")
    parser.add_argument("--minutes", type=cli.positive_float, help="stop then; call again")
    parser.add_argument("--seeds", type=cli.positive_int, default=3, help="trainings a row")
    parser.add_argument("--round", type=cli.positive_int, default=200, help="steps of a round")
    add_recipe_arguments(parser)
    args = parser.parse_args()
    print(compare(args, recipe_of(args), time.monotonic() + cli.seconds_of(args)))


if __name__ == "__main__":
    cli.run(main)
