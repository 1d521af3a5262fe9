"""SavedModels: what they need, what TensorFlow says without it, and that old ones keep loading."""

import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from tests.dau_tf import subprocesses

GOLDEN = sorted(Path(__file__).with_name("golden").glob("*.pbtxt"))
IMAGES = np.random.default_rng(9).normal(size=(1, 8, 9, 3)).astype("float32")
# A later version may sum in another order: float32 sums of up to some hundred products.
TOLERANCE = 1e-5

# What docs/export.md quotes.
NOT_REGISTERED = "Op type not registered 'Dau>Conv2D' in binary running on "


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((None, None, 3)), dau_tf.DAUConv2D(4), dau_tf.DAUConv2D(2, name="last")]
    )
    folder = tmp_path_factory.mktemp("model")
    model.export(folder, verbose=False)
    return folder, np.asarray(model(IMAGES))


def test_the_record(exported):
    folder, _ = exported
    record = dau_tf.export.record_needs(folder)
    signatures = record.pop("signatures")
    (name,) = signatures["serving_default"]["outputs"].values()
    assert re.fullmatch(r"StatefulPartitionedCall(_\d+)?:0", name)
    assert record == {
        "dau_tf": dau_tf.__version__,
        "tensorflow": tf.__version__,
        "ops": ["Dau>Conv2D"],
        "op_library": Path(dau_tf.op_library_path()).name,
    }
    written = json.loads((folder / "assets.extra" / "dau_tf.json").read_text())
    assert written == {**record, "signatures": signatures}


def test_stock_layers_need_nothing(tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).export(tmp_path, verbose=False)
    needed = dau_tf.export.needs(tmp_path)
    assert (needed["ops"], needed["op_library"]) == ([], None)


def test_a_fresh_process_without_the_library_is_told_the_op(exported):
    folder, _ = exported
    code = """
import sys, tensorflow as tf
try:
    tf.saved_model.load(sys.argv[1])
except RuntimeError as error:
    assert str(error).startswith(sys.argv[2]), error
else:
    raise AssertionError("loaded without the op library")
assert "dau_tf" not in sys.modules
"""
    subprocesses.finish(subprocesses.start(code, str(folder), NOT_REGISTERED))


def test_a_fresh_process_loads_it_with_the_library(exported, tmp_path):
    folder, expected = exported
    np.save(tmp_path / "images.npy", IMAGES)
    code = """
import sys, numpy as np, dau_tf
model = dau_tf.export.load_saved_model(sys.argv[1])
np.save(sys.argv[2] + "/outputs.npy", model.serve(np.load(sys.argv[2] + "/images.npy")))
"""
    subprocesses.finish(subprocesses.start(code, str(folder), str(tmp_path)))
    np.testing.assert_array_equal(np.load(tmp_path / "outputs.npy"), expected)


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_what_earlier_versions_exported_loads(golden, tmp_path):
    (tmp_path / "saved_model.pbtxt").write_text(golden.read_text("utf-8"), "utf-8")
    # A SavedModel without variables has a checkpoint all the same, which is no text.
    (tmp_path / "variables").mkdir()
    tf.train.Checkpoint(tf.Module()).write(str(tmp_path / "variables" / "variables"))
    assert dau_tf.export.needs(tmp_path)["op_library"]
    outputs = dau_tf.export.load_saved_model(tmp_path).check()
    names = [name for name in outputs if not name.endswith("_expected")]
    assert len(names) >= 12
    for name in names:
        expected = outputs[f"{name}_expected"].numpy()
        assert np.abs(expected).max() > 0
        error = np.abs(outputs[name] - expected).max()
        assert error <= TOLERANCE * np.abs(expected).max(), name


def test_there_is_a_file_of_an_earlier_version():
    assert GOLDEN


def test_no_saved_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="`folder` must hold a SavedModel"):
        dau_tf.export.needs(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\xff\xff no protocol buffer")
    with pytest.raises(ValueError, match="that can be read"):
        dau_tf.export.needs(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match="with a graph"):
        dau_tf.export.needs(tmp_path)
