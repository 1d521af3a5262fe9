"""Reading pictures from disk, with errors that name the file."""

import pathlib

import numpy as np
from PIL import Image, UnidentifiedImageError

_UNREADABLE = (OSError, SyntaxError, UnidentifiedImageError)


class DatasetError(ValueError):
    """The data set on disk is not what it should be; the message names the file."""


def read_picture(path: str | pathlib.Path) -> np.ndarray:
    """Reads a picture as [H, W, 3] uint8 RGB.

    Raises:
        DatasetError: the file is missing, truncated or no picture; the message names it.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def read_labels(path: str | pathlib.Path) -> np.ndarray:
    """Reads a picture of one number a pixel, grey or with a palette, as [H, W] uint8.

    Raises:
        DatasetError: as `read_picture`, or the picture has colours or more than 8 bits.
    """
    try:
        with Image.open(path) as image:
            if image.mode not in ("L", "P", "1"):
                raise DatasetError(
                    f"{path}: labels must be 8 bits a pixel, grey or with a palette; "
                    f"the picture has mode {image.mode!r}"
                )
            return np.asarray(image).astype(np.uint8)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def picture_size(path: str | pathlib.Path) -> tuple[int, int]:
    """Width and height in pixels, from the header alone.

    Raises:
        DatasetError: as `read_picture`.
    """
    try:
        with Image.open(path) as image:
            return image.size
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str | pathlib.Path, error: BaseException) -> DatasetError:
    return DatasetError(f"{path}: cannot be read as a picture ({error})")
