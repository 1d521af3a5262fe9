"""ImageNet (ILSVRC2012) from disk: a folder a class, or TFRecord shards, as tf.data pipelines.

folders:   train|val/<class>/*.JPEG
TFRecord:  train-*-of-*, validation-*-of-*: `image/encoded`, `image/class/label` (1 ... classes)

Training: the shorter side scaled to 256/227 of the crop, a random crop, mirrored half of the time.
Evaluation: the crop in the middle.
"""

import io
import pathlib

import numpy as np
import tensorflow as tf

from examples.datasets.labelled import to_float
from examples.datasets.pictures import DatasetError, picture_size

_FOLDERS = {"train": "train", "test": "val"}
_SHARDS = {"train": "train-*-of-*", "test": "validation-*-of-*"}
_ENDINGS = {".jpeg", ".jpg", ".png"}
_SHORTER_SIDE = 256 / 227
# In the place of a picture that is a file of its own.
_IN_FILE = ""


def training_batches(
    root: str | pathlib.Path, batch: int, size: int, seed: int, first_batch: int = 0
) -> tf.data.Dataset:
    """An endless pipeline; with the same arguments the same batches come.

    Args:
        root: as the module says; folders are taken where there are both.
        batch: images in a batch, >= 1.
        size: side of the crops, pixels.
        seed: any integer.
        first_batch: number of the batch to start with. TFRecords before it are read and dropped.

    Returns:
        Batches (images [batch, size, size, 3] float32 in -1..1, labels [batch] int64).

    Raises:
        DatasetError: there is no such data set. While iterating, a file or a record that is no
            picture, or of more than `pictures.MAX_PIXELS`, raises tf.errors.OpError whose message
            names it.
    """
    encoded = _numbered(root, seed, first_batch * batch)

    def example(number: tf.Tensor, file: tf.Tensor, image: tf.Tensor, label: tf.Tensor) -> tuple:
        seeds = tf.random.split(tf.stack([tf.constant(seed, tf.int64), number]), 2)
        image = _decoded(file, image, size)
        room = tf.shape(image)[:2] - size + 1
        corner = tf.random.stateless_uniform([2], seeds[0])
        corner = tf.minimum(tf.cast(corner * tf.cast(room, tf.float32), tf.int32), room - 1)
        image = image[corner[0] : corner[0] + size, corner[1] : corner[1] + size]
        turned = tf.random.stateless_uniform([], seeds[1]) < 0.5
        image = tf.cond(turned, lambda: image[:, ::-1], lambda: image)
        return to_float(tf.ensure_shape(image, [size, size, 3])), label

    examples = encoded.map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return examples.batch(batch, drop_remainder=True).prefetch(2)


