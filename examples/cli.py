"""What the command lines share: one-line errors with exit code 2, and checked arguments."""

import argparse
import contextlib
import dataclasses
import json
import math
import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import tqdm

from examples.datasets.pictures import DatasetError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Number = TypeVar("Number", int, float)
Settings = TypeVar("Settings", bound="DataclassInstance")


class UserError(ValueError):
    """Something the user can put right; the message names the argument or the file."""


def run(main: Callable[[], None]) -> None:
    """Calls `main`; a UserError or DatasetError becomes one line on stderr and exit code 2."""
    try:
        main()
    except (UserError, DatasetError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def parser(description: str) -> argparse.ArgumentParser:
    """A parser that shows defaults and keeps the description's lines."""
    return argparse.ArgumentParser(
        description=description, formatter_class=_Formatter, allow_abbrev=False
    )


class _Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Both."""


def positive_int(text: str) -> int:
    """An argparse type: an integer >= 1."""
    value = _number(int, text, "an integer >= 1")
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected an integer >= 1, received {text!r}")
    return value


def positive_float(text: str) -> float:
    """An argparse type: a number > 0."""
    value = _number(float, text, "a number > 0")
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number > 0, received {text!r}")
    return value


def fraction(text: str) -> float:
    """An argparse type: a number in 0..1."""
    value = _number(float, text, "a number in 0..1")
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number in 0..1, received {text!r}")
    return value


def _number(kind: Callable[[str], Number], text: str, expected: str) -> Number:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected {expected}, received {text!r}") from None


def departed(base: Settings, args: argparse.Namespace) -> Settings:
    """`base`, a dataclass, with the fields for which an argument was given."""
    given = {field.name: getattr(args, field.name, None) for field in dataclasses.fields(base)}
    return dataclasses.replace(base, **{k: v for k, v in given.items() if v is not None})


def seconds_of(args: argparse.Namespace) -> float:
    """--minutes in seconds; without it, infinity."""
    return math.inf if args.minutes is None else 60 * args.minutes


@contextlib.contextmanager
def new_folder(path: pathlib.Path, argument: str) -> Iterator[pathlib.Path]:
    """Yields a temporary folder that becomes `path` when the block ends well, else vanishes.

    Raises:
        UserError: `path` exists and is not an empty folder; nothing is ever overwritten.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UserError(f"{argument}: {path} exists already; remove it or choose another")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    temporary.chmod(0o755)
    try:
        yield temporary
        if path.exists():
            path.rmdir()
        os.replace(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def progress(items: Iterable | None, total: int, unit: str, **kwargs: Any) -> tqdm:
    """A progress bar; a line every 5 s at most where stderr is a file."""
    interval = 0.2 if sys.stderr.isatty() else 5.0
    return tqdm(items, total=total, unit=unit, mininterval=interval, maxinterval=5.0, **kwargs)


def write_json(path: pathlib.Path, value: object) -> None:
    """Writes a JSON file in one step: it is the old one or the new one, never a half."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(value, indent=2) + "\n")
    os.replace(temporary, path)
