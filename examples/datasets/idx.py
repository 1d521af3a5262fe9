"""MNIST's format, which Fashion-MNIST shares: {train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz].

A file: two zero bytes, 8 (unsigned bytes), the number of dimensions; each dimension as four bytes,
highest first; the values.
"""

import gzip
import pathlib

import numpy as np

from examples.datasets.labelled import Labelled
from examples.datasets.pictures import DatasetError

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
        content = gzip.decompress(packed.read_bytes()) if packed.is_file() else path.read_bytes()
    except (OSError, EOFError) as error:
        raise DatasetError(f"{path}: cannot be read, nor {packed.name} ({error})") from error
    head = 4 + 4 * dimensions
    shape = np.frombuffer(content[4:head], ">u4").astype(int)
    if content[:4] != bytes([0, 0, 8, dimensions]) or len(content) != head + np.prod(shape):
        raise DatasetError(f"{path}: expected unsigned bytes in {dimensions} dimensions (idx)")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)
