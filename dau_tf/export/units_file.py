"""Files of the units of a model, for other programs: .npz, or HDF5 of the same names.

<layer>/weight           (K, S / groups, F)
<layer>/displacement     (2, K, S / groups, F)   pixels; [0] down, [1] right
<layer>/sigma            () or (K, S / groups, F)   pixels
<layer>/bias             (F,)   where the layer has one
<layer>/units_per_pair   (S / groups, F)   of ragged layers
"""

import dataclasses
import io
import os
import pathlib
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import h5py
import keras
import numpy as np

from dau_tf import files
from dau_tf.export.units import Units
from dau_tf.layers import DAUConv2D

SUFFIXES = (".npz", ".h5")
MAX_BYTES = 2**31
"""Of a file's arrays, decompressed; a few bytes of a file can claim any size. 5e8 weights."""

# What a broken file makes NumPy, zipfile and h5py raise; RuntimeError: encrypted, or unknown ways.
_BROKEN = (
    OSError, ValueError, KeyError, TypeError, RuntimeError, EOFError, MemoryError, zlib.error,
    zipfile.BadZipFile,
)  # fmt: skip


def save_units(model: keras.Model, path: str | os.PathLike) -> None:
    """Writes the units of every DAU layer of a model, nested ones included (docs/export.md).

    Args:
        model: Built.
        path: Ends in .npz or .h5; a file that is there is replaced.

    Raises:
        ValueError: `path` has another ending; the model has no DAU layer, two of the same name, one
            that is not built, or one with values that are not finite.
        OSError: There is no room, or no right to write; the file is as it was.

    Example:
        >>> import pathlib, tempfile
        >>> import dau_tf
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), dau_tf.DAUConv2D(4, name="dau")])
        >>> path = pathlib.Path(tempfile.mkdtemp(), "units.npz")
        >>> dau_tf.export.save_units(model, path)
        >>> sorted(np.load(path))
        ['dau/bias', 'dau/displacement', 'dau/sigma', 'dau/weight']
    """
    write = {".npz": _write_npz, ".h5": _write_h5}[_suffix(path)]
    arrays = {}
    for name, layer in _layers(model).items():
        for field, values in vars(Units.of(layer)).items():
            if values is not None:
                arrays[f"{name}/{field}"] = values
    with files.in_one_step(pathlib.Path(path)) as temporary:
        write(temporary, arrays)


def read_units(path: str | os.PathLike) -> dict[str, Units]:
    """Reads what `save_units` wrote, or another program by the same layout.

    Args:
        path: Ends in .npz or .h5.

    Returns:
        The units of each layer by its name.

    Raises:
        ValueError: `path` has another ending, or the file another layout, holds something else than
            numbers (pickled objects, parts of other files), or more than 2 GiB of them.
        FileNotFoundError: There is no such file.

    Example:
        >>> import pathlib, tempfile
        >>> import dau_tf
        >>> path = pathlib.Path(tempfile.mkdtemp(), "units.npz")
        >>> arrays = {"weight": np.ones((1, 3, 4)), "displacement": np.zeros((2, 1, 3, 4))}
        >>> np.savez(path, **{f"a/{k}": v for k, v in arrays.items()}, **{"a/sigma": 0.5})
        >>> dau_tf.export.read_units(path)["a"].weight.shape
        (1, 3, 4)
    """
    read = {".npz": _read_npz, ".h5": _read_h5}[_suffix(path)]
    try:
        arrays = read(pathlib.Path(path))
    except FileNotFoundError:
        raise
    except _BROKEN as error:
        raise ValueError(f"{path} must be a {_suffix(path)} file of arrays: {error}") from error
    layers: dict[str, dict[str, np.ndarray]] = {}
    for key, values in arrays.items():
        name, _, field = key.rpartition("/")
        layers.setdefault(name, {})[field] = values
    return {name: _units(name, fields, path) for name, fields in layers.items()}


def load_units(model: keras.Model, path: str | os.PathLike) -> None:
    """Sets the units of every DAU layer of a model from a file.

    Args:
        model: Built; layers are found by their names.
        path: Of `save_units`.

    Raises:
        ValueError: The file cannot be read, its layers are not the model's, or a layer cannot take
            the values (`Units.assign_to`).
        FileNotFoundError: There is no such file.

    Example:
        >>> import pathlib, tempfile
        >>> import dau_tf
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), dau_tf.DAUConv2D(4, name="dau")])
        >>> path = pathlib.Path(tempfile.mkdtemp(), "units.h5")
        >>> dau_tf.export.save_units(model, path)
        >>> dau_tf.export.load_units(model, path)
    """
    found, units = _layers(model), read_units(path)
    if set(found) != set(units):
        raise ValueError(
            f"{path} must hold the DAU layers of the model, {sorted(found)}. Received: "
            f"{sorted(units)}"
        )
    for name, layer in found.items():
        units[name].assign_to(layer)


def _layers(model: keras.Model) -> dict[str, DAUConv2D]:
    every = {id(part): part for part in model._flatten_layers() if isinstance(part, DAUConv2D)}
    names = [layer.name for layer in every.values()]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"`model` must hold DAU layers, each of a name of its own. Received: {sorted(names)}"
        )
    return dict(zip(names, every.values(), strict=True))


def _units(name: str, fields: Mapping[str, np.ndarray], path: str | os.PathLike) -> Units:
    known = {field.name for field in dataclasses.fields(Units)}
    needed = {"weight", "displacement", "sigma"}
    if not needed <= set(fields) <= known:
        raise ValueError(
            f"{path} must hold weight, displacement and sigma of a layer, and may hold bias and "
            f"units_per_pair. Received: {sorted(fields)} for the layer {name!r}"
        )
    try:
        return Units(**fields)
    except ValueError as error:
        raise ValueError(f"The layer {name!r} of {path}: {error}") from error


def _suffix(path: str | os.PathLike) -> str:
    suffix = pathlib.Path(path).suffix
    if suffix not in SUFFIXES:
        raise ValueError(f"`path` must end in .npz or .h5. Received: path={str(path)!r}")
    return suffix


def _write_npz(path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    np.savez(path, allow_pickle=False, **arrays)


def _write_h5(path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    # In memory: on a full disk HDF5 fails again each time that something of the file is freed.
    whole = io.BytesIO()
    with h5py.File(whole, "w") as file:
        for key, values in arrays.items():
            file[key] = values
    path.write_bytes(whole.getbuffer())


def _read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        _check_size(sum(member.file_size for member in archive.infolist()))
    # The header of an array may claim more than there is; NumPy then finds the end of the file.
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    for key, values in arrays.items():
        # NumPy returns the bytes of a member that is no array.
        if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiub":
            raise ValueError(f"{key} must hold numbers. Received: {type(values).__name__}")
    return arrays


def _read_h5(path: pathlib.Path) -> dict[str, np.ndarray]:
    found: dict[str, h5py.Dataset] = {}

    def keep(key: str, thing: Any) -> None:
        if isinstance(thing, h5py.Dataset):
            found[key] = thing

    # `visititems` does not follow links to other files.
    with h5py.File(path) as file:
        file.visititems(keep)
        for key, dataset in found.items():
            if dataset.external or dataset.is_virtual or dataset.dtype.kind not in "fiub":
                raise ValueError(f"{key} must hold numbers of its own. Received: {dataset!r}")
        _check_size(sum(dataset.nbytes for dataset in found.values()))
        return {key: np.asarray(dataset) for key, dataset in found.items()}


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise ValueError(f"its arrays are of {size} bytes; the limit is {MAX_BYTES}")
