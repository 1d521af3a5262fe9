"""Two replicas, or two processes, train to the weights of one device with the joint batch."""

import numpy as np
import pytest

from tests.dau_tf import subprocesses

# Sums of eight examples are split in two halves; five steps of Adam keep the difference of float32.
TOLERANCE = 2e-6
WAYS = ["one_fit", "mirrored_fit", "mirrored_loop", "worker_loop_0", "worker_loop_1"]
CODE = "import sys; from tests.dau_tf.distributed_training import main; main(*sys.argv[1:])"


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> dict[str, list[np.ndarray]]:
    """Model and optimizer variables of each way, trained side by side."""
    folder = tmp_path_factory.mktemp("distribute")
    files = {way: folder / f"{way}.npz" for way in ["untrained", *WAYS]}
    ports = subprocesses.free_ports(2)
    subprocesses.finish(
        *(subprocesses.start(CODE, way, str(file), *ports) for way, file in files.items())
    )
    return {way: list(np.load(file).values()) for way, file in files.items()}


@pytest.mark.parametrize("way", WAYS[1:])
def test_same_weights_as_one_device(weights, way):
    assert len(weights[way]) == len(weights["one_fit"]) > 8
    for one, other in zip(weights["one_fit"], weights[way], strict=True):
        np.testing.assert_allclose(other, one, atol=TOLERANCE)


def test_training_moved_what_it_should(weights):
    pairs = zip(weights["untrained"], weights["one_fit"], strict=True)
    moved = [np.abs(a - b).max() for a, b in pairs]
    # unit_weight, displacement, bias and sigma, of two layers
    assert min(moved[:3] + moved[4:7]) > 1000 * TOLERANCE
    assert moved[3] == moved[7] == 0
