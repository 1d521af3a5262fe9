"""Overlays: a picture with the colours of classes on it, side by side with the truth."""

import numpy as np

from examples import picture
from examples.datasets.masked import IGNORED

_OPACITY = 0.55


def overlay(image: np.ndarray, mask: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Lays the classes' colours over a picture; pixels without a class stay as they are.

    Args:
        image: [H, W, 3] uint8.
        mask: [H, W], classes or 255.
        colours: [classes, 3] uint8.

    Returns:
        [H, W, 3] uint8.
    """
    has_class = (mask != IGNORED)[..., np.newaxis]
    painted = colours[np.where(mask == IGNORED, 0, mask)]
    mixed = (1 - _OPACITY) * image + _OPACITY * painted
    return np.where(has_class, mixed, image).round().astype(np.uint8)


def row(
    title: str, image: np.ndarray, truth: np.ndarray, given: np.ndarray, colours: np.ndarray
) -> picture.Row:
    """The picture, the truth and what a net gives, for `picture.save`."""
    cells = (
        ("image", image),
        ("truth", overlay(image, truth, colours)),
        # Where nobody said what it is, the net's answer is neither right nor wrong.
        ("given", overlay(image, given, colours)),
    )
    return picture.Row(title, cells)
