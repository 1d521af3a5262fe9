"""Reading pictures from disk, with errors that name the file, and a limit on their size."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import IO

import numpy as np
from PIL import Image

MAX_PIXELS = 2**26
"""Of one picture or frame, 8192 x 8192; a few bytes of a file can claim any number. Below Pillow's
own limit, which only warns."""


class DatasetError(ValueError):
    """The data set on disk is not what it should be; the message names the file."""


def read_picture(path: str | pathlib.Path) -> np.ndarray:
    """Reads a picture as [H, W, 3] uint8 RGB.

    Raises:
        DatasetError: the file is missing, truncated, no picture, or of more than `MAX_PIXELS`
            pixels; the message names it.
    """
    with _opened(path, path) as image:
        return np.asarray(image.convert("RGB"))


def read_labels(path: str | pathlib.Path) -> np.ndarray:
    """Reads a picture of one number a pixel, grey or with a palette, as [H, W] uint8.

    Raises:
        DatasetError: as `read_picture`, or the picture has colours or more than 8 bits.
    """
    with _opened(path, path) as image:
        if image.mode not in ("L", "P", "1"):
            raise DatasetError(
                f"{path}: labels must be 8 bits a pixel, grey or with a palette; "
                f"the picture has mode {image.mode!r}"
            )
        return np.asarray(image).astype(np.uint8)


def picture_size(file: str | pathlib.Path | IO[bytes], name: object = None) -> tuple[int, int]:
    """Width and height in pixels, from the header alone.

    Args:
        file: a path, or the bytes of a file.
        name: for messages; None: the path.

    Raises:
        DatasetError: as `read_picture`.
    """
    with _opened(file, name or file) as image:
        return image.size


def check_size(name: object, width: int, height: int) -> None:
    """Refuses a picture of more than `MAX_PIXELS` before it is decoded.

    Raises:
        DatasetError: names it, its size and the limit.
    """
    if width * height > MAX_PIXELS:
        raise DatasetError(
            f"{name}: {width}x{height} is more than the limit of {MAX_PIXELS} pixels"
        )


@contextlib.contextmanager
def _opened(file: str | pathlib.Path | IO[bytes], name: object) -> Iterator[Image.Image]:
    """Only the header is read until the block asks for pixels."""
    try:
        with Image.open(file) as image:
            check_size(name, *image.size)
            yield image
    except DatasetError:
        raise
    except Image.DecompressionBombError as error:
        raise DatasetError(f"{name}: is more than the limit of {MAX_PIXELS} pixels") from error
    # What a broken file makes Pillow raise is not documented: SyntaxError, struct.error, ...
    except Exception as error:
        raise DatasetError(f"{name}: cannot be read as a picture ({error})") from error
