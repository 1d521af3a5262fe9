"""What the command lines share: one-line errors with exit code 2, and checked arguments."""

import argparse
import contextlib
import dataclasses
import errno
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

from dau_tf import files
from examples.datasets.pictures import DatasetError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Number = TypeVar("Number", int, float)
Settings = TypeVar("Settings", bound="DataclassInstance")


class UserError(ValueError):
    """Something the user can put right; the message names the argument or the file."""


def run(main: Callable[[], None]) -> None:
    """Calls `main`; a UserError or DatasetError becomes one line on stderr and exit code 2.

    So does a disk that is full, wherever that shows.
    """
    try:
        main()
    except (UserError, DatasetError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = error.filename or tempfile.gettempdir()
        print(f"error: {where}: {error.strerror}", file=sys.stderr)
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
        UserError: `path` exists and is not an empty folder, for nothing is ever overwritten; or
            there is no room, or no right to write.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UserError(f"{argument}: {path} exists already; remove it or choose another")
    with _naming(f"{argument}: {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        temporary.chmod(0o755)
    try:
        with _naming(f"{argument}: {path}", within=temporary):
            yield temporary
            if path.exists():
                path.rmdir()
            os.replace(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def make_folder(path: pathlib.Path, argument: str) -> None:
    """Makes the folder `path`, where it does not exist.

    Raises:
        UserError: it is a file, or cannot be made.
    """
    with _naming(f"{argument}: {path}"):
        path.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def _naming(name: str, rest: str = "", within: pathlib.Path | None = None) -> Iterator[None]:
    """What the system answers to a write becomes a UserError that names what was written.

    `within`: answers that name another place are not to writes.
    """
    try:
        yield
    except OSError as error:
        if within and error.filename and not str(error.filename).startswith(str(within)):
            raise
        raise UserError(f"{name}: cannot be written ({error.strerror or error}){rest}") from error


def progress(items: Iterable | None, total: int, unit: str, **kwargs: Any) -> tqdm:
    """A progress bar; a line every 5 s at most where stderr is a file."""
    interval = 0.2 if sys.stderr.isatty() else 5.0
    return tqdm(items, total=total, unit=unit, mininterval=interval, maxinterval=5.0, **kwargs)


@contextlib.contextmanager
def in_one_step(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A file that is written whole or not at all, as `dau_tf`'s own.

    Raises:
        UserError: no room, or no right to write; names `path`, which is as it was.
    """
    with _naming(str(path), "; what was there stays"), files.in_one_step(path) as temporary:
        yield temporary


def write_json(path: pathlib.Path, value: object) -> None:
    """Writes a JSON file, `in_one_step`."""
    with in_one_step(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n")
