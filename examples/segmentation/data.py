"""The data sets by name."""

import pathlib

from examples.datasets.cityscapes import find_cityscapes
from examples.datasets.masked import Masked
from examples.datasets.pascal_voc import find_voc

DATASETS = ("cityscapes", "voc")


def find(dataset: str, folder: pathlib.Path, split: str, sbd: pathlib.Path | None = None) -> Masked:
    """Lists a split.

    Args:
        dataset: one of `DATASETS`; whatever has Cityscapes' layout and label ids counts as that.
        folder: in the published layout.
        split: "train" or "val".
        sbd: of "voc", the SBD's folder; None: without it.

    Raises:
        DatasetError: names what is missing.
    """
    if dataset == "cityscapes":
        return find_cityscapes(folder, split)
    return find_voc(folder, split, sbd)
