"""Trains a small net of each study under a strategy: python -c "...main(WAY, DATA, OUT)".

A process of its own for each way, because devices and workers are fixed when TensorFlow starts.
"""

import dataclasses
import pathlib

import keras
import numpy as np
import tensorflow as tf

from examples.deblurring import recipe as deblurring_recipe
from examples.deblurring import train as deblurring
from examples.segmentation import data
from examples.segmentation import recipe as segmentation_recipe
from examples.segmentation import train as segmentation
from examples.training.loop import fit
from examples.training.optimizers import set_decay
from examples.training.strategies import is_chief, strategy_named

# Without the skip, which starts from gradients so small that they drown in Adam's epsilon.
DEBLURRING = dataclasses.replace(
    deblurring_recipe.RECIPES["small"], width=2, input_skip=False, steps=4, batch=4, crop=16
)
# Without dropout, which draws anew for each replica, and without scales that pad crops with grey,
# in which pooling finds ties that rounding decides.
SEGMENTATION = dataclasses.replace(
    segmentation_recipe.RECIPES["small"], depth=14, width=4, filters=4, low_level_filters=2,
    rates=(2, 3), decoder="none", dropout=0.0, steps=4, batch=4, crop=33, shrink=1,
    scale=(1.0, 1.5), rate=0.005,
)  # fmt: skip


def decay(out: pathlib.Path, strategy: tf.distribute.Strategy) -> None:
    """A layer whose weights decay; what decays counts once, not once a replica."""
    with strategy.scope():
        keras.utils.set_random_seed(1)
        # Named: in a process with other models Keras would count on.
        layer = keras.layers.Dense(2, name="dense")
        model = keras.Sequential([keras.Input((3,)), layer], name="net")
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    set_decay(model, 0.5)
    x, y = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    batch = tf.data.Dataset.from_tensors((x, y[:, :2])).repeat()
    fit(
        model,
        lambda step, shard: batch.rebatch(shard.of(4)).shard(shard.count, shard.index),
        3,
        3,
        [],
        0,
    )
    if is_chief(strategy):
        out.mkdir(parents=True)
        model.save(out / "model.keras")


def main(way: str, data_folder: str, out: str) -> None:
    """All three, into `out`/<study>, of the data in `data_folder`/pairs and scenes."""
    if way == "mirrored":
        (cpu,) = tf.config.list_physical_devices("CPU")
        halves = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, halves)
    strategy = strategy_named(way)
    assert strategy.num_replicas_in_sync == (1 if way == "none" else 2)
    folder = pathlib.Path(out)
    pairs = pathlib.Path(data_folder) / "pairs"
    deblurring.train(pairs, folder / "deblurring", DEBLURRING, 2, strategy=strategy)
    decay(folder / "decay", strategy)
    scenes = data.find("cityscapes", pathlib.Path(data_folder) / "scenes", "train")
    segmentation.train(scenes, folder / "segmentation", SEGMENTATION, 2, strategy=strategy)
