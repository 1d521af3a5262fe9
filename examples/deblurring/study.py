"""DAU-SRN-DeblurNet against SRN-DeblurNet of the same width: as many steps, and as much time.

Rows: dau, standard; "longer" is the faster of the two with the steps that the other's time allows.
Every result is kept in --out (model, metrics.json, picture.png); call again to go on where the time
ran out, or to print the table. Step times include the wait for the batch, of the last call.

  python -m examples.deblurring.study --data DATA --config small --out runs/deblurring --minutes 60
"""

import argparse
import dataclasses
import functools
import json
import pathlib
import time
from collections.abc import Callable

from examples import cli
from examples.deblurring.evaluate import evaluate, load_model, mean_score
from examples.deblurring.recipe import Recipe
from examples.deblurring.train import add_recipe_arguments, checked, recipe_of, train
from examples.models.counts import weights_without_biases
from examples.training import study

CONVS = ("dau", "standard")
_COLUMNS = {
    "PSNR, dB": ("psnr", ".2f"),
    "gain, dB": ("gain", "+.2f"),
    "SSIM": ("ssim", ".4f"),
    "weights": ("weights", ",.0f"),
    "steps": ("steps", ",.0f"),
    "step, s": ("step_seconds", ".3f"),
    "minutes": ("minutes", ".1f"),
}


def longer(out: pathlib.Path, conv: str, args: argparse.Namespace, seed: int) -> Recipe | None:
    """The recipe of `conv` with the steps that the other's time allows; None where it is slower.

    Args:
        out: folder of the study, with the scores of as many steps.
        conv: "dau" or "standard".
        args: parsed.
        seed: of both trainings.
    """
    files = {c: study.folder_of(out, c, seed) / study.FILE for c in CONVS}
    if not all(file.exists() for file in files.values()):
        return None
    scores = {c: json.loads(file.read_text()) for c, file in files.items()}
    (other,) = set(CONVS) - {conv}
    factor = scores[other]["step_seconds"] / scores[conv]["step_seconds"]
    if factor <= 1:
        return None
    steps = round(scores[conv]["steps"] * factor)
    return dataclasses.replace(recipe_of(args, conv), seed=seed, steps=steps)


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
            "step_seconds": result["step_seconds"],
            "minutes": result["seconds"] / 60,
        }

    recipes = {conv: recipe_of(args, conv) for conv in CONVS}
    rows: dict[str, Callable[[int], Recipe | None]] = {
        **study.with_seeds(recipes),
        **{f"{c} longer": functools.partial(longer, args.out, c, args) for c in CONVS},
    }
    first = recipes["dau"].seed
    seeds = range(first, first + args.seeds)
    return study.table(study.run(args.out, rows, seeds, deadline, train_and_score), _COLUMNS)


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
