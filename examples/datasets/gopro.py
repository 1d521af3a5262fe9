"""The GOPRO layout on disk, `train|test/<sequence>/{blur,sharp}/*.png`, as a tf.data pipeline.

Every example is a function of (seed, number of the example) alone: see `order`.
"""

import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from examples.datasets import order
from examples.datasets.order import Shard
from examples.datasets.pictures import DatasetError, picture_size, read_picture

TensorPair = tuple[tf.Tensor, tf.Tensor]
Transform = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], TensorPair]
"""(blurred, sharp, seed): [h, w, 3] float32 twice and [2] int64 -> the pair to train on."""

Load = Callable[[tf.Tensor], TensorPair]

_CANDIDATES = 4
_KINDS = ("blur", "sharp")


@dataclasses.dataclass(frozen=True)
class Pair:
    """A blurred PNG, its sharp target of the same size, and that size in pixels."""

    blur: pathlib.Path
    sharp: pathlib.Path
    height: int
    width: int

    @property
    def name(self) -> str:
        """`<sequence>/<file>`."""
        return f"{self.blur.parent.parent.name}/{self.blur.name}"


def find_pairs(root: str | pathlib.Path, split: str) -> list[Pair]:
    """Lists the pairs of a split in the order of their names, reading headers only.

    Args:
        root: folder that holds `train` and `test`.
        split: "train", "test", or one sequence, "test/<sequence>".

    Raises:
        DatasetError: a folder is missing or empty, a file has no partner, is no image, or the
            two sizes of a pair differ.
    """
    folder = pathlib.Path(root) / split
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: no such folder; expected <data>/train|test/<sequence>/{{blur,sharp}}/*.png"
        )
    is_sequence = (folder / "blur").is_dir() or (folder / "sharp").is_dir()
    sequences = [folder] if is_sequence else sorted(p for p in folder.iterdir() if p.is_dir())
    pairs = [pair for sequence in sequences for pair in _sequence_pairs(sequence)]
    if not pairs:
        raise DatasetError(f"{folder}: holds no <sequence>/{{blur,sharp}}/*.png")
    return pairs


def spread(pairs: list[Pair], count: int | None) -> list[Pair]:
    """`count` of the pairs, spread evenly over them, or all."""
    if count is None or count >= len(pairs):
        return pairs
    return [pairs[int(i)] for i in np.linspace(0, len(pairs) - 1, count).round()]


def read_pair(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """Reads both pictures of a pair, [H, W, 3] uint8 each.

    Raises:
        DatasetError: as `read_picture`.
    """
    return read_picture(pair.blur), read_picture(pair.sharp)


def training_crops(
    pairs: list[Pair],
    batch: int,
    crop: int,
    seed: int,
    first_example: int = 0,
    in_memory: bool = False,
    min_contrast: float = 0.0,
    transform: Transform | None = None,
    shard: Shard = order.ALL,
) -> tf.data.Dataset:
    """An endless pipeline of random crops, cut at the same place from both pictures of a pair.

    Each pass over the pairs has its own order. With the same arguments the same batches come,
    whatever the number of threads.

    Args:
        pairs: from `find_pairs`.
        batch: examples in a joint batch of all workers, >= 1.
        crop: side of the square crops, pixels.
        seed: any integer.
        first_example: number of the example to start with; `steps_done * batch` to resume.
        in_memory: decode everything once and keep it, H * W * 6 bytes a pair; needs pictures of
            one size.
        min_contrast: standard deviation, in 0..1, that the sharp crop should have; of four
            random places the first that has it is taken, else the first.
        transform: applied to each pair of crops.
        shard: which part of each joint batch comes.

    Returns:
        Batches (blurred, sharp), [batch / shards, crop, crop, 3] float32 in 0..1 each.

    Raises:
        DatasetError: a picture is smaller than `crop`, or sizes differ with `in_memory`. While
            iterating, a corrupt file raises tf.errors.OpError whose message names it.
    """
    for pair in pairs:
        if min(pair.height, pair.width) < crop:
            raise DatasetError(
                f"{pair.blur}: {pair.width}x{pair.height} is smaller than the crop, {crop}"
            )
    load = _load_from_memory(pairs) if in_memory else _load_from_disk(pairs)

    def example(number: tf.Tensor) -> TensorPair:
        place_seed, transform_seed = order.seeds(number, seed, 2)
        pair = load(order.place(number, len(pairs), seed))
        blur, sharp = _random_crop(pair, crop, place_seed, min_contrast)
        return transform(blur, sharp, transform_seed) if transform else (blur, sharp)

    examples = order.numbers(first_example, batch, shard).map(
        example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    return examples.batch(shard.of(batch), drop_remainder=True).prefetch(2)


def _sequence_pairs(sequence: pathlib.Path) -> list[Pair]:
    files = {kind: {p.name: p for p in (sequence / kind).glob("*.png")} for kind in _KINDS}
    for kind, other in (_KINDS, _KINDS[::-1]):
        for name in sorted(files[kind].keys() - files[other].keys()):
            raise DatasetError(f"{files[kind][name]}: has no partner {sequence / other / name}")
    pairs = []
    for name in sorted(files["blur"]):
        blur, sharp = files["blur"][name], files["sharp"][name]
        size = picture_size(blur)
        if picture_size(sharp) != size:
            raise DatasetError(
                f"{sharp}: is {'x'.join(map(str, picture_size(sharp)))}, but {blur} is "
                f"{'x'.join(map(str, size))}"
            )
        pairs.append(Pair(blur, sharp, height=size[1], width=size[0]))
    return pairs


def _load_from_memory(pairs: list[Pair]) -> Load:
    if len({(pair.height, pair.width) for pair in pairs}) > 1:
        raise DatasetError("in_memory needs pictures of one size; the pairs have several")
    images = [read_pair(pair) for pair in pairs]
    blur = tf.constant(np.stack([b for b, _ in images]))
    sharp = tf.constant(np.stack([s for _, s in images]))
    return lambda place: (blur[place], sharp[place])


def _load_from_disk(pairs: list[Pair]) -> Load:
    def read(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return read_pair(pairs[int(place)])

    def load(place: tf.Tensor) -> TensorPair:
        blur, sharp = tf.numpy_function(read, [place], (tf.uint8, tf.uint8), stateful=False)
        return tf.ensure_shape(blur, [None, None, 3]), tf.ensure_shape(sharp, [None, None, 3])

    return load


def _random_crop(pair: TensorPair, crop: int, seed: tf.Tensor, min_contrast: float) -> TensorPair:
    """Cuts both pictures ([H, W, 3] uint8) at one random place; float32 in 0..1."""
    blur, sharp = pair
    room = tf.shape(blur)[:2] - crop + 1
    candidates = _CANDIDATES if min_contrast > 0 else 1
    corners = tf.random.stateless_uniform([candidates, 2], seed, maxval=1.0)
    corners = tf.minimum(tf.cast(corners * tf.cast(room, tf.float32), tf.int32), room - 1)

    def cut(image: tf.Tensor, corner: tf.Tensor) -> tf.Tensor:
        image = image[corner[0] : corner[0] + crop, corner[1] : corner[1] + crop]
        return tf.ensure_shape(tf.cast(image, tf.float32) / 255.0, [crop, crop, 3])

    chosen = corners[0]
    if candidates > 1:
        contrast = tf.stack([tf.math.reduce_std(cut(sharp, c)) for c in tf.unstack(corners)])
        chosen = corners[tf.argmax(tf.cast(contrast >= min_contrast, tf.int32))]
    return cut(blur, chosen), cut(sharp, chosen)
