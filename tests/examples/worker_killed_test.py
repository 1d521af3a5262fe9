"""One of two workers is killed: the other ends with a message, and both go on from the checkpoint.

TensorFlow finds a killed process by its closed connections, within seconds; one that is frozen, or
whose machine is off, by its heartbeat: docs/training.md.
"""

import json
import time

from examples.training.optimizers import steps_done
from examples.training.trained import read_model
from tests.dau_tf import subprocesses

# A round is short, so that the kill falls into steps and into checkpoints.
CODE = """
import os, pathlib, sys, time
os.environ["TF_CONFIG"], out, steps = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
import keras, tensorflow as tf
from examples import cli
from examples.training import checkpoints, strategies
from examples.training.callbacks import Checkpoint
from examples.training.folder import Folder
from examples.training.loop import fit
from examples.training.optimizers import steps_done

def main():
    strategy = strategies.strategy_named("multiworker")
    chief = strategies.is_chief(strategy)
    kept = Folder(out, {}, writes=chief)
    with strategy.scope():
        model = checkpoints.load(kept.checkpoint, chief)
        began = steps_done(model) if model else 0
        if model is None:
            model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, name="d")])
            model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    kept.claim()
    one = tf.data.Dataset.from_tensors((tf.ones([1, 3]), tf.ones([1, 3]))).repeat()
    callbacks = [Checkpoint(kept.checkpoint if chief else None, kept.add_seconds)]
    fit(model, lambda first, shard: one, steps, 5, callbacks, 0)
    print("from", began, "to", steps_done(model))

cli.run(main)
"""
# A closed connection is found within seconds; this many on a machine with ten times the work it has
# processors for.
LONGEST = 240.0


def start_both(out, steps):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in subprocesses.free_ports(2)]}
    tasks = [{"cluster": cluster, "task": {"type": "worker", "index": i}} for i in range(2)]
    return [subprocesses.start(CODE, json.dumps(t), str(out), str(steps)) for t in tasks]


def test_the_other_worker_says_so_and_both_go_on(tmp_path):
    """It is the chief, which writes the checkpoints, that is killed."""
    out = tmp_path / "out"
    chief, other = start_both(out, 10**9)
    try:
        end = time.monotonic() + LONGEST
        while not (out / "model-previous.keras").exists() and time.monotonic() < end:
            assert chief.poll() is None
            assert other.poll() is None
            time.sleep(0.05)
        chief.kill()
        printed = other.communicate(timeout=LONGEST)[0]
    finally:
        for worker in (chief, other):
            worker.kill()
            worker.wait()
    assert other.returncode == 2, printed
    assert "error: another worker has stopped or cannot be reached" in printed
    assert "Traceback" not in printed

    done = steps_done(read_model(out / "model.keras", compile=True))
    # 5 where the kill came between the second name of the former checkpoint and the new one.
    assert done >= 5
    chief, other = start_both(out, done + 5)
    subprocesses.finish(other, timeout=LONGEST)
    assert f"from {done} to {done + 5}" in chief.communicate(timeout=LONGEST)[0]
