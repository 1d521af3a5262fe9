"""What the command lines share: one-line errors with exit code 2, and checked arguments."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from tqdm import tqdm

from examples.datasets.pictures import DatasetError

Number = TypeVar("Number", int, float)


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
