"""MNIST's format, which Fashion-MNIST shares: {train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz].

A file: two zero bytes, 8 (unsigned bytes), the number of dimensions; each dimension as four bytes,
highest first; the values.
"""

import gzip
import math
import pathlib
import struct
import zlib

import numpy as np

from examples.datasets.labelled import Labelled
from examples.datasets.pictures import DatasetError

# MNIST's 60,000 images are 47 MB.
_MAX_BYTES = 2**28
_PREFIX = {"train": "train", "test": "t10k"}


def read_idx(folder: str | pathlib.Path, split: str) -> Labelled:
    """Reads a split of MNIST or Fashion-MNIST, [n, 28, 28, 1].

    Args:
        folder: holds the files, compressed or not.
        split: "train" or "test".

    Raises:
        DatasetError: a file is missing, or not what its name says; the message names it.
    """
    prefix = pathlib.Path(folder) / _PREFIX[split]
    images = _read(prefix.with_name(f"{prefix.name}-images-idx3-ubyte"), 3)
    labels = _read(prefix.with_name(f"{prefix.name}-labels-idx1-ubyte"), 1)
    if len(images) != len(labels):
        raise DatasetError(f"{folder}: {len(images)} images, but {len(labels)} labels")
    return Labelled(images[..., np.newaxis], labels.astype(np.int64), 10)


def _read(path: pathlib.Path, dimensions: int) -> np.ndarray:
    packed = path.with_name(f"{path.name}.gz")
    try:
        with gzip.open(packed) if packed.is_file() else path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path}: cannot be read, nor {packed.name} ({error})") from error
    if len(content) > _MAX_BYTES:
        raise DatasetError(f"{path}: holds more than {_MAX_BYTES} bytes")
    head = 4 + 4 * dimensions
    shape = struct.unpack(f">{dimensions}I", content[4:head].ljust(head - 4, b"\0"))
    if content[:4] != bytes([0, 0, 8, dimensions]) or len(content) != head + math.prod(shape):
        raise DatasetError(f"{path}: expected unsigned bytes in {dimensions} dimensions (idx)")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)
