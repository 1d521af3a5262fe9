"""Files that are written whole or not at all."""

import contextlib
import os
import pathlib
from collections.abc import Iterator


@contextlib.contextmanager
def in_one_step(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields `temporary_name`; what the block writes there becomes `path` when it ends well.

    A kill or a power failure leaves the old file or the new one, whole: the new one is on the disk
    before it gets its name.

    Raises:
        OSError: no room, or no right to write; `path` is as it was, and named.

    Example:
        >>> import tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "notes.txt")
        >>> with in_one_step(path) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> path.read_text()
        'whole'
    """
    temporary = path.with_name(temporary_name(path))
    try:
        yield temporary
        _to_disk(temporary)
        os.replace(temporary, path)
        _to_disk(path.parent)
    except OSError as error:
        if error.errno and error.filename is None:  # of a write to a file that is open
            error.filename = str(path)
        raise
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
