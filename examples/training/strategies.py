"""Where a training runs: on one device, on all of this machine, on several machines."""

import json
import os
from collections.abc import Iterator

import keras
import tensorflow as tf

from examples import cli

NAMES = ("none", "mirrored", "multiworker")


def strategy_named(name: str) -> tf.distribute.Strategy:
    """Makes a strategy, before anything else of TensorFlow is used.

    Args:
        name: "none"; "mirrored", all GPUs or else logical CPUs of this machine; "multiworker", the
            machines of the environment's TF_CONFIG, each of which runs the same command with an
            `--out` that all of them see.

    Raises:
        UserError: TF_CONFIG is missing or not what TensorFlow expects.
    """
    if name == "none":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name != "multiworker":
        raise ValueError(f"`name` must be one of {NAMES}. Received: name={name!r}")
    _check_tf_config()
    return tf.distribute.MultiWorkerMirroredStrategy()


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes what one of several workers writes."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.cluster_spec():
        return True
    return resolver.task_type in ("chief", "worker") and resolver.task_id == 0


def several_workers(strategy: tf.distribute.Strategy) -> bool:
    """Whether other processes take part."""
    resolver = strategy.cluster_resolver
    return resolver is not None and len(resolver.cluster_spec().as_dict().get("worker", ())) > 1


def check_batch(strategy: tf.distribute.Strategy, batch: int) -> None:
    """Replicas take equal shares of a batch.

    Raises:
        UserError: they cannot.
    """
    replicas = strategy.num_replicas_in_sync
    if batch % replicas:
        raise cli.UserError(f"--batch: must be a multiple of {replicas} replicas, received {batch}")


def synchronize_batch_norm(model: keras.Model, strategy: tf.distribute.Strategy) -> None:
    """Lets batch norm see the joint batch; without it, each replica normalises by its own part."""
    if strategy.num_replicas_in_sync == 1:
        return
    for layer in layers(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True


def layers(model: keras.Model) -> Iterator[keras.Layer]:
    """All layers, those of models inside included."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from layers(layer)
        else:
            yield layer


def _check_tf_config() -> None:
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text)
        workers = config["cluster"]["worker"]
        valid = config["task"]["type"] == "worker" and 0 <= config["task"]["index"] < len(workers)
    except (ValueError, KeyError, TypeError):
        valid = False
    if not valid:
        raise cli.UserError(
            "--strategy multiworker: the environment's TF_CONFIG must be "
            '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}. '
            f"Received: {text!r}"
        )
