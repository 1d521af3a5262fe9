"""What the command lines share: one-line errors with exit code 2, checked arguments, results."""

import argparse
import json
import os
import pathlib
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from typing import Any

from tqdm import tqdm

from benchmarks.shapes import Shape


class UserError(ValueError):
    """Something the user can put right; the message names the argument or the file."""


def run(main: Callable[[], None]) -> None:
    """Calls `main`; a UserError becomes one line on stderr and exit code 2."""
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


class _Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows defaults and keeps the description's lines."""


def parser(description: str | None, threads: int, rounds: int) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark has."""
    result = argparse.ArgumentParser(
        description=description, formatter_class=_Formatter, allow_abbrev=False
    )
    result.add_argument("--threads", type=positive_int, default=threads, help="of each library")
    result.add_argument("--rounds", type=positive_int, default=rounds, help="interleaved rounds")
    result.add_argument(
        "--budget", type=positive_float, default=15.0,
        help="seconds for one candidate in one comparison; slower ones take part in fewer rounds",
    )  # fmt: skip
    result.add_argument("--seed", type=int, default=0, help="of inputs and of the rounds' order")
    result.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("runs/bench"), metavar="DIR",
        help="folder for JSON and plots; files of the same name are replaced",
    )  # fmt: skip
    return result


def shape(text: str) -> Shape:
    """An argparse type: NxHxWxSxF or the name of a shape."""
    try:
        return Shape.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def positive_int(text: str) -> int:
    """An argparse type: an integer >= 1."""
    if not re.fullmatch(r"0*[1-9][0-9]*", text):
        raise argparse.ArgumentTypeError(f"expected an integer >= 1, received {text!r}")
    return int(text)


def positive_float(text: str) -> float:
    """An argparse type: a number > 0."""
    return _number(text, "a number > 0", lambda value: value > 0)


def displacement(text: str) -> float:
    """An argparse type: a finite number of pixels >= 0."""
    return _number(text, "a number of pixels >= 0", lambda value: value >= 0)


def _number(text: str, expected: str, allowed: Callable[[float], bool]) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not (allowed(value) and value < float("inf")):
        raise argparse.ArgumentTypeError(f"expected {expected}, received {text!r}")
    return value


def progress(items: Iterable, total: int, unit: str, **kwargs: Any) -> tqdm:
    """A progress bar; a line every 5 s at most where stderr is a file."""
    interval = 0.2 if sys.stderr.isatty() else 5.0
    return tqdm(
        items, total=total, unit=unit, mininterval=interval, maxinterval=5.0, leave=False, **kwargs
    )


def command(module: str) -> str:
    """The command as the user typed it, to repeat the run."""
    return shlex.join(["python", "-m", module, *sys.argv[1:]])


def results_folder(path: pathlib.Path) -> pathlib.Path:
    """Makes the folder of `--out`.

    Raises:
        UserError: it is a file, or cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out: {path} cannot be made a folder: {error.strerror}") from error
    return path


def write_json(path: pathlib.Path, value: object) -> None:
    """Writes a JSON file in one step: it is the old one or the new one, never a half."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(value, indent=1) + "\n")
    os.replace(temporary, path)


def print_table(header: list[str], rows: list[list[str]]) -> None:
    """Prints columns, the first aligned left and the others right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, ["-" * width for width in widths], *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join(cells).rstrip())
