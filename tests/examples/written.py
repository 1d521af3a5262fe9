"""Small data sets in the published layouts, with pixels that can be learned."""

import pathlib

import numpy as np
import scipy.io
from PIL import Image

from examples.datasets.pascal_voc import colours

SIZE = (40, 60)
_IDS = {"car": 26, "road": 7}


def halves(number: int, above: int, below: int, rim: int) -> tuple[np.ndarray, np.ndarray]:
    """A dark part above a bright one, the border at another height each; and their classes."""
    noise = np.random.default_rng(number).integers(0, 40, (*SIZE, 3))
    bright = (np.arange(SIZE[0]) > 12 + 4 * (number % 5))[:, None, None]
    mask = np.broadcast_to(np.where(bright[..., 0], below, above), SIZE).astype(np.uint8)
    mask[:, :3] = rim
    return (noise + 180 * bright).astype(np.uint8), mask


def write_cityscapes(root: pathlib.Path, split: str, count: int) -> None:
    """`count` images of 60 x 40 px in two cities, road above cars."""
    for number in range(count):
        city = ("aachen", "bochum")[number % 2]
        name = f"{city}_{number:06d}_000019"
        image, mask = halves(number, _IDS["road"], _IDS["car"], 1)
        for kind, picture, end in (
            ("leftImg8bit", image, "leftImg8bit"),
            ("gtFine", mask, "gtFine_labelIds"),
        ):
            folder = root / kind / split / city
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(folder / f"{name}_{end}.png")


def write_voc(root: pathlib.Path) -> None:
    """voc/VOC2011: one image to train on, two to test, one of which SBD trains on; sbd: two."""
    voc, sbd = root / "voc" / "VOC2011", root / "sbd"
    lists = {
        voc / "ImageSets/Segmentation/train.txt": ["2007_000032"],
        voc / "ImageSets/Segmentation/val.txt": ["2007_000033", "2007_000121"],
        voc / "ImageSets/Segmentation/trainval.txt": ["2007_000032", "2007_000033", "2007_000121"],
        sbd / "train.txt": ["2007_000121", "2008_000002"],
    }
    for path, names in lists.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{name}\n" for name in names))
    for folder in (voc / "JPEGImages", voc / "SegmentationClass", sbd / "img", sbd / "cls"):
        folder.mkdir(parents=True)
    for number, name in enumerate(["2007_000032", "2007_000033", "2007_000121"]):
        image, mask = halves(number, 0, 15, 255)
        Image.fromarray(image).save(voc / "JPEGImages" / f"{name}.jpg")
        palette = Image.fromarray(mask)
        palette.putpalette(colours(256).tobytes())
        palette.save(voc / "SegmentationClass" / f"{name}.png")
    for number, name in enumerate(["2007_000121", "2008_000002"]):
        image, mask = halves(number, 0, 20, 0)
        Image.fromarray(image).save(sbd / "img" / f"{name}.jpg")
        content = {"GTcls": {"Segmentation": mask, "CategoriesPresent": 20}}
        scipy.io.savemat(sbd / "cls" / f"{name}.mat", content, do_compression=True)
