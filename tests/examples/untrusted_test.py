"""Files from elsewhere: hostile pictures, models and arrays are refused, with the reason."""

import json
import pathlib
import pickle
import struct
import zipfile
import zlib

import h5py
import imageio_ffmpeg
import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import dau_tf
from dau_tf.analysis.__main__ import main as analyse
from examples.cli import UserError
from examples.datasets import gopro, imagenet, masked, pictures
from examples.datasets.idx import read_idx
from examples.datasets.pascal_voc import read_sbd_mask
from examples.datasets.pictures import DatasetError
from examples.deblurring import video
from examples.models import weight_files
from examples.training.trained import load_model
from tests.examples.conftest import write_pairs
from tests.examples.written import write_voc


def png(width, height, rows=b""):
    """A file whose header claims a size, whatever it holds."""

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


PICTURES = {
    "claims too many pixels": (png(9000, 9000), "9000x9000 is more than the limit of 67108864"),
    "claims a bomb": (png(60_000, 60_000), "is more than the limit of 67108864 pixels"),
    "holds less than it claims": (png(64, 64, bytes(500)), "cannot be read as a picture"),
    "cut off": (png(64, 64, bytes(64 * 193))[:60], "cannot be read as a picture"),
    "no picture": (b"#!/bin/sh\n", "cannot be read as a picture"),
    "empty": (b"", "cannot be read as a picture"),
}


@pytest.fixture(params=PICTURES)
def hostile(request):
    """(content, what is said of it)."""
    return PICTURES[request.param]


def test_pictures(tmp_path, hostile):
    file = tmp_path / "a.png"
    file.write_bytes(hostile[0])
    with pytest.raises(DatasetError, match=rf"a\.png: {hostile[1]}"):
        pictures.read_picture(file)


def test_pictures_of_imagenet(tmp_path, hostile):
    folder = tmp_path / "train" / "n1"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(hostile[0])
    with pytest.raises(tf.errors.OpError, match=rf"DatasetError: \S*a\.png: {hostile[1]}"):
        next(iter(imagenet.training_batches(tmp_path, 1, 16, seed=0)))


def test_records_of_imagenet_are_named_by_their_file(tmp_path):
    good, shard = png(9000, 9000), str(tmp_path / "train-00000-of-00001")

    def feature(kind, value):
        values = getattr(tf.train, f"{kind.title()}List")(value=[value])
        return tf.train.Feature(**{f"{kind}_list": values})

    features = {"image/encoded": feature("bytes", good), "image/class/label": feature("int64", 1)}
    example = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    with tf.io.TFRecordWriter(shard) as writer:
        writer.write(example)
    assert imagenet.count_images(tmp_path, "train") == (1, 1)
    with pytest.raises(tf.errors.OpError, match=r"train-00000-of-00001: 9000x9000 is more than"):
        next(iter(imagenet.training_batches(tmp_path, 1, 16, seed=0)))
    content = pathlib.Path(shard).read_bytes()
    pathlib.Path(shard).write_bytes(content[:-9])
    with pytest.raises(DatasetError, match="train-00000-of-00001: cannot be read as a TFRecord"):
        imagenet.count_images(tmp_path, "train")


def test_a_picture_that_vanishes_after_it_was_listed_is_named(tmp_path):
    write_pairs(tmp_path / "pairs" / "train" / "a", count=1)
    write_voc(tmp_path)
    file = _parent(tmp_path / "net" / "train" / "n1" / "a.png")
    Image.new("RGB", (20, 20)).save(file)
    sbd = tmp_path / "sbd"
    images, masks = (sbd / "img" / "2007_000121.jpg",), (sbd / "cls" / "2007_000121.mat",)
    scenes = masked.Masked(images, masks, read_sbd_mask, ("x",), np.zeros((1, 3), np.uint8))
    pairs = gopro.find_pairs(tmp_path / "pairs", "train")
    for vanishing, pipeline in (
        (pairs[0].sharp, gopro.training_crops(pairs, 1, 16, 0)),
        (masks[0], masked.training_crops(scenes, 1, 16, 0, keep_bytes=0)),
        (file, imagenet.training_batches(tmp_path / "net", 1, 16, 0)),
    ):
        next(iter(pipeline))
        vanishing.unlink()
        with pytest.raises(tf.errors.OpError, match=rf"Error: {vanishing}: cannot be read as a"):
            next(iter(pipeline))


def _parent(file):
    file.parent.mkdir(parents=True)
    return file


def test_frames_of_a_video(tmp_path, monkeypatch):
    film = tmp_path / "film.mp4"
    film.touch()

    def read_frames(*arguments, **options):
        yield {"size": (100_000, 1000)}

    monkeypatch.setattr(imageio_ffmpeg, "read_frames", read_frames)
    with pytest.raises(DatasetError, match=r"film\.mp4: 100000x1000 is more than the limit"):
        next(video.frames(film))


def test_large_files_of_small_data_sets(tmp_path, monkeypatch):
    mask = tmp_path / "a.mat"
    mask.write_bytes(bytes(2**20 + 1))
    with pytest.raises(DatasetError, match=r"a\.mat: .*it is larger than 1048576 bytes"):
        read_sbd_mask(mask)
    monkeypatch.setattr("examples.datasets.idx._MAX_BYTES", 100)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(bytes(101))
    with pytest.raises(DatasetError, match=r"ubyte: holds more than 100 bytes"):
        read_idx(tmp_path, "train")


