"""Measures top-1 and top-5 accuracy of a trained classifier on the test images.

  python -m examples.classification.evaluate --dataset cifar10 --data CIFAR10 \\
      --model runs/cifar/model.keras
"""

import dataclasses
import pathlib

import keras
import numpy as np

import dau_tf  # noqa: F401  registers the layers
from examples import cli
from examples.classification import data
from examples.classification.recipe import RECIPES
from examples.classification.train import add_data_arguments
from examples.training.trained import load_model


@dataclasses.dataclass(frozen=True)
class Score:
    """Accuracy on a split, shares of `images`."""

    top1: float
    top5: float
    images: int


def evaluate(model: keras.Model, split: data.Split, batch: int = 256) -> Score:
    """Scores a model; a prediction is right where the label is among the 1 or 5 largest logits.

    Ties count against the model: a label's rank is the number of logits not below its own.

    Args:
        model: [N, H, W, C] -> logits [N, classes].
        split: gives the images.
        batch: images at a time.
    """
    ranks = []
    for images, labels in split.evaluation(batch):
        logits = np.asarray(model(images, training=False))
        own = np.take_along_axis(logits, np.asarray(labels)[:, np.newaxis], axis=1)
        ranks.append((logits >= own).sum(axis=1))
    rank = np.concatenate(ranks)
    return Score(float((rank <= 1).mean()), float((rank <= 5).mean()), len(rank))


def main() -> None:
    """The command line."""
    parser = cli.parser(__doc__)
    add_data_arguments(parser)
    parser.add_argument("--model", type=pathlib.Path, required=True, help="model.keras of train")
    parser.add_argument("--batch", type=cli.positive_int, default=256, help="images at a time")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures there, too")
    args = parser.parse_args()
    model = load_model(args.model)
    size = model.input_shape[1] or RECIPES["resnet"].size
    recipe = dataclasses.replace(RECIPES["cifar10"], size=size)
    score = evaluate(model, data.load(args.dataset, args.data, "test", recipe), args.batch)
    print(f"top-1 {score.top1:.2%}  top-5 {score.top5:.2%}  of {score.images} images")
    if args.json is not None:
        cli.write_json(args.json, dataclasses.asdict(score))


if __name__ == "__main__":
    cli.run(main)
