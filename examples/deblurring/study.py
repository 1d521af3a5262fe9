"""DAU-SRN-DeblurNet against SRN-DeblurNet of the same width: as many steps, and as much time.

Rows: dau, standard; "longer" is the faster of the two with the steps that the other's time allows.
Every result is kept in --out (model, metrics.json, picture.png); call again to go on where the time
ran out, or to print the table. Steps are timed at the first call, on one batch, the two in turn.

  python -m examples.deblurring.study --data DATA --config small --out runs/deblurring --minutes 60
"""

import argparse
import dataclasses
import functools
import pathlib
import time
from collections.abc import Callable, Mapping

from examples import cli
from examples.datasets.gopro import find_pairs
from examples.deblurring.evaluate import evaluate, load_model, mean_score
from examples.deblurring.recipe import Recipe
from examples.deblurring.train import (
    add_recipe_arguments,
    checked,
    new_model,
    pipeline,
    recipe_of,
    train,
)
from examples.models.counts import weights_without_biases
from examples.training import study, throughput

CONVS = ("dau", "standard")
_COLUMNS = {
    "PSNR, dB": ("psnr", ".2f"),
    "gain, dB": ("gain", "+.2f"),
    "SSIM": ("ssim", ".4f"),
    "weights": ("weights", ",.0f"),
    "steps": ("steps", ",.0f"),
}


def longer(recipe: Recipe, steps: int, seconds: Mapping[str, float], seed: int) -> Recipe | None:
    """The recipe with the steps that the other's time allows; None where it is not the faster.

    Args:
        recipe: of "dau" or "standard".
        steps: of both.
        seconds: of a step of each; empty where not measured.
        seed: of the training.
    """
    (other,) = set(CONVS) - {recipe.conv}
    if not seconds or seconds[other] <= seconds[recipe.conv]:
        return None
    steps = round(steps * seconds[other] / seconds[recipe.conv])
    return dataclasses.replace(recipe, seed=seed, steps=steps)


def compare(args: argparse.Namespace, deadline: float) -> str:
    """Runs the trainings that are missing while there is time, and returns the table so far."""

    def train_and_score(recipe: Recipe, folder: pathlib.Path, left: float) -> dict | None:
        result = train(args.data, folder, recipe, args.round, left)
        if not result["complete"]:
            return None
        model = load_model(pathlib.Path(result["model"]))
        scores, _ = evaluate(model, args.data, args.split, folder / "test", args.images)
        mean = mean_score(scores)
        return {
            "psnr": mean.psnr_restored,
            "gain": mean.gain,
            "ssim": mean.ssim_restored,
            "weights": weights_without_biases(model),
            "steps": result["steps"],
        }

    recipes = {conv: recipe_of(args, conv) for conv in CONVS}
    pairs = find_pairs(args.data, "train")
    steps = recipes["dau"].total_steps(len(pairs))
    seconds = study.step_seconds(
        args.out,
        deadline,
        lambda: throughput.step_seconds(
            pipeline(pairs, recipes["dau"]),
            {conv: new_model(recipe, steps) for conv, recipe in recipes.items()},
        ),
    )
    rows: dict[str, Callable[[int], Recipe | None]] = {
        **study.with_seeds(recipes),
        **{
            _longer(conv): functools.partial(longer, recipe, steps, seconds)
            for conv, recipe in recipes.items()
        },
    }
    first = recipes["dau"].seed
    scores = study.run(args.out, rows, range(first, first + args.seeds), deadline, train_and_score)
    seconds |= {_longer(conv): taken for conv, taken in seconds.items()}
    return study.table(scores, _COLUMNS, {"step, s": (seconds, ".3f")})


def _longer(conv: str) -> str:
    return f"{conv} longer"


def main() -> None:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="GOPRO layout")
    parser.add_argument("--split", default="test", help="test, or test/<sequence>")
    parser.add_argument("--images", type=cli.positive_int, help="so many of it, spread evenly")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="new, or to continue")
    parser.add_argument("--minutes", type=cli.positive_float, help="stop then; call again")
    parser.add_argument("--seeds", type=cli.positive_int, default=3, help="trainings a row")
    add_recipe_arguments(parser)
    args = parser.parse_args()
    checked(parser, recipe_of(args))
    print(compare(args, time.monotonic() + cli.seconds_of(args)))


if __name__ == "__main__":
    cli.run(main)
