"""A training loop for every strategy, with Keras' callbacks.

`model.fit` does not run under MultiWorkerMirroredStrategy with Keras 3 (docs/training.md); this
does what it does: rounds of `model.train_step` on every replica, which calls the optimizer's
`apply`, metrics of all replicas at the end of each round.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from examples import cli
from examples.datasets.order import Shard
from examples.datasets.pictures import DatasetError
from examples.training.optimizers import not_finite, steps_done
from examples.training.strategies import layers, several_workers

Batches = Callable[[int, Shard], tf.data.Dataset]
"""(number of the first joint batch, which part of each) -> endless batches (inputs, targets)."""

# What joint sums raise where a worker is killed, its machine is off, or it has ended in an error.
_GONE = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


def fit(
    model: keras.Model,
    batches: Batches,
    steps: int,
    steps_per_round: int,
    callbacks: Sequence[keras.callbacks.Callback],
    seed: int,
) -> None:
    """Trains from the optimizer's `iterations` to `steps`.

    Args:
        model: compiled in the scope of its strategy.
        batches: the pipeline; a joint batch must be a multiple of the replicas.
        steps: optimizer steps of the whole training.
        steps_per_round: a round is what callbacks call an epoch; the last may be shorter.
        callbacks: set `model.stop_training` to end after the current round.
        seed: any integer; decides what dropout drops, with the number of the step.

    Raises:
        DatasetError: names the file that is wrong.
        UserError: another worker has stopped, or a weight is not finite; the callbacks' own.
    """
    strategy = model.distribute_strategy
    done = steps_done(model)
    called = keras.callbacks.CallbackList(
        list(callbacks), model=model, epochs=math.ceil(steps / steps_per_round), verbose=0
    )
    try:
        iterator = iter(_distributed(strategy, batches, done))
        model.stop_training = False
        called.on_train_begin()
        first, logs = next(iterator), {}
        build(model, strategy, first)
        _seed_dropout(model, seed, done)
        step, coming = _step(model, strategy), itertools.chain([first], iterator)
        for number in range(done // steps_per_round, math.ceil(steps / steps_per_round)):
            model.reset_metrics()
            called.on_epoch_begin(number)
            for batch in range(min(steps_per_round, steps - number * steps_per_round)):
                called.on_train_batch_begin(batch)
                logs = step(next(coming))
                done += 1
                called.on_train_batch_end(batch, logs)
            logs = _numbers(model.get_metrics_result())
            called.on_epoch_end(number, logs)
            if model.stop_training:
                break
        called.on_train_end(logs)
    except tf.errors.OpError as error:
        raise _named(error, model, done) from error


def _distributed(strategy: tf.distribute.Strategy, batches: Batches, done: int) -> Any:
    """Each worker makes its own part; its replicas take equal shares of that."""

    def part(context: tf.distribute.InputContext) -> tf.data.Dataset:
        dataset = batches(done, Shard(context.input_pipeline_id, context.num_input_pipelines))
        replicas = context.num_replicas_in_sync // context.num_input_pipelines
        if replicas == 1:
            return dataset
        size = int(tf.nest.flatten(dataset.element_spec)[0].shape[0])
        return dataset.rebatch(size // replicas)

    return strategy.distribute_datasets_from_function(part)


def _step(
    model: keras.Model, strategy: tf.distribute.Strategy
) -> Callable[[Any], dict[str, float]]:
    @tf.function(reduce_retracing=True)
    def everywhere(batch: Any) -> dict:
        return strategy.run(model.train_step, args=(batch,))

    # Progress shows the first replica's figures; the end of the round has everyone's.
    return lambda batch: _numbers(_first_replica(strategy, everywhere(batch)))


def _first_replica(strategy: tf.distribute.Strategy, values: Any) -> Any:
    return tf.nest.map_structure(lambda v: strategy.experimental_local_results(v)[0], values)


def build(model: keras.Model, strategy: tf.distribute.Strategy, batch: Any) -> None:
    """Makes the variables of losses, metrics and optimizer, which a replica may not make.

    Args:
        model: compiled.
        strategy: in whose scope it was.
        batch: (inputs, targets), of one replica or of all.
    """
    one = tf.nest.map_structure(lambda v: v[:1], _first_replica(strategy, batch))
    x, y = one
    outputs = model.compute_output_spec(keras.KerasTensor(x.shape, x.dtype))
    zeros = tf.nest.map_structure(lambda spec: tf.zeros(spec.shape, spec.dtype), outputs)
    with strategy.scope():
        model.compute_loss(x, y, zeros)
        model.compute_metrics(x, y, zeros)
        model.optimizer.build(model.trainable_variables)


def _seed_dropout(model: keras.Model, seed: int, done: int) -> None:
    """Files do not keep the state of Keras' seed generators, which counts the calls: the steps."""
    for number, layer in enumerate(layers(model)):
        generator = getattr(layer, "seed_generator", None)
        if isinstance(generator, keras.random.SeedGenerator):
            generator.state.assign([(seed * 10_007 + number) % 2**31, done])


def _numbers(logs: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in logs.items()}


def _named(error: tf.errors.OpError, model: keras.Model, done: int) -> Exception:
    """What is behind an error of TensorFlow's, where that is something the user can put right."""
    lines = str(error).splitlines() or [""]
    for line in lines:
        # From inside the pipeline it comes wrapped in a traceback.
        _, found, message = line.partition("DatasetError: ")
        if found:
            return DatasetError(message)
    if isinstance(error, _GONE) and several_workers(model.distribute_strategy):
        return cli.UserError(
            "another worker has stopped or cannot be reached, see its messages; start all with the "
            f"same command again: they go on from the last checkpoint ({lines[0]})"
        )
    name = not_finite(model)
    if name is not None:
        # The op refuses displacements that are not finite, before there is a loss.
        return cli.UserError(
            f"{name} is not finite after step {done}: lower --rate, with another --out"
        )
    return error
