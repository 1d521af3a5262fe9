"""`--strategy`: two devices, and two processes on loopback, train to the weights of one device."""

import json

import keras
import numpy as np
import pytest

from examples import cli
from examples.deblurring import train as deblurring
from examples.segmentation import train as segmentation
from examples.training.strategies import check_batch, strategy_named
from tests.dau_tf import subprocesses
from tests.examples import strategy_run
from tests.examples.conftest import write_pairs
from tests.examples.written import write_cityscapes

# What two halves of a batch sum to differs in the last bits: a hundredth of what training moves.
TOLERANCE = 1e-6
# Of batch norm's statistics, of activations about 1: Keras takes the variance of a joint batch as
# E[x^2] - E[x]^2, of one device as the mean of (x - E[x])^2. Sums are of up to 4 x 17 x 17 pixels,
# and the difference of squares loses E[x^2] / variance, some 10 after a ReLU: 2^-23 sqrt(1156) 10.
STATISTICS = 4e-5
STUDIES = ["deblurring", "segmentation"]
WAYS = ["mirrored", "multiworker"]
CODE = """
import os, sys
way, config, *folders = sys.argv[1:]
os.environ["TF_CONFIG"] = config
from tests.examples.strategy_run import main
main(way, *folders)
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Folder that holds <way>/<study>, all trained side by side."""
    folder = tmp_path_factory.mktemp("strategies")
    write_pairs(folder / "data" / "pairs" / "train" / "a")
    write_cityscapes(folder / "data" / "scenes", "train", 4)
    cluster = {"worker": [f"127.0.0.1:{port}" for port in subprocesses.free_ports(2)]}
    tasks = [{"cluster": cluster, "task": {"type": "worker", "index": i}} for i in range(2)]
    configs = [("mirrored", {}), *(("multiworker", task) for task in tasks)]
    processes = [
        subprocesses.start(CODE, way, json.dumps(config), str(folder / "data"), str(folder / way))
        for way, config in configs
    ]
    strategy_run.main("none", str(folder / "data"), str(folder / "none"))
    subprocesses.finish(*processes)
    return folder


def variables(model):
    """Optimizers are numbered by how many there were in their process."""
    found = {v.path: np.asarray(v) for v in model.variables}
    for number, v in enumerate(model.optimizer.variables):
        found[f"optimizer {number} {v.path.partition('/')[2]}"] = np.asarray(v)
    return found


@pytest.mark.parametrize("study", [*STUDIES, "decay"])
@pytest.mark.parametrize("way", WAYS)
def test_same_weights_as_one_device(trained, study, way):
    one, other = (
        variables(keras.models.load_model(trained / name / study / "model.keras"))
        for name in ("none", way)
    )
    assert one.keys() == other.keys()
    for path, value in one.items():
        atol, rtol = TOLERANCE, 0.0
        if "displacement" in path:  # their rate is so much higher
            atol *= strategy_run.SEGMENTATION.displacement_factor
        elif "/moving_" in path:
            atol = rtol = STATISTICS
        np.testing.assert_allclose(other[path], value, atol=atol, rtol=rtol, err_msg=path)


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("way", WAYS)
def test_same_loss_as_one_device(trained, study, way):
    """The log has the joint batch's loss, not one replica's."""
    rows = [
        [line.split(",") for line in (trained / name / study / "log.csv").read_text().splitlines()]
        for name in ("none", way)
    ]
    losses = [i for i, name in enumerate(rows[0][0]) if name.endswith("loss")]
    assert losses
    for one, other in zip(rows[0][1:], rows[1][1:], strict=True):
        for i in losses:
            assert float(other[i]) == pytest.approx(float(one[i]), rel=1e-5)


def test_training_moved_what_it_should(trained):
    recipes = strategy_run.DEBLURRING, strategy_run.SEGMENTATION
    untrained = deblurring.new_model(recipes[0], 4), segmentation.new_model(recipes[1], 19)
    for study, before in zip(STUDIES, untrained, strict=True):
        after = keras.models.load_model(trained / "none" / study / "model.keras")
        for name in ("kernel", "unit_weight", "displacement"):
            moved = max(
                np.abs(np.asarray(a) - np.asarray(b)).max()
                for a, b in zip(after.variables, before.variables, strict=True)
                if a.name == name
            )
            assert moved > 100 * TOLERANCE, (study, name)


@pytest.mark.parametrize("config", [None, "nonsense", '{"cluster": {"worker": []}}'])
def test_a_wrong_tf_config_is_refused(monkeypatch, config):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(cli.UserError, match="TF_CONFIG must be"):
        strategy_named("multiworker")


def test_a_batch_that_replicas_cannot_share_is_refused():
    class Three:
        num_replicas_in_sync = 3

    check_batch(Three(), 6)
    with pytest.raises(cli.UserError, match="must be a multiple of 3 replicas, received 4"):
        check_batch(Three(), 4)
