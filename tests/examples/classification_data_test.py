"""CIFAR10, MNIST's format and ImageNet from the published layouts, and what is wrong with them."""

import gzip
import io
import os
import pickle

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from examples.datasets import imagenet, labelled
from examples.datasets.cifar10 import read_cifar10
from examples.datasets.idx import read_idx
from examples.datasets.pictures import DatasetError

NAMES = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]


def planes(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 3072), np.uint8)


@pytest.fixture(params=["python", "binary"])
def cifar(request, tmp_path):
    folder = (
        tmp_path / f"cifar-10-batches-{request.param[:2] if request.param == 'python' else 'bin'}"
    )
    folder.mkdir()
    for number, name in enumerate(NAMES):
        pixels, labels = planes(3, number), [number, 9, 0]
        if request.param == "python":
            # Protocol 2, as the published files.
            content = pickle.dumps({b"data": pixels, b"labels": labels, b"batch_label": b"x"}, 2)
            (folder / name).write_bytes(content)
        else:
            records = np.concatenate([np.array(labels, np.uint8)[:, None], pixels], axis=1)
            (folder / f"{name}.bin").write_bytes(records.tobytes())
    return tmp_path


def test_cifar10(cifar):
    train, test = read_cifar10(cifar, "train"), read_cifar10(cifar, "test")
    assert train.images.shape == (15, 32, 32, 3)
    assert list(train.labels) == [v for i in range(5) for v in (i, 9, 0)]
    assert list(test.labels) == [5, 9, 0]
    # Pixel (row 1, column 2) of the second test image, planes red, green, blue.
    expected = planes(3, 5)[1].reshape(3, 32, 32)[:, 1, 2]
    np.testing.assert_array_equal(test.images[1, 1, 2], expected)


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/zoo_was_here",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps(Evil()), "expected arrays alone"),
        (
            pickle.dumps({b"data": np.zeros((2, 5), np.uint8), b"labels": [0, 1]}),
            "expected data of 2",
        ),
        (pickle.dumps({b"labels": [0]}), "cannot be read as a CIFAR10 batch"),
        (b"not a pickle", "cannot be read as a CIFAR10 batch"),
    ],
)
def test_cifar10_refuses_pickles(content, message, tmp_path):
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        read_cifar10(tmp_path, "test")


def test_cifar10_refuses_other_files(tmp_path):
    with pytest.raises(DatasetError, match="no such file"):
        read_cifar10(tmp_path, "test")
    (tmp_path / "test_batch.bin").write_bytes(bytes(3072))
    with pytest.raises(DatasetError, match="records of 3073 bytes"):
        read_cifar10(tmp_path, "test")
    (tmp_path / "test_batch.bin").write_bytes(bytes([10]) + bytes(3072))
    with pytest.raises(DatasetError, match="labels must be 0"):
        read_cifar10(tmp_path, "test")


def idx(values: np.ndarray) -> bytes:
    return (
        bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes() + values.tobytes()
    )


def test_idx(tmp_path):
    images = np.arange(2 * 28 * 28).astype(np.uint8).reshape(2, 28, 28)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.array([3, 7], np.uint8)))
    data = read_idx(tmp_path, "test")
    np.testing.assert_array_equal(data.images[..., 0], images)
    assert list(data.labels) == [3, 7]
    with pytest.raises(DatasetError, match="train-images-idx3-ubyte: cannot be read"):
        read_idx(tmp_path, "train")
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.array([3], np.uint8)))
    with pytest.raises(DatasetError, match="2 images, but 1 labels"):
        read_idx(tmp_path, "test")
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(images)[:-1])
    with pytest.raises(DatasetError, match="1 dimensions"):
        read_idx(tmp_path, "test")


def numbered(count: int) -> labelled.Labelled:
    """Image i: pixel (r, c) is 16 i + 4 r + c, so that a cut shows where it was made."""
    rows, cols = np.mgrid[:4, :4]
    images = (16 * np.arange(count)[:, None, None] + 4 * rows + cols + 1).astype(np.uint8)
    return labelled.Labelled(images[..., None], np.arange(count, dtype=np.int64), count)