def model_file(path, layer=None, weights=None):
    """A .keras file with something else in the place of a layer or of the weights."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")])
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    if layer is not None:
        config = json.loads(parts["config.json"])
        config["config"]["layers"][1] = layer
        parts["config.json"] = json.dumps(config).encode()
    if weights is not None:
        parts["model.weights.h5"] = weights.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def keras_layer(kind, module="keras.layers", **config):
    config = {"name": "x", **config}
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


LAYERS = {
    "a SavedModel": (
        keras_layer("TFSMLayer", filepath="/tmp", call_endpoint="serve"),
        "SavedModel",
    ),
    "a class of any module": (keras_layer("Popen", "subprocess", args=["true"]), "Popen"),
    "a file of this machine": (keras_layer("StringLookup", vocabulary="/etc/passwd"), "vocabulary"),
}


@pytest.mark.parametrize("what", LAYERS)
def test_a_model_file_runs_and_reads_nothing(tmp_path, what):
    layer, said = LAYERS[what]
    model_file(tmp_path / "a.keras", layer)
    with pytest.raises(UserError, match=rf"a\.keras: holds no model of train \(.*{said}"):
        load_model(tmp_path / "a.keras")


def test_a_function_in_a_model_file_is_not_run(tmp_path, capsys):
    code = f"lambda x: (__import__('pathlib').Path({str(tmp_path / 'ran')!r}).touch(), x)[1]"
    model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(eval(code), name="x")])
    model.save(tmp_path / "a.keras")
    (tmp_path / "ran").unlink()
    with pytest.raises(UserError, match=r"holds no model of train \(.*`?[Ll]ambda"):
        load_model(tmp_path / "a.keras")
    assert analyse([str(tmp_path / "a.keras"), "--out", str(tmp_path / "page")]) == 2
    assert "lambda" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()
    keras.saving.load_model(tmp_path / "a.keras", safe_mode=False)
    assert (tmp_path / "ran").exists()  # what it would have done


def test_models_of_other_formats_are_refused(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    for name in ("a.h5", "b"):
        file = tmp_path / name
        model.save(file) if name == "a.h5" else model.export(file, verbose=False)
        with pytest.raises(UserError, match=r"expected a \.keras file|no such file"):
            load_model(file)


@pytest.fixture(
    params=["external data", "virtual data", "external link", "absurd shape", "objects"]
)
def hostile_h5(request, tmp_path):
    """Writes what is hostile under a name in an open file; the arrays' size is of 2**50 bytes."""
    other = tmp_path / "secret.h5"
    with h5py.File(other, "w") as file:
        file["x"] = np.ones((1, 3, 4), np.float32)

    def write(group, name):
        if request.param == "external data":
            group.create_dataset(name, (1, 3, 4), "f4", external=[(str(other), 0, 48)])
        elif request.param == "virtual data":
            layout = h5py.VirtualLayout((1, 3, 4), "f4")
            layout[:] = h5py.VirtualSource(str(other), "x", (1, 3, 4))
            group.create_virtual_dataset(name, layout)
        elif request.param == "external link":
            group[name] = h5py.ExternalLink(str(other), "x")
        elif request.param == "absurd shape":
            group.create_dataset(name, (2**24, 2**24), "f4", chunks=(64, 64))
        else:
            group.create_dataset(name, (1, 3, 4), h5py.string_dtype())

    return write


def test_arrays_of_units_in_hdf5(tmp_path, hostile_h5):
    path = tmp_path / "units.h5"
    with h5py.File(path, "w") as file:
        file["a/displacement"], file["a/sigma"] = np.zeros((2, 1, 3, 4)), 0.5
        hostile_h5(file["a"], "weight")
    with pytest.raises(ValueError, match=r"units\.h5 must (be a \.h5 file of arrays|hold weight)"):
        dau_tf.export.read_units(path)


@pytest.mark.parametrize("published", [False, True])
def test_files_of_weights(tmp_path, hostile_h5, published):
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        if published:
            file.attrs["layer_names"] = ["dense"]
            group = file.create_group("dense")
            group.attrs["weight_names"] = ["dense/0"]
            hostile_h5(group.create_group("dense"), "0")
        else:
            group = file.create_group("layers/dense/vars")
            group.attrs["name"] = "dense"
            hostile_h5(group, "0")
    with pytest.raises(ValueError, match=r"no file of weights.*(numbers of the file's|limit is)"):
        weight_files.read(path)
    whole = tmp_path / "a.keras"
    model_file(whole, weights=path)
    with pytest.raises(UserError, match="holds no model of train"):
        load_model(whole)


class Evil:
    def __reduce__(self):
        return (pathlib.Path.touch, (pathlib.Path("/tmp/dau_tf_was_here"),))


def npz(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"a/{name}.npy", content)


def npy(shape, content=b""):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content


@pytest.mark.parametrize(
    ("weight", "limit", "message"),
    [
        (pickle.dumps(Evil()), None, "a/weight must hold numbers"),
        (npy((1, 2)).replace(b"'<f4'", b"'|O' "), None, "allow_pickle=False"),
        (npy((2**25, 2**25)), None, ""),
        (npy((2**62, 8)), None, ""),
        (npy((1000,), bytes(4000)), 3000, "bytes; the limit is 3000"),
    ],
)
def test_arrays_of_units_in_npz(tmp_path, monkeypatch, weight, limit, message):
    path = tmp_path / "units.npz"
    if limit:
        monkeypatch.setattr("dau_tf.export.units_file.MAX_BYTES", limit)
    npz(path, weight=weight, displacement=npy((2, 1, 3, 4), bytes(96)), sigma=npy((), bytes(4)))
    with pytest.raises(
        ValueError, match=rf"units\.npz must be a \.npz file of arrays: .*{message}"
    ):
        dau_tf.export.read_units(path)
    assert not pathlib.Path("/tmp/dau_tf_was_here").exists()
