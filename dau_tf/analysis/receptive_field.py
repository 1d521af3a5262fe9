"""The effective receptive field, by an error propagated back from the centre of a layer (Fig. 8).

    ERF(i, j) = mean over images, channels c of  sum over s of |d y[centre, c] / d x[i, j, s]|

normalised to sum 1.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

SHARES = (0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)


def receptive_field(
    model: keras.Model,
    layer: str | None = None,
    *,
    images: Any = None,
    shape: tuple[int, int] | None = None,
    channels: int = 32,
    seed: int = 0,
) -> np.ndarray:
    """Measures which pixels the centre of a layer's output depends on.

    Args:
        model: A functional or sequential model with one image as its input.
        layer: Name of a layer of `model` whose output is images, channels last; None for the last
            one of rank 4.
        images: Images to differentiate at, (N, H, W, C); real ones, as activations that are off
            pass no error. None for 4 of Gaussian noise.
        shape: Height and width of the noise in pixels; None for the model's, or 64 where it has
            none.
        channels: At most so many of the output's channels, spread evenly.
        seed: Of the noise.

    Returns:
        (H, W) float64, sum 1; zeros where nothing reaches the output.

    Raises:
        ValueError: `layer` is no layer of the model, or its output is not of rank 4.

    Example:
        >>> import dau_tf
        >>> model = keras.Sequential([keras.Input((9, 9, 1)), keras.layers.Conv2D(2, 3)])
        >>> field = receptive_field(model)
        >>> int((field > 0).sum()), round(float(field.sum()), 6)
        (9, 1.0)
    """
    part = keras.Model(model.inputs, _output(model, layer))
    if images is None:
        size = shape or tuple(n or 64 for n in model.inputs[0].shape[1:3])
        noise = np.random.default_rng(seed).normal(size=(4, *size, model.inputs[0].shape[3]))
        images = noise.astype(np.float32)
    x = tf.convert_to_tensor(images)
    total = part.output.shape[3]
    field = np.zeros(x.shape[1:3])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = part(x, training=False)
        centre = y[:, y.shape[1] // 2, y.shape[2] // 2]
        columns = [centre[:, c] for c in _spread(total, channels)]
    for column in columns:
        gradient = tape.gradient(column, x)
        field += np.abs(np.asarray(gradient, np.float64)).sum(axis=(0, 3))
    return field / max(field.sum(), np.finfo(float).tiny)


def contour_levels(field: np.ndarray, shares: Sequence[float] = SHARES) -> np.ndarray:
    """Returns the levels whose contours enclose shares of a receptive field.

    Args:
        field: Of `receptive_field`.
        shares: Within 0 ... 1.

    Returns:
        For each share the largest value t such that the pixels >= t hold at least that share.

    Example:
        >>> contour_levels(np.array([[0.5, 0.3], [0.15, 0.05]]), [0.5, 0.9]).tolist()
        [0.5, 0.15]
    """
    values = np.sort(field, axis=None)[::-1]
    reached = np.cumsum(values) / max(values.sum(), np.finfo(float).tiny)
    # Sums of a million float64 miss 0.999 by less than this.
    places = np.searchsorted(reached, np.asarray(shares) - 1e-12)
    return values[np.minimum(places, values.size - 1)]


def side_of_share(field: np.ndarray, share: float) -> int:
    """Returns the side of the smallest centred square that holds a share of a receptive field.

    Its area over the image's is the ratio by which large-kernel networks are compared.

    Args:
        field: Of `receptive_field`.
        share: Within 0 ... 1.

    Returns:
        Pixels, odd unless the square is the whole image; the image's longer side at most.

    Example:
        >>> side_of_share(np.ones((9, 9)) / 81, 0.1)
        3
    """
    middle = (field.shape[0] // 2, field.shape[1] // 2)
    total = field.sum()
    for half in range(max(field.shape)):
        rows = slice(max(0, middle[0] - half), middle[0] + half + 1)
        cols = slice(max(0, middle[1] - half), middle[1] + half + 1)
        if field[rows, cols].sum() >= (share - 1e-12) * total:
            return min(2 * half + 1, max(field.shape))
    return max(field.shape)


def _output(model: keras.Model, layer: str | None) -> keras.KerasTensor:
    if layer is None:
        outputs = [part.output for part in model.layers if _is_images(part)]
        if not outputs:
            raise ValueError(f"`model` must have a layer with images. Received: {model.name!r}")
        return outputs[-1]
    names = [part.name for part in model.layers]
    if layer not in names:
        raise ValueError(f"`layer` must be one of {names}. Received: layer={layer!r}")
    part = model.get_layer(layer)
    if not _is_images(part):
        raise ValueError(f"The output of `layer` must be images. Received: layer={layer!r}")
    return part.output


def _is_images(layer: keras.Layer) -> bool:
    output = getattr(layer, "output", None)
    return len(getattr(output, "shape", None) or ()) == 4


def _spread(total: int, most: int) -> list[int]:
    return sorted({int(i) for i in np.linspace(0, total - 1, min(total, most)).round()})
