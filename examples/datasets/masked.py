"""Images with a class for every pixel: random crops to train on, whole images to evaluate on.

Augmentation (paper, Sec. 6.2): scaled by U[0.5, 2], cut at a random place, mirrored half the time.
A window of crop / scale pixels is cut out first and then resized, which costs the crop's pixels
instead of the scaled image's.
"""

import dataclasses
import pathlib
import threading
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from PIL import Image

from examples.datasets import order
from examples.datasets.labelled import to_float
from examples.datasets.order import Shard
from examples.datasets.pictures import DatasetError, picture_size, read_picture

IGNORED = 255
"""Class of pixels that are neither learned nor counted."""

TensorPair = tuple[tf.Tensor, tf.Tensor]
ArrayPair = tuple[np.ndarray, np.ndarray]

_KEPT_BYTES = 2**30


@dataclasses.dataclass(frozen=True)
class Masked:
    """A split of a data set.

    Args:
        images: pictures.
        masks: one a picture.
        read_mask: path -> [H, W] uint8, 0 ... classes - 1 or `IGNORED`.
        classes: names.
        colours: [classes, 3] uint8, to draw them.
    """

    images: tuple[pathlib.Path, ...]
    masks: tuple[pathlib.Path, ...]
    read_mask: Callable[[pathlib.Path], np.ndarray]
    classes: tuple[str, ...]
    colours: np.ndarray

    def first(self, count: int | None) -> "Masked":
        """The first `count`, or all."""
        return dataclasses.replace(self, images=self.images[:count], masks=self.masks[:count])

    def spread(self, count: int | None) -> "Masked":
        """`count` spread evenly over the split, or all."""
        if count is None or count >= len(self.images):
            return self
        chosen = np.linspace(0, len(self.images) - 1, count).round().astype(int)
        return dataclasses.replace(
            self,
            images=tuple(self.images[i] for i in chosen),
            masks=tuple(self.masks[i] for i in chosen),
        )

    def read(self, number: int, shrink: int = 1) -> ArrayPair:
        """Image [H, W, 3] and mask [H, W], uint8 both.

        Args:
            number: which.
            shrink: divide height and width by it, rounded down; means of the image's pixels, and
                the mask's nearest ones.

        Raises:
            DatasetError: names the file that is missing, broken, or of the wrong size.
        """
        image, mask = read_picture(self.images[number]), self.read_mask(self.masks[number])
        if mask.shape != image.shape[:2]:
            raise DatasetError(
                f"{self.masks[number]}: is {mask.shape[1]}x{mask.shape[0]}, but "
                f"{self.images[number]} is {image.shape[1]}x{image.shape[0]}"
            )
        if shrink == 1:
            return image, mask
        size = (max(1, image.shape[1] // shrink), max(1, image.shape[0] // shrink))
        small = Image.fromarray(image).resize(size, Image.Resampling.BOX)
        return np.asarray(small), np.asarray(
            Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)
        )


def training_crops(
    data: Masked,
    batch: int,
    crop: int,
    seed: int,
    first_step: int = 0,
    scale: tuple[float, float] = (0.5, 2.0),
    mirror: bool = True,
    shrink: int = 1,
    shard: Shard = order.ALL,
    keep_bytes: int = _KEPT_BYTES,
) -> tf.data.Dataset:
    """An endless pipeline; with the same arguments the same batches come.

    Args:
        data: the images.
        batch: examples in a joint batch of all workers, >= 1.
        crop: side of the square crops, pixels. Where a scaled image is smaller, grey pixels of
            class `IGNORED` follow to the right and below.
        seed: any integer.
        first_step: number of the joint batch to start with.
        scale: factors are drawn evenly from this range; (1, 1) for none.
        mirror: turn half of the crops around, left to right.
        shrink: of `Masked.read`.
        shard: which part of each joint batch comes.
        keep_bytes: decoded pictures are kept in memory up to this size.

    Returns:
        Batches (images [batch / shards, crop, crop, 3] float32 in -1..1, classes [same, crop, crop]
        uint8).

    Raises:
        ValueError: `batch` cannot be shared among the workers. While iterating, a broken file
            raises tf.errors.OpError whose message names it.
    """
    kept = _Kept(data, shrink, keep_bytes)

    def example(number: tf.Tensor) -> TensorPair:
        which = order.place(number, len(data.images), seed)
        image, mask = tf.numpy_function(kept.read, [which], (tf.uint8, tf.uint8), stateful=False)
        image, mask = tf.ensure_shape(image, [None, None, 3]), tf.ensure_shape(mask, [None, None])
        return scaled_crop(image, mask, crop, scale, mirror, order.seeds(number, seed, 3))

    examples = order.numbers(first_step * batch, batch, shard).map(
        example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    return examples.batch(shard.of(batch), drop_remainder=True).prefetch(2)


def scaled_crop(
    image: tf.Tensor,
    mask: tf.Tensor,
    crop: int,
    scale: tuple[float, float],
    mirror: bool,
    seeds: list[tf.Tensor],
) -> TensorPair:
    """One example of `training_crops`.

    Args:
        image: [H, W, 3] uint8.
        mask: [H, W] uint8.
        crop, scale, mirror: of `training_crops`.
        seeds: three, [2] int64 each: of the scale, the place, the mirror.

    Returns:
        [crop, crop, 3] float32 in -1..1 and [crop, crop] uint8.
    """
    factor = tf.random.stateless_uniform([], seeds[0], *scale) if scale[0] < scale[1] else scale[0]
    window = tf.maximum(tf.cast(tf.round(crop / factor), tf.int32), 1)
    room = tf.maximum(tf.shape(mask) - window, 0) + 1
    corner = tf.random.stateless_uniform([2], seeds[1]) * tf.cast(room, tf.float32)
    top, left = tf.unstack(tf.minimum(tf.cast(corner, tf.int32), room - 1))
    image = to_float(image[top : top + window, left : left + window])
    mask = mask[top : top + window, left : left + window]
    below, right = tf.unstack(window - tf.shape(mask))
    image = tf.pad(image, [[0, below], [0, right], [0, 0]])
    mask = tf.pad(mask, [[0, below], [0, right]], constant_values=IGNORED)
    if scale != (1.0, 1.0):
        image = tf.image.resize(image, [crop, crop])
        mask = tf.image.resize(mask[..., tf.newaxis], [crop, crop], "nearest")[..., 0]
    if mirror:
        turned = tf.random.stateless_uniform([], seeds[2]) < 0.5
        image = tf.cond(turned, lambda: image[:, ::-1], lambda: image)
        mask = tf.cond(turned, lambda: mask[:, ::-1], lambda: mask)
    return tf.ensure_shape(image, [crop, crop, 3]), tf.ensure_shape(mask, [crop, crop])


def whole_images(data: Masked, shrink: int = 1) -> Iterator[ArrayPair]:
    """Every image once, in order: ([H, W, 3] uint8, [H, W] uint8), of any sizes; as `read`."""
    for number in range(len(data.images)):
        yield data.read(number, shrink)


def check_files(data: Masked) -> None:
    """Looks at every header, in a second or two for thousands of files.

    Raises:
        DatasetError: names the file that is missing or no picture.
    """
    for path in data.images:
        picture_size(path)
    for path in data.masks:
        if not path.is_file():
            raise DatasetError(f"{path}: no such file")


class _Kept:
    """Reads pictures, and keeps them decoded until `most` bytes are."""

    def __init__(self, data: Masked, shrink: int, most: int) -> None:
        self._data, self._shrink, self._left = data, shrink, most
        self._pairs: dict[int, ArrayPair] = {}
        self._lock = threading.Lock()

    def read(self, number: np.ndarray) -> ArrayPair:
        """Called from the pipeline's threads."""
        which = int(number)
        pair = self._pairs.get(which)
        if pair is not None:
            return pair
        pair = self._data.read(which, self._shrink)
        size = sum(array.nbytes for array in pair)
        with self._lock:
            if size <= self._left and which not in self._pairs:
                self._pairs[which] = pair
                self._left -= size
        return pair
