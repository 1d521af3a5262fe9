"""CIFAR10 as it is published, for Python (pickles) or binary, from a folder on disk.

python:  data_batch_1 ... data_batch_5, test_batch: {b"data": [n, 3072] uint8, b"labels": n ints}
binary:  data_batch_1.bin ... test_batch.bin: n times 1 byte label, 3072 bytes of pixels

Pixels are planes, red, green, blue. A pickle can run any program when it is read; here it may make
arrays and nothing else.
"""

import pathlib
import pickle
from typing import Any, ClassVar

import numpy as np

from examples.datasets.labelled import Labelled
from examples.datasets.pictures import DatasetError

CLASSES = 10
_FILES = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}
_PIXELS = 3 * 32 * 32
# A batch is of 31 MB.
_MAX_BYTES = 2**26


def read_cifar10(folder: str | pathlib.Path, split: str) -> Labelled:
    """Reads a split, [n, 32, 32, 3].

    Args:
        folder: holds the files, or one of the archives' folders `cifar-10-batches-py` and
            `cifar-10-batches-bin`.
        split: "train" or "test".

    Raises:
        DatasetError: a file is missing, or not what its name says; the message names it.
    """
    folder = _folder(pathlib.Path(folder))
    pixels, labels = [], []
    for name in _FILES[split]:
        python, binary = folder / name, folder / f"{name}.bin"
        if python.is_file():
            x, y = _read_python(python)
        elif binary.is_file():
            x, y = _read_binary(binary)
        else:
            raise DatasetError(f"{python}: no such file, nor {binary.name}")
        pixels.append(x)
        labels.append(y)
    images = np.concatenate(pixels).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return Labelled(np.ascontiguousarray(images), np.concatenate(labels), CLASSES)


class _ArraysOnly(pickle.Unpickler):
    """Knows the functions by which NumPy's arrays are pickled, and no other."""

    _ALLOWED: ClassVar = {
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
    }

    def find_class(self, module: str, name: str) -> Any:
        """Refuses whatever else a pickle asks for."""
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}; expected arrays alone")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _folder(folder: pathlib.Path) -> pathlib.Path:
    for name in ("cifar-10-batches-py", "cifar-10-batches-bin"):
        if (folder / name).is_dir():
            return folder / name
    return folder


def _read_python(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"it is larger than {_MAX_BYTES} bytes")
        with path.open("rb") as file:
            content = _ArraysOnly(file, encoding="bytes").load()
        pixels = np.asarray(content[b"data"])
        labels = np.asarray(content[b"labels"], np.int64)
    # What a broken pickle raises is not documented: AttributeError, IndexError, MemoryError, ...
    except Exception as error:
        raise DatasetError(f"{path}: cannot be read as a CIFAR10 batch ({error})") from error
    if pixels.dtype != np.uint8 or pixels.shape != (len(labels), _PIXELS):
        raise DatasetError(
            f"{path}: expected data of {len(labels)} x {_PIXELS} uint8, "
            f"found {pixels.shape} {pixels.dtype}"
        )
    return pixels, _checked(path, labels)


def _read_binary(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    content = np.fromfile(path, np.uint8)
    if content.size == 0 or content.size % (_PIXELS + 1):
        raise DatasetError(
            f"{path}: expected records of {_PIXELS + 1} bytes, found {content.size} bytes"
        )
    records = content.reshape(-1, _PIXELS + 1)
    return records[:, 1:], _checked(path, records[:, 0].astype(np.int64))


def _checked(path: pathlib.Path, labels: np.ndarray) -> np.ndarray:
    if labels.size and (labels.min() < 0 or labels.max() >= CLASSES):
        raise DatasetError(f"{path}: labels must be 0 ... 9, found {labels.min()}, {labels.max()}")
    return labels
