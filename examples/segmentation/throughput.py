"""Measures that the pipeline feeds more than twice what the network can take on this machine.

python -m examples.segmentation.throughput --data DATA --config paper
"""

import sys

from examples import cli
from examples.segmentation import data
from examples.segmentation.evaluate import add_data_arguments
from examples.segmentation.train import add_recipe_arguments, new_model, pipeline, recipe_of
from examples.training.throughput import NEEDED, measure


def main() -> None:
    """The command line; exit code 1 where the pipeline is too slow."""
    parser = cli.parser(__doc__)
    add_data_arguments(parser)
    parser.add_argument("--seconds", type=cli.positive_float, default=20, help="each measurement")
    parser.add_argument("--warm-up", type=int, default=0, help="batches before the clock starts")
    add_recipe_arguments(parser)
    args = parser.parse_args()
    recipe = recipe_of(args)
    training = data.find(args.dataset, args.data, "train", args.sbd)
    model = new_model(recipe, len(training.classes))
    result = measure(pipeline(training, recipe), model, args.seconds, args.warm_up)
    print(result)
    sys.exit(result.ratio <= NEEDED)


if __name__ == "__main__":
    cli.run(main)
