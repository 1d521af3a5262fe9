"""Cityscapes' layout on disk, and its 19 classes.

leftImg8bit/<split>/<city>/<name>_leftImg8bit.png
gtFine/<split>/<city>/<name>_gtFine_labelIds.png     label ids, of which 19 are learned
"""

import pathlib

import numpy as np

from examples.datasets.masked import IGNORED, Masked
from examples.datasets.pictures import DatasetError, read_labels

# (label id, name, colour); their order is that of the train ids, 0 ... 18.
_CLASSES = (
    (7, "road", (128, 64, 128)),
    (8, "sidewalk", (244, 35, 232)),
    (11, "building", (70, 70, 70)),
    (12, "wall", (102, 102, 156)),
    (13, "fence", (190, 153, 153)),
    (17, "pole", (153, 153, 153)),
    (19, "traffic light", (250, 170, 30)),
    (20, "traffic sign", (220, 220, 0)),
    (21, "vegetation", (107, 142, 35)),
    (22, "terrain", (152, 251, 152)),
    (23, "sky", (70, 130, 180)),
    (24, "person", (220, 20, 60)),
    (25, "rider", (255, 0, 0)),
    (26, "car", (0, 0, 142)),
    (27, "truck", (0, 0, 70)),
    (28, "bus", (0, 60, 100)),
    (31, "train", (0, 80, 100)),
    (32, "motorcycle", (0, 0, 230)),
    (33, "bicycle", (119, 11, 32)),
)
CLASSES = tuple(name for _, name, _ in _CLASSES)
COLOURS = np.array([colour for _, _, colour in _CLASSES], np.uint8)

_LAST_ID = 33
_IMAGE, _MASK = "_leftImg8bit.png", "_gtFine_labelIds.png"
_TRAIN_IDS = np.full(256, IGNORED, np.uint8)
_TRAIN_IDS[[label for label, _, _ in _CLASSES]] = range(len(_CLASSES))


def find_cityscapes(root: str | pathlib.Path, split: str) -> Masked:
    """Lists a split in the order of its names.

    Args:
        root: folder that holds `leftImg8bit` and `gtFine`.
        split: "train" or "val".

    Raises:
        DatasetError: a folder is missing or empty, or an image has no mask.
    """
    folder = pathlib.Path(root) / "leftImg8bit" / split
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: no such folder; expected leftImg8bit/<split>/<city>/*{_IMAGE}"
        )
    images = sorted(folder.glob(f"*/*{_IMAGE}"))
    if not images:
        raise DatasetError(f"{folder}: holds no <city>/*{_IMAGE}")
    masks = [
        pathlib.Path(root, "gtFine", split, image.parent.name, image.name.replace(_IMAGE, _MASK))
        for image in images
    ]
    for image, mask in zip(images, masks, strict=True):
        if not mask.is_file():
            raise DatasetError(f"{image}: has no mask {mask}")
    return Masked(tuple(images), tuple(masks), read_label_ids, CLASSES, COLOURS)


def read_label_ids(path: pathlib.Path) -> np.ndarray:
    """Reads a mask as train ids, [H, W] uint8, 0 ... 18 or `IGNORED`.

    Raises:
        DatasetError: the file cannot be read, or holds a number that is no label id.
    """
    ids = read_labels(path)
    wrong = ids[(ids > _LAST_ID) & (ids != IGNORED)]
    if wrong.size:
        raise DatasetError(f"{path}: label ids must be 0 ... {_LAST_ID}, found {wrong[0]}")
    return _TRAIN_IDS[ids]