def evaluation_batches(
    root: str | pathlib.Path, batch: int, size: int, split: str = "test"
) -> tf.data.Dataset:
    """All images once; as `training_batches`, the last batch may be smaller."""

    def example(file: tf.Tensor, image: tf.Tensor, label: tf.Tensor) -> tuple:
        image = _decoded(file, image, size)
        top, left = ((tf.shape(image)[i] - size) // 2 for i in range(2))
        image = tf.ensure_shape(image[top : top + size, left : left + size], [size, size, 3])
        return to_float(image), label

    triples = _files(root, split) or _records(root, split)
    return triples.map(example, num_parallel_calls=tf.data.AUTOTUNE).batch(batch).prefetch(2)


def count_images(root: str | pathlib.Path, split: str) -> tuple[int, int]:
    """The number of images and of classes; reads through TFRecords.

    Raises:
        DatasetError: as `training_batches`, or a TFRecord is damaged; names it.
    """
    found = list_files(root, split)
    if found:
        return len(found[0]), max(found[1]) + 1
    labels: list[int] = []
    for shard in _shards(root, split):
        try:
            labels += [int(label) for _, _, label in _records_of([shard])]
        except tf.errors.OpError as error:
            raise DatasetError(
                f"{shard}: cannot be read as a TFRecord ({error.message})"
            ) from error
    return len(labels), max(labels) + 1


def list_files(root: str | pathlib.Path, split: str) -> tuple[list[str], list[int]] | None:
    """Paths and labels, classes in the order of their names; None where there is no such folder.

    Raises:
        DatasetError: the folder holds no pictures in folders.
    """
    folder = pathlib.Path(root) / _FOLDERS[split]
    if not folder.is_dir():
        return None
    paths, labels = [], []
    for label, name in enumerate(sorted(p for p in folder.iterdir() if p.is_dir())):
        for path in sorted(p for p in name.iterdir() if p.suffix.lower() in _ENDINGS):
            paths.append(str(path))
            labels.append(label)
    if not paths:
        raise DatasetError(f"{folder}: holds no <class>/*.JPEG")
    return paths, labels


def _files(root: str | pathlib.Path, split: str) -> tf.data.Dataset | None:
    """(path, nothing yet, label)."""
    found = list_files(root, split)
    if found is None:
        return None
    pairs = tf.data.Dataset.from_tensor_slices((found[0], np.asarray(found[1], np.int64)))
    return pairs.map(lambda path, label: (path, _IN_FILE, label))


def _shards(root: str | pathlib.Path, split: str) -> list[str]:
    shards = sorted(str(p) for p in pathlib.Path(root).glob(_SHARDS[split]))
    if not shards:
        raise DatasetError(
            f"{root}: expected {_FOLDERS[split]}/<class>/*.JPEG or TFRecords {_SHARDS[split]}"
        )
    return shards


def _records(root: str | pathlib.Path, split: str) -> tf.data.Dataset:
    return _records_of(_shards(root, split))


def _records_of(shards: list[str]) -> tf.data.Dataset:
    """(the shard's path, encoded image, label)."""
    features = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    }

    def parse(shard: tf.Tensor, record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        example = tf.io.parse_single_example(record, features)
        return shard, example["image/encoded"], example["image/class/label"] - 1

    def named(shard: tf.Tensor) -> tf.data.Dataset:
        return tf.data.TFRecordDataset(shard).map(lambda record: (shard, record))

    return tf.data.Dataset.from_tensor_slices(shards).flat_map(named).map(parse)


def _numbered(root: str | pathlib.Path, seed: int, first: int) -> tf.data.Dataset:
    """Endless (number, file, encoded image, label), in an order of its own each pass."""
    found = list_files(root, "train")
    if found is None:
        records = _records(root, "train").shuffle(10_000, seed, reshuffle_each_iteration=True)
        return records.repeat().enumerate().map(lambda i, triple: (i, *triple)).skip(first)
    paths, labels = tf.constant(found[0]), tf.constant(found[1], tf.int64)
    count = len(found[0])

    def load(number: tf.Tensor) -> tuple:
        order_seed = tf.stack([tf.constant(seed, tf.int64), number // count])
        place = tf.random.experimental.index_shuffle(number % count, order_seed, count - 1)
        return number, paths[place], _IN_FILE, labels[place]

    return tf.data.Dataset.range(first, np.iinfo(np.int64).max).map(load)


def _decoded(file: tf.Tensor, encoded: tf.Tensor, size: int) -> tf.Tensor:
    """[h, w, 3] uint8 of which the shorter side is 256/227 of `size`."""
    image = tf.numpy_function(_decode, [file, encoded], tf.uint8, stateful=False)
    image = tf.ensure_shape(image, [None, None, 3])
    shape = tf.cast(tf.shape(image)[:2], tf.float32)
    scale = float(round(size * _SHORTER_SIDE)) / tf.reduce_min(shape)
    target = tf.maximum(tf.cast(tf.round(shape * scale), tf.int32), size)
    return tf.cast(tf.round(tf.image.resize(image, target, antialias=True)), tf.uint8)


def _decode(file: bytes, encoded: bytes) -> np.ndarray:
    """In Python, where what is wrong still has a name.

    Raises:
        DatasetError: names the file.
    """
    name = file.decode()
    try:
        content = encoded or pathlib.Path(name).read_bytes()
        # The header alone: TensorFlow would make room for whatever size it claims.
        picture_size(io.BytesIO(content), name)
        return tf.io.decode_image(content, channels=3, expand_animations=False).numpy()
    except (OSError, tf.errors.OpError) as error:
        raise DatasetError(f"{name}: cannot be read as a picture ({error})") from error
