"""Measures that the pipeline feeds more than twice what the network can take on this machine.

python -m examples.deblurring.throughput --data DATA --config paper
"""

import pathlib
import sys

from examples import cli
from examples.datasets.gopro import find_pairs
from examples.deblurring.train import (
    add_recipe_arguments,
    checked,
    new_model,
    pipeline,
    recipe_of,
)
from examples.training.throughput import NEEDED, measure


def main() -> None:
    """The command line; exit code 1 where the pipeline is too slow."""
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="GOPRO layout")
    parser.add_argument("--seconds", type=cli.positive_float, default=20, help="each measurement")
    parser.add_argument("--warm-up", type=int, default=0, help="batches before the clock starts")
    add_recipe_arguments(parser)
    args = parser.parse_args()
    recipe = checked(parser, recipe_of(args))
    pairs = find_pairs(args.data, "train")
    model = new_model(recipe, recipe.total_steps(len(pairs)))
    result = measure(pipeline(pairs, recipe), model, args.seconds, args.warm_up)
    print(result)
    sys.exit(result.ratio <= NEEDED)


if __name__ == "__main__":
    cli.run(main)
