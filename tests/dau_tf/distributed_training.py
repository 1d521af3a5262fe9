"""Trains one model in one of several ways and saves its weights: python -m … WAY FILE [PORTS].

Run as a process of its own, because devices and workers are fixed when TensorFlow starts.
"""

import json
import os
import sys

import keras
import numpy as np
import tensorflow as tf

from dau_tf import DAUConv2D
from dau_tf.optimizers import ParameterGroups

JOINT_BATCH = 8
STEPS = 5


def build() -> keras.Model:
    keras.utils.set_random_seed(4)
    layers = [DAUConv2D(4, strides=2, activation="relu"), DAUConv2D(3)]
    model = keras.Sequential([keras.Input((8, 9, 2)), *layers])
    optimizer = ParameterGroups(
        [("displacement$", keras.optimizers.Adam(0.02))],
        default=keras.optimizers.SGD(0.05, momentum=0.9),
    )
    model.compile(optimizer, "mse")
    return model


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(STEPS * JOINT_BATCH, 8, 9, 2)).astype("float32")
    return x, rng.normal(size=(STEPS * JOINT_BATCH, 4, 5, 3)).astype("float32")


def dataset() -> tf.data.Dataset:
    batches = tf.data.Dataset.from_tensor_slices(data()).batch(JOINT_BATCH)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.with_options(options)


def train_by_fit(strategy: tf.distribute.Strategy) -> keras.Model:
    with strategy.scope():
        model = build()
    model.fit(dataset(), epochs=1, verbose=0)
    return model


def train_by_a_loop(strategy: tf.distribute.Strategy) -> keras.Model:
    """A custom loop; each replica's loss is its share of the joint batch's mean."""
    with strategy.scope():
        model = build()
        model.optimizer.build(model.trainable_variables)

    def step(batch: tuple[tf.Tensor, tf.Tensor]) -> None:
        x, y = batch
        with tf.GradientTape() as tape:
            errors = tf.reduce_mean(tf.square(model(x, training=True) - y), [1, 2, 3])
            loss = tf.nn.compute_average_loss(errors, global_batch_size=JOINT_BATCH)
        gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
        model.optimizer.apply(gradients, model.trainable_variables)

    @tf.function
    def everywhere(batch: tuple[tf.Tensor, tf.Tensor]) -> None:
        strategy.run(step, args=(batch,))

    for batch in strategy.experimental_distribute_dataset(dataset()):
        everywhere(batch)
    return model


def two_logical_devices() -> tf.distribute.Strategy:
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2
    return strategy


def one_of_two_workers(index: int, ports: list[str]) -> tf.distribute.Strategy:
    workers = [f"127.0.0.1:{port}" for port in ports]
    task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
    os.environ["TF_CONFIG"] = json.dumps(task)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    assert strategy.num_replicas_in_sync == 2
    return strategy


def main(way: str, file: str, *ports: str) -> None:
    if way == "untrained":
        model = build()
        model.optimizer.build(model.trainable_variables)
    elif way == "one_fit":
        model = train_by_fit(tf.distribute.get_strategy())
    elif way == "mirrored_fit":
        model = train_by_fit(two_logical_devices())
    elif way == "mirrored_loop":
        model = train_by_a_loop(two_logical_devices())
    elif way.startswith("worker_loop_"):
        model = train_by_a_loop(one_of_two_workers(int(way[-1]), list(ports)))
    else:
        raise ValueError(way)
    np.savez(file, *[np.asarray(v) for v in [*model.weights, *model.optimizer.variables]])


if __name__ == "__main__":
    main(*sys.argv[1:])
