"""Trains a small net of each study under a strategy: python -c "...main(WAY, DATA, OUT)".

A process of its own for each way, because devices and workers are fixed when TensorFlow starts.
"""

import dataclasses
import pathlib

import tensorflow as tf

from examples.deblurring import recipe as deblurring_recipe
from examples.deblurring import train as deblurring
from examples.segmentation import data
from examples.segmentation import recipe as segmentation_recipe
from examples.segmentation import train as segmentation
from examples.training.strategies import strategy_named

# Without the skip, which starts from gradients so small that they drown in Adam's epsilon.
DEBLURRING = dataclasses.replace(
    deblurring_recipe.RECIPES["small"], width=2, input_skip=False, steps=4, batch=4, crop=16
)
# Without dropout, which draws anew for each replica. Slow, for the tolerance: batch norm amplifies
# what rounding changes.
SEGMENTATION = dataclasses.replace(
    segmentation_recipe.RECIPES["small"], depth=14, width=2, filters=4, low_level_filters=2,
    rates=(2, 3), decoder="none", dropout=0.0, steps=4, batch=4, crop=33, shrink=1, rate=0.005,
)  # fmt: skip


def main(way: str, data_folder: str, out: str) -> None:
    """Both studies, into `out`/<study>, of the data in `data_folder`/pairs and scenes."""
    if way == "mirrored":
        (cpu,) = tf.config.list_physical_devices("CPU")
        halves = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, halves)
    strategy = strategy_named(way)
    assert strategy.num_replicas_in_sync == (1 if way == "none" else 2)
    folder = pathlib.Path(out)
    pairs = pathlib.Path(data_folder) / "pairs"
    deblurring.train(pairs, folder / "deblurring", DEBLURRING, 2, strategy=strategy)
    scenes = data.find("cityscapes", pathlib.Path(data_folder) / "scenes", "train")
    segmentation.train(scenes, folder / "segmentation", SEGMENTATION, 2, strategy=strategy)
