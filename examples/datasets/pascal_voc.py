"""PASCAL VOC's segmentation layout on disk, and the SBD's masks (Hariharan et al. 2011) beside it.

VOC:  JPEGImages/<name>.jpg, SegmentationClass/<name>.png, ImageSets/Segmentation/<split>.txt
SBD:  img/<name>.jpg, cls/<name>.mat (GTcls.Segmentation), train.txt, val.txt

With the SBD the split "train" is SBD's, and "val" is VOC's without what SBD trains on, as the fully
convolutional networks are compared (8,498 and 736 images with VOC 2011).
"""

import pathlib

import numpy as np
import scipy.io

from examples.datasets.masked import IGNORED, Masked
from examples.datasets.pictures import DatasetError, read_labels

CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair",
    "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
    "train", "tvmonitor",
)  # fmt: skip
# The largest of the SBD is of 20 kB; what is compressed in one of this size is at most 1 GiB.
_MAX_BYTES = 2**20
_SPLITS = ("train", "val", "trainval")


def colours(count: int) -> np.ndarray:
    """VOC's palette, [count, 3] uint8: bits 3 i + c of the index are bits 7 - i of colour c."""
    index, palette = np.arange(count), np.zeros((count, 3), np.uint8)
    for i in range(8):
        for c in range(3):
            palette[:, c] |= ((index >> (3 * i + c) & 1) << (7 - i)).astype(np.uint8)
    return palette


def find_voc(root: str | pathlib.Path, split: str, sbd: str | pathlib.Path | None = None) -> Masked:
    """Lists a split in the order of its list.

    Args:
        root: VOC's folder, the one with `JPEGImages`, or one of the archives' above it.
        split: "train", "val" or, without `sbd`, "trainval".
        sbd: SBD's folder, the one with `cls`; or None.

    Raises:
        DatasetError: a list, an image or a mask is missing.
    """
    voc = _folder(pathlib.Path(root), "JPEGImages")
    if split not in _SPLITS or (sbd and split == "trainval"):
        raise DatasetError(f"{root}: has no split {split!r}; expected one of {_SPLITS}")
    taken = [] if sbd is None else _names(_folder(pathlib.Path(sbd), "cls") / "train.txt")
    if sbd is not None and split == "train":
        folder = _folder(pathlib.Path(sbd), "cls")
        images = [folder / "img" / f"{name}.jpg" for name in taken]
        masks, read = [folder / "cls" / f"{name}.mat" for name in taken], read_sbd_mask
    else:
        names = _names(voc / "ImageSets" / "Segmentation" / f"{split}.txt")
        names = [name for name in names if name not in set(taken)]
        images = [voc / "JPEGImages" / f"{name}.jpg" for name in names]
        masks, read = [voc / "SegmentationClass" / f"{name}.png" for name in names], read_voc_mask
    for path in (*images, *masks):
        if not path.is_file():
            raise DatasetError(f"{path}: no such file, but a list names it")
    return Masked(tuple(images), tuple(masks), read, CLASSES, colours(len(CLASSES)))


def read_voc_mask(path: pathlib.Path) -> np.ndarray:
    """Reads a PNG with a palette as [H, W] uint8, 0 ... 20 or `IGNORED`.

    Raises:
        DatasetError: the file cannot be read, or holds another number.
    """
    return _checked(path, read_labels(path))


def read_sbd_mask(path: pathlib.Path) -> np.ndarray:
    """Reads a .mat file of the SBD as `read_voc_mask`; it has no ignored pixels.

    Raises:
        DatasetError: as `read_voc_mask`.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"it is larger than {_MAX_BYTES} bytes")
        content = scipy.io.loadmat(path, variable_names=["GTcls"], squeeze_me=True)
        mask = np.asarray(content["GTcls"]["Segmentation"].item())
    # What a broken file makes SciPy raise is not documented: zlib.error, TypeError, EOFError, ...
    except Exception as error:
        raise DatasetError(f"{path}: cannot be read as a mask of the SBD ({error!r})") from error
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise DatasetError(f"{path}: expected [H, W] uint8, found {mask.shape} {mask.dtype}")
    return _checked(path, mask)


def _checked(path: pathlib.Path, mask: np.ndarray) -> np.ndarray:
    wrong = mask[(mask >= len(CLASSES)) & (mask != IGNORED)]
    if wrong.size:
        raise DatasetError(f"{path}: classes must be 0 ... 20 or {IGNORED}, found {wrong[0]}")
    return mask


def _folder(root: pathlib.Path, inside: str) -> pathlib.Path:
    """`root`, or the one folder up to two levels below it that holds `inside`."""
    candidates = [root, *root.glob("*"), *root.glob("*/*")]
    found = [folder for folder in candidates if (folder / inside).is_dir()]
    if len(found) != 1:
        raise DatasetError(f"{root}: expected one folder with {inside}, found {len(found)}")
    return found[0]


def _names(path: pathlib.Path) -> list[str]:
    """The first word of each line."""
    try:
        names = [line.split()[0] for line in path.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read as a list of names ({error})") from error
    if not names:
        raise DatasetError(f"{path}: names no image")
    return names