def test_each_pass_has_every_image_once_and_batches_resume():
    data = numbered(6)
    batches = list(labelled.training_batches(data, 4, 3).take(6))
    order = np.concatenate([y for _, y in batches]).reshape(4, 6)
    assert all(sorted(part) == list(range(6)) for part in order)
    assert len({tuple(part) for part in order}) > 1
    later = list(labelled.training_batches(data, 4, 3, first_batch=2).take(4))
    for (x, y), (again_x, again_y) in zip(batches[2:], later, strict=True):
        np.testing.assert_array_equal(x, again_x)
        np.testing.assert_array_equal(y, again_y)


def test_crops_are_shifted_images_and_half_are_mirrored():
    data = numbered(8)
    x, y = next(iter(labelled.training_batches(data, 256, 0, pad=1)))
    pixels = np.asarray((x + 1) * 127.5).round().astype(int)[..., 0]
    mirrored, corners = 0, set()
    for image, label in zip(pixels, np.asarray(y), strict=True):
        padded = np.pad(data.images[label, ..., 0].astype(int), 1)
        places = [
            (row, col, turned)
            for row in range(3)
            for col in range(3)
            for turned in (False, True)
            if np.array_equal(
                image[:, ::-1] if turned else image, padded[row : row + 4, col : col + 4]
            )
        ]
        assert len(places) == 1
        mirrored += places[0][2]
        corners.add(places[0][:2])
    assert len(corners) == 9
    assert 96 < mirrored < 160  # 128 expected, 4 standard deviations of 8
    plain, _ = next(iter(labelled.training_batches(data, 8, 0, pad=0, mirror=False)))
    assert plain.shape == (8, 4, 4, 1)


def picture(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(target, "JPEG", quality=95)
    return target.getvalue()


COLOURS = [(250, 0, 0), (0, 250, 0)]


@pytest.fixture(params=["folders", "records"])
def ilsvrc(request, tmp_path):
    """Two classes by colour, three training and one test picture each, of many sizes."""
    for split, shard, count in (("train", "train", 3), ("val", "validation", 1)):
        pictures = [
            (label, picture(40 + 9 * i, 61 - 11 * i, COLOURS[label]))
            for label in (0, 1)
            for i in range(count)
        ]
        if request.param == "folders":
            for number, (label, content) in enumerate(pictures):
                folder = tmp_path / split / f"n{label:08d}"
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{number}.JPEG").write_bytes(content)
        else:
            with tf.io.TFRecordWriter(str(tmp_path / f"{shard}-00000-of-00001")) as writer:
                for label, content in pictures:
                    writer.write(record(content, label + 1))
    return tmp_path


def record(content: bytes, label: int) -> bytes:
    feature = {
        "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[content])),
        "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def test_imagenet(ilsvrc):
    assert imagenet.count_images(ilsvrc, "train") == (6, 2)
    batches = list(imagenet.training_batches(ilsvrc, 3, 24, seed=1).take(4))
    for x, y in batches:
        assert x.shape == (3, 24, 24, 3)
        brightest = np.asarray(x).mean((1, 2)).argmax(1)
        np.testing.assert_array_equal(brightest, y)
    labels = np.concatenate([y for _, y in batches]).reshape(2, 6)
    assert all(sorted(part) == [0, 0, 0, 1, 1, 1] for part in labels)
    later = list(imagenet.training_batches(ilsvrc, 3, 24, seed=1, first_batch=2).take(2))
    for (x, y), (again_x, again_y) in zip(batches[2:], later, strict=True):
        np.testing.assert_array_equal(x, again_x)
        np.testing.assert_array_equal(y, again_y)
    ((x, y),) = imagenet.evaluation_batches(ilsvrc, 8, 24)
    assert x.shape == (2, 24, 24, 3)
    np.testing.assert_array_equal(np.asarray(x).mean((1, 2)).argmax(1), y)


def test_imagenet_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match="expected train/<class>"):
        imagenet.count_images(tmp_path, "train")
    (tmp_path / "val").mkdir()
    with pytest.raises(DatasetError, match="holds no <class>"):
        imagenet.count_images(tmp_path, "test")
