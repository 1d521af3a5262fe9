"""Comparisons of several trainings, in as many calls as the time allows.

Every training has a folder of its own in --out, `<row>-<seed>`, and in it score.json once it is
complete; calling again goes on with what is missing.
"""

import dataclasses
import json
import pathlib
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from examples import cli
from examples.cli import Settings

Recipe = TypeVar("Recipe")
Scores = Mapping[str, list[dict]]

FILE = "score.json"
"""In a training's folder, once it is complete."""
STEPS_FILE = "step_seconds.json"
"""In --out: how long a training step of each row takes; removed, it is measured again."""


def folder_of(out: pathlib.Path, row: str, seed: int) -> pathlib.Path:
    """Where the training of a row with a seed is."""
    return out / f"{row.replace(' ', '-')}-{seed}"


def with_seeds(rows: Mapping[str, Settings]) -> dict[str, Callable[[int], Settings]]:
    """Recipes, dataclasses with a field `seed`, as `run` wants them."""

    def seeded(row: Settings) -> Callable[[int], Settings]:
        return lambda seed: dataclasses.replace(row, **{"seed": seed})

    return {name: seeded(row) for name, row in rows.items()}


def run(
    out: pathlib.Path,
    rows: Mapping[str, Callable[[int], Recipe | None]],
    seeds: range,
    deadline: float,
    train_and_score: Callable[[Recipe, pathlib.Path, float], dict | None],
) -> Scores:
    """Runs what is missing while there is time.

    A seed of every row before the next seed: a table that is cut short compares what is there.

    Args:
        out: folder of the study.
        rows: name -> the recipe for a seed, asked for when it is its turn, after the rows above it;
            None where it cannot be made yet.
        seeds: trainings a row.
        deadline: of time.monotonic().
        train_and_score: (recipe, folder, seconds left) -> the scores, None where time ran out.

    Returns:
        Name -> the scores of its complete trainings, one a seed.
    """
    for seed in seeds:
        for name, recipe_for in rows.items():
            folder = folder_of(out, name, seed)
            left = deadline - time.monotonic()
            if (folder / FILE).exists() or left <= 0:
                continue
            recipe = recipe_for(seed)
            scores = None if recipe is None else train_and_score(recipe, folder, left)
            if scores is not None:
                cli.write_json(folder / FILE, scores)
    return {name: _scores(out, name, seeds) for name in rows}


def _scores(out: pathlib.Path, row: str, seeds: range) -> list[dict]:
    files = [folder_of(out, row, seed) / FILE for seed in seeds]
    return [json.loads(file.read_text()) for file in files if file.exists()]


def step_seconds(
    out: pathlib.Path, deadline: float, measure: Callable[[], dict[str, float]]
) -> dict[str, float]:
    """The seconds of a step of each row, measured once; nothing where no time is left for it.

    Args:
        out: folder of the study.
        deadline: of time.monotonic().
        measure: measures the rows in turn.
    """
    if not (out / STEPS_FILE).exists():
        if time.monotonic() >= deadline:
            return {}
        cli.make_folder(out, "--out")
        cli.write_json(out / STEPS_FILE, measure())
    return json.loads((out / STEPS_FILE).read_text())


def table(
    scores: Scores,
    columns: Mapping[str, tuple[str, str]],
    of_rows: Mapping[str, tuple[Mapping[str, float], str]] | None = None,
) -> str:
    """Means over the seeds, and the largest less the smallest of the first column.

    Args:
        scores: of `run`.
        columns: heading -> (key in the scores, format), such as ("miou", ".2f").
        of_rows: heading -> (name of the row -> value, format), for what no seed decides.
    """
    of_rows = of_rows or {}
    wide = max(len(name) for name in scores)
    first = next(iter(columns))
    heads = [*columns]
    heads[1:1] = ["spread"]
    heads += of_rows
    lines = ["  ".join([" " * wide, *heads, "seeds"])]
    for name, runs in scores.items():
        cells = []
        for heading, (key, form) in columns.items():
            values = [run[key] for run in runs]
            cells.append(f"{np.mean(values):{form}}" if runs else "–")
            if heading == first:
                cells.append(f"{np.ptp(values):{form}}" if runs else "–")
        cells += [f"{of[name]:{form}}" if name in of else "–" for of, form in of_rows.values()]
        padded = [cell.rjust(len(head)) for cell, head in zip(cells, heads, strict=True)]
        lines.append("  ".join([f"{name:{wide}}", *padded, f"{len(runs):5}"]))
    return "\n".join(lines)
