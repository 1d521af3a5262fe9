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


@contextlib.contextmanager
def in_one_step(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields `temporary_name`; what the block writes there becomes `path` when it ends well.

    A kill or a power failure leaves the old file or the new one, whole: the new one is on the disk
    before it gets its name.

    Raises:
        UserError: no room, or no right to write; names `path`, which is as it was.
    """
    temporary = path.with_name(temporary_name(path))
    try:
        yield temporary
        _to_disk(temporary)
        os.replace(temporary, path)
        _to_disk(path.parent)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror or error}); what was there stays"
        ) from error
    finally:
        # Also where all went well: of two names of one file, `replace` leaves both.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def temporary_name(path: pathlib.Path) -> str:
    """Under which `in_one_step` writes; ends as `path` does. A kill may leave such a file."""
    return f".tmp-{path.name}"


def _to_disk(path: pathlib.Path) -> None:
    """Waits until the file, or the names in the folder, are where a power failure leaves them."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: pathlib.Path, value: object) -> None:
    """Writes a JSON file, `in_one_step`."""
    with in_one_step(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n")
