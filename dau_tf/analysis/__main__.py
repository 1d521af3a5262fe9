"""Writes a page about what a network has learned, to be read in a browser without a network.

python -m dau_tf.analysis runs/dau/model.keras --out runs/dau/analysis
python -m dau_tf.analysis runs/srn/model.keras --import examples.models.resizing --out DIR
"""

import argparse
import importlib
import pathlib
import re
import sys
import zipfile

import keras
import numpy as np

import dau_tf  # noqa: F401  registers the layers
from dau_tf.analysis.page import write_page


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m dau_tf.analysis",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=pathlib.Path, help="a .keras file")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for index.html")
    parser.add_argument("--before", type=pathlib.Path, help="the model before training, for sigma")
    parser.add_argument(
        "--images", type=pathlib.Path, help=".npy of images, [N, H, W, C], for the receptive field"
    )
    parser.add_argument("--size", type=int, help="pixels, where the model takes images of any size")
    parser.add_argument("--repeats", type=int, default=5, help="of time measurements; 0: none")
    parser.add_argument(
        "--import", dest="modules", metavar="MODULE", action="append", default=[],
        help="first, for the layers that it registers; may be repeated",
    )  # fmt: skip
    args = parser.parse_args(arguments)
    try:
        for module in args.modules:
            importlib.import_module(module)
        model = _load(args.model)
        before = args.before and _load(args.before)
        images = args.images and np.load(args.images, allow_pickle=False).astype(np.float32)
        file = write_page(
            model, args.out, before=before, images=images, repeats=args.repeats, size=args.size
        )
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(file)
    return 0


def _load(path: pathlib.Path) -> keras.Model:
    """In Keras' safe mode, which executes nothing of the file; losses of one's own are not needed.

    Raises:
        ValueError: It is no .keras file that can be read, or has a layer whose class is not
            registered.
    """
    if path.suffix != ".keras":
        raise ValueError(f"`model` must be a .keras file. Received: {path}")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (zipfile.BadZipFile, KeyError, TypeError, AttributeError) as error:
        unknown = re.search(
            r"Could not locate class '(\w+)'.*?'module': '([\w.]+)'", str(error), re.S
        )
        if unknown is None:
            raise ValueError(f"{path} must be a .keras file that can be read: {error!r}") from error
        name, module = unknown.groups()
        raise ValueError(
            f"{path} has a layer of class {name}, which is not registered; where you trust it, "
            f"--import {module}"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
