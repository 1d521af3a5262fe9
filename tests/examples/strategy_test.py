"""`--strategy`: two devices, and two processes, train to the weights of one device.

The programs run as their users run them, in processes of their own, because devices and workers
are fixed when TensorFlow starts; all side by side.
"""

import json
import socket

import keras
import numpy as np
import pytest

from examples import cli
from examples.segmentation import train as _  # noqa: F401  registers layers, losses and metrics
from examples.training.strategies import strategy_named
from tests.dau_tf import subprocesses
from tests.examples.conftest import write_pairs
from tests.examples.written import write_cityscapes

# What two halves of a batch sum to differs in float32's last bit; after four steps of Adam, whose
# step is the rate (1e-3) whatever the gradient's size, by less than 1e-3 of a step.
TOLERANCE = 1e-6
# argv: two devices?, TF_CONFIG, module, its arguments
CODE = """
import os, runpy, sys
devices, config, module, *sys.argv[1:] = sys.argv[1:]
os.environ["TF_CONFIG"] = config
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(1)
if devices == "2":
    (cpu,) = tf.config.list_physical_devices("CPU")
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, halves)
runpy.run_module(module, run_name="__main__")
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start_all(folder, module, arguments):
    """Starts the ways of running a program; name -> where it writes, and the processes."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    tasks = [{"cluster": cluster, "task": {"type": "worker", "index": i}} for i in range(2)]
    runs = {"none": [("1", "{}")], "mirrored": [("2", "{}")]}
    runs["multiworker"] = [("1", json.dumps(task)) for task in tasks]
    outs = {name: folder / name for name in runs}
    processes = [
        subprocesses.start(
            CODE, *how, module, *arguments, f"--strategy={name}", f"--out={outs[name]}"
        )
        for name, ways in runs.items()
        for how in ways
    ]
    return outs, processes


def weights(path):
    model = keras.models.load_model(path)
    optimizer = {v.path: np.asarray(v) for v in model.optimizer.variables}
    return {v.path: np.asarray(v) for v in model.variables}, optimizer


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strategies")
    write_pairs(folder / "data" / "train" / "a")
    deblurring = ["--config=small", "--width=2", "--steps=4", "--round=2", "--batch=4"]
    deblurring += ["--crop=16", f"--data={folder / 'data'}"]
    write_cityscapes(folder / "scenes", "train", 4)
    # Without dropout, which draws anew for each replica.
    segmentation = ["--config=small", "--depth=14", "--width=2", "--filters=4", "--dropout=0"]
    segmentation += ["--steps=4", "--round=2", "--batch=4", "--crop=33", "--shrink=1"]
    segmentation += ["--validate=0", f"--data={folder / 'scenes'}"]
    outs = {}
    for study, arguments in (("deblurring", deblurring), ("segmentation", segmentation)):
        ways, processes = start_all(folder / study, f"examples.{study}.train", arguments)
        outs |= {(study, name): out for name, out in ways.items()}
        subprocesses.finish(*processes)
    return outs


@pytest.mark.parametrize("study", ["deblurring", "segmentation"])
@pytest.mark.parametrize("way", ["mirrored", "multiworker"])
def test_same_weights_as_one_device(trained, study, way):
    one, steps_one = weights(trained[study, "none"] / "model.keras")
    other, steps_other = weights(trained[study, way] / "model.keras")
    assert one.keys() == other.keys()
    for path, value in one.items():
        np.testing.assert_allclose(other[path], value, atol=TOLERANCE, err_msg=path)
    assert steps_one.keys() == steps_other.keys()


@pytest.mark.parametrize("study", ["deblurring", "segmentation"])
@pytest.mark.parametrize("way", ["mirrored", "multiworker"])
def test_same_log_as_one_device(trained, study, way):
    """The loss is that of the joint batch, not of one replica's part."""
    rows = [
        [line.split(",") for line in (trained[study, name] / "log.csv").read_text().splitlines()]
        for name in ("none", way)
    ]
    assert rows[0][0] == rows[1][0]
    losses = [i for i, name in enumerate(rows[0][0]) if name.endswith("loss")]
    assert losses
    for one, other in zip(rows[0][1:], rows[1][1:], strict=True):
        for i in losses:
            assert float(other[i]) == pytest.approx(float(one[i]), rel=1e-5)


@pytest.mark.parametrize("config", [None, "nonsense", '{"cluster": {"worker": []}}'])
def test_a_wrong_tf_config_is_refused(monkeypatch, config):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(cli.UserError, match="TF_CONFIG must be"):
        strategy_named("multiworker")
