"""Weights by the names of layers, from any file Keras writes, without building its model."""

import dataclasses
import io
import json
import pathlib
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np

SUFFIXES = (".keras", ".h5")
MAX_BYTES = 2**32
"""Of a file's weights, decompressed; a few bytes of a file can claim any size. 1e9 weights."""

# What a broken file makes h5py, zipfile and json raise; RuntimeError: encrypted, or unknown ways.
_BROKEN = (
    OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, EOFError, MemoryError,
    zlib.error, zipfile.BadZipFile,
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class WeightFile:
    """What a file holds.

    Args:
        path: of the file.
        weights: layer -> its variables, in the layer's own order; layers without any are left out.
        limits: DAU layer -> its max_displacement, px; empty where the file does not tell.
    """

    path: pathlib.Path
    weights: Mapping[str, list[np.ndarray]]
    limits: Mapping[str, float | None]


def read(path: pathlib.Path) -> WeightFile:
    """Reads a `.keras` file, a `.weights.h5`, or an `.h5` as keras.applications are published in.

    Nothing of the file is executed, no other file that it names is read, and classes it names need
    not be there.

    Args:
        path: ends in .keras or .h5.

    Raises:
        ValueError: it has another ending, is no such file, names two layers alike, or claims more
            than `MAX_BYTES`.
        FileNotFoundError: there is none.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(f"`path` must end in one of {list(SUFFIXES)}. Received: {path}")
    if not path.is_file():
        raise FileNotFoundError(f"`path` must be a file. Received: {path}, which is not there")
    limits: Mapping[str, float | None] = {}
    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                _check_size(sum(member.file_size for member in archive.infolist()))
                limits = dict(_limits(json.loads(archive.read("config.json"))))
                inside = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(inside if path.suffix == ".keras" else path) as file:
            weights = _by_name(_arrays(list(_layers(file)), file), path)
    except _BROKEN as error:
        raise ValueError(f"{path} is no file of weights that Keras wrote: {error}") from error
    return WeightFile(path, weights, limits)


def _limits(config: Any) -> Iterator[tuple[str, float | None]]:
    """Every layer, nested ones too, that has a limit."""
    if isinstance(config, dict):
        if "max_displacement" in config:
            yield config["name"], config["max_displacement"]
        config = list(config.values())
    for part in config if isinstance(config, list) else ():
        yield from _limits(part)


def _layers(file: h5py.File) -> Iterator[tuple[str, list[h5py.Dataset]]]:
    published = file.get("model_weights", file)
    if "layer_names" in published.attrs:
        yield from _published_layers(published)
        return
    groups: list[h5py.Group] = []

    def add(path: str, item: Any) -> None:
        # layers/backbone/layers/conv2d/vars; optimizers and random states have other paths.
        if re.search(r"(^|/)layers/[^/]+/vars$", path) and "name" in item.attrs:
            groups.append(item)

    file.visititems(add)
    for group in groups:
        numbers = sorted(group, key=int)
        yield str(group.attrs["name"]), [group[number] for number in numbers]


def _published_layers(file: h5py.Group) -> Iterator[tuple[str, list[h5py.Dataset]]]:
    for name in map(_text, file.attrs["layer_names"]):
        layers: dict[str, list[h5py.Dataset]] = {}
        for path in map(_text, file[name].attrs["weight_names"]):
            # layer/kernel:0, and within a model that is a layer model/layer/kernel:0.
            parts = path.split("/")
            owner = parts[-2] if len(parts) > 1 else name
            layers.setdefault(owner, []).append(file[name][path])
        yield from layers.items()


def _arrays(
    layers: list[tuple[str, list[h5py.Dataset]]], file: h5py.File
) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Reads them, if they are numbers, all in this file, and not too many."""
    datasets = [data for _, variables in layers for data in variables]
    for data in datasets:
        mine = isinstance(data, h5py.Dataset) and data.file.filename == file.filename
        # V: bfloat16.
        if not mine or data.external or data.is_virtual or data.dtype.kind not in "fiubV":
            raise ValueError(f"weights must be numbers of the file's own, received {data!r}")
    _check_size(sum(data.nbytes for data in datasets))
    for name, variables in layers:
        yield name, [np.asarray(data) for data in variables]


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise ValueError(f"it claims {size} bytes; the limit is {MAX_BYTES}")


def _by_name(
    layers: Iterator[tuple[str, list[np.ndarray]]], path: pathlib.Path
) -> dict[str, list[np.ndarray]]:
    weights: dict[str, list[np.ndarray]] = {}
    for name, variables in layers:
        if not variables:
            continue
        if name in weights:
            raise ValueError(f"{path} must name each layer once. Received: {name!r} twice")
        weights[name] = variables
    return weights


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
