"""The comparisons of docs/reproduction.md, in as many calls as the time allows.

  width   DAU against standard convolutions at equal width, several seeds
  sigma   Table 1: sigma fixed from 0.3 to 0.8, and learned
  prune   Figure 5: accuracy against units, of a trained model, before and after fine-tuning

Every result is kept in --out; call again to go on where the time ran out, or to print the table.

  python -m examples.classification.study width --dataset fashion-mnist --config small \\
      --data /usr/share/datasets/fashion-mnist --out runs/width --minutes 8
  python -m examples.classification.study prune --dataset fashion-mnist --config small \\
      --data /usr/share/datasets/fashion-mnist --model runs/width/dau-0/model.keras --out runs/prune
"""

import argparse
import dataclasses
import json
import pathlib
import time

import keras

import dau_tf
from examples import cli
from examples.classification import data
from examples.classification.evaluate import evaluate
from examples.classification.recipe import Recipe, optimizer
from examples.classification.train import (
    add_data_arguments,
    add_recipe_arguments,
    recipe_of,
    train,
)
from examples.training import study
from examples.training.optimizers import set_decay
from examples.training.trained import load_model

SIGMAS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
THRESHOLDS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)


def rows_of(name: str, recipe: Recipe) -> dict[str, Recipe]:
    """The rows of a study.

    Args:
        name: "width" or "sigma".
        recipe: what they have in common.
    """
    if name == "width":
        return {conv: dataclasses.replace(recipe, conv=conv) for conv in ("dau", "standard")}
    rows = {
        f"sigma {sigma}": dataclasses.replace(recipe, conv="dau", sigma=sigma) for sigma in SIGMAS
    }
    return rows | {"learned": dataclasses.replace(recipe, conv="dau", sigma=0.0)}


def compare(args: argparse.Namespace, recipe: Recipe, deadline: float) -> str:
    """Runs the trainings that are missing while there is time, and returns the table so far."""

    def train_and_score(recipe: Recipe, folder: pathlib.Path, left: float) -> dict | None:
        if not train(args.dataset, args.data, folder, recipe, left):
            return None
        split = data.load(args.dataset, args.data, "test", recipe)
        score = evaluate(load_model(folder / "model.keras"), split)
        seconds = json.loads((folder / "recipe.json").read_text())["seconds"]
        return {**dataclasses.asdict(score), "seconds": seconds}

    scores = study.run(
        args.out,
        study.with_seeds(rows_of(args.study, recipe)),
        range(recipe.seed, recipe.seed + args.seeds),
        deadline,
        train_and_score,
    )
    columns = {"top-1": ("top1", ".2%"), "top-5": ("top5", ".2%"), "seconds": ("seconds", ".0f")}
    return study.table(scores, columns)


def prune(args: argparse.Namespace, recipe: Recipe, deadline: float) -> str:
    """Prunes at each threshold, and fine-tunes at the last rate; returns the table so far."""
    model = load_model(args.model)
    test = data.load(args.dataset, args.data, "test", recipe)
    training = data.load(args.dataset, args.data, "train", recipe)
    cli.make_folder(args.out, "--out")
    total = sum(row.units for row in dau_tf.pruning.unit_table(model))
    lines = [f"{'threshold':>9}  {'units':>9}  removed  top-1, %  fine-tuned  file, KB"]
    for threshold in THRESHOLDS:
        file = args.out / f"threshold-{threshold}.json"
        if not file.exists():
            if time.monotonic() >= deadline:
                break
            cli.write_json(file, _pruned(args, recipe, model, threshold, test, training))
        row = json.loads(file.read_text())
        lines.append(
            f"{threshold:9}  {row['units']:9,}  {1 - row['units'] / total:7.1%}  "
            f"{100 * row['top1']:8.2f}  {100 * row['tuned']:10.2f}  {row['bytes'] / 1024:8.0f}"
        )
    return "\n".join(lines)


def _pruned(
    args: argparse.Namespace,
    recipe: Recipe,
    model: keras.Model,
    threshold: float,
    test: data.Split,
    training: data.Split,
) -> dict:
    pruned = dau_tf.pruning.prune_units(model, threshold, print_fn=None)
    top1 = evaluate(pruned, test).top1
    steps = max(1, training.count // recipe.batch) * args.fine_tune
    if steps:
        # At the rate with which the training ended.
        last = dataclasses.replace(recipe, rate=recipe.rate * 0.1 ** len(recipe.drops), drops=())
        pruned.compile(
            optimizer(last, steps),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
        set_decay(pruned, recipe.weight_decay)
        pruned.fit(training.training_from(0), steps_per_epoch=steps, shuffle=False, verbose=0)
    file = args.out / f"threshold-{threshold}.keras"
    pruned.save(file, include_optimizer=False)
    return {
        "units": sum(row.units for row in dau_tf.pruning.unit_table(pruned)),
        "top1": top1,
        "tuned": evaluate(pruned, test).top1,
        "bytes": file.stat().st_size,
    }


def main() -> None:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument("study", choices=("width", "sigma", "prune"))
    add_data_arguments(parser)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="new, or to continue")
    parser.add_argument("--minutes", type=cli.positive_float, help="stop then; call again")
    parser.add_argument("--seeds", type=cli.positive_int, default=3, help="trainings a row")
    parser.add_argument("--model", type=pathlib.Path, help="model.keras of train (prune)")
    parser.add_argument("--fine-tune", type=int, default=1, help="epochs after pruning; 0: none")
    add_recipe_arguments(parser)
    args = parser.parse_args()
    if args.study == "prune" and args.model is None:
        parser.error("prune needs --model")
    deadline = time.monotonic() + cli.seconds_of(args)
    run = prune if args.study == "prune" else compare
    print(run(args, recipe_of(args), deadline))


if __name__ == "__main__":
    cli.run(main)
