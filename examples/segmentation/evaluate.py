"""Measures mean IoU, mean accuracy and the IoU of every class on whole images.

Writes into --out: metrics.json and sheet.png (some images, their truth, and what the net gives).

  python -m examples.segmentation.evaluate --dataset cityscapes --data CITYSCAPES \\
      --model runs/dau/model.keras --out runs/dau/val
"""

import argparse
import dataclasses
import os
import pathlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from examples import cli, picture
from examples.datasets.labelled import to_float
from examples.datasets.masked import Masked, whole_images
from examples.segmentation import data, draw, recipe  # noqa: F401  recipe registers the layers
from examples.segmentation.metrics import MeanAccuracy, MeanIoU, iou_per_class
from examples.training.trained import load_model


@dataclasses.dataclass(frozen=True)
class Score:
    """Figures of a split.

    Args:
        miou: mean IoU of the classes that appear.
        mean_accuracy: mean over these of the share of their pixels that are right.
        accuracy: share of all pixels that are right.
        iou: class -> IoU; those that appear neither in the truth nor in what the net gives are out.
        images: number of images.
    """

    miou: float
    mean_accuracy: float
    accuracy: float
    iou: dict[str, float]
    images: int


class Scorer:
    """Scores a net on whole images, one at a time.

    Args:
        model: [1, H, W, 3] float32 in -1..1 -> logits [1, H, W, classes].
        classes: number of classes.
    """

    def __init__(self, model: keras.Model, classes: int) -> None:
        self._iou, self._accuracy = MeanIoU(classes), MeanAccuracy(classes)

        @tf.function(
            input_signature=[
                tf.TensorSpec([1, None, None, 3], tf.uint8),
                tf.TensorSpec([1, None, None], tf.uint8),
            ]
        )
        def count(image: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
            logits = model(to_float(image), training=False)
            self._iou.update_state(mask, logits)
            self._accuracy.update_state(mask, logits)
            return tf.argmax(logits, axis=-1)

        self._count = count

    def score(
        self,
        split: Masked,
        shrink: int = 1,
        shown: int = 4,
        seen: Callable[[int], None] = lambda number: None,
    ) -> tuple[Score, list[picture.Row]]:
        """The figures, and rows to draw.

        Args:
            split: the images.
            shrink: of `Masked.read`.
            shown: number of rows, of images spread evenly over the split.
            seen: called with the number of each image when it is done.

        Raises:
            DatasetError: names the file that is wrong.
        """
        drawn = set(np.linspace(0, len(split.images) - 1, max(shown, 0)).round().astype(int))
        rows = []
        self._iou.reset_state()
        self._accuracy.reset_state()
        for number, (image, mask) in enumerate(whole_images(split, shrink)):
            given = self._count(image[np.newaxis], mask[np.newaxis])
            if number in drawn:
                name = split.images[number].stem
                rows.append(draw.row(name, image, mask, given.numpy()[0], split.colours))
            seen(number)
        counts = self._iou.confusion
        each = zip(split.classes, iou_per_class(counts), strict=True)
        score = Score(
            float(self._iou.result()),
            float(self._accuracy.result()),
            float(counts.trace() / max(counts.sum(), 1)),
            {name: float(value) for name, value in each if np.isfinite(value)},
            len(split.images),
        )
        return score, rows


def write(score: Score, rows: list[picture.Row], out: pathlib.Path) -> None:
    """metrics.json and sheet.png; those of an earlier evaluation are replaced.

    Raises:
        UserError: the folder holds something else.
    """
    ours = {"metrics.json", "sheet.png"}
    if out.exists() and (not out.is_dir() or set(os.listdir(out)) - ours):
        raise cli.UserError(f"--out: {out} exists and holds no evaluation of ours")
    cli.make_folder(out, "--out")
    cli.write_json(out / "metrics.json", dataclasses.asdict(score))
    if rows:
        picture.save(rows, out / "sheet.png", zoom=1)


def table(score: Score) -> str:
    """The figures as text, in per cent."""
    lines = [f"{name:>16}  {100 * value:6.2f}" for name, value in score.iou.items()]
    lines.append(f"{'mean IoU':>16}  {100 * score.miou:6.2f}")
    lines.append(f"{'mean accuracy':>16}  {100 * score.mean_accuracy:6.2f}")
    lines.append(f"{'accuracy':>16}  {100 * score.accuracy:6.2f}   {score.images} images")
    return "\n".join(lines)


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """--dataset, --data and --sbd."""
    parser.add_argument("--dataset", choices=data.DATASETS, default="cityscapes")
    parser.add_argument("--data", type=pathlib.Path, required=True, help="in its published layout")
    parser.add_argument("--sbd", type=pathlib.Path, help="of voc: the folder of the SBD")


def main() -> None:
    """The command line."""
    parser = cli.parser(__doc__)
    add_data_arguments(parser)
    parser.add_argument("--split", default="val", help="val or train")
    parser.add_argument("--model", type=pathlib.Path, required=True, help="model.keras of train")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the results")
    parser.add_argument("--shrink", type=cli.positive_int, default=1, help="as in the training")
    parser.add_argument("--images", type=cli.positive_int, help="so many, spread evenly")
    parser.add_argument("--shown", type=int, default=4, help="rows of sheet.png")
    args = parser.parse_args()
    split = data.find(args.dataset, args.data, args.split, args.sbd).spread(args.images)
    scorer = Scorer(load_model(args.model), len(split.classes))
    with cli.progress(None, len(split.images), "image", desc=f"evaluating {args.split}") as bar:
        score, rows = scorer.score(split, args.shrink, args.shown, lambda _: bar.update())
    write(score, rows, args.out)
    print(table(score))
    print(args.out / "metrics.json")


if __name__ == "__main__":
    cli.run(main)
