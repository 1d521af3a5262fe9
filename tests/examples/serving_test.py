"""The C program: the pixels of Python's result, and messages for what goes wrong."""

import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

import dau_tf
from examples.deblurring import evaluate, export, metrics

BUILD = pathlib.Path(__file__).parents[2] / "examples" / "serving" / "build.sh"
MISSING = 3  # exit status of build.sh where the compiler or libpng is not installed


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("serving") / "restore"
    result = subprocess.run([BUILD, path, sys.executable], capture_output=True, text=True)
    if result.returncode == MISSING:
        pytest.skip(result.stderr.strip())
    assert result.returncode == 0, result.stderr
    return path


@pytest.fixture(scope="module")
def model(trained) -> keras.Model:
    return evaluate.load_model(trained["model"])


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("exported") / "saved"
    export.export(model, folder)
    return folder


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("picture") / "in.png"
    pixels = np.random.default_rng(3).integers(0, 256, (37, 53, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def run(program: pathlib.Path, *arguments) -> subprocess.CompletedProcess:
    # An empty environment: nothing of Python's is found by chance.
    command = [program, *map(str, arguments)]
    return subprocess.run(command, env={}, capture_output=True, text=True, timeout=120)


def restored_by_python(model: keras.Model, picture: pathlib.Path) -> np.ndarray:
    blurred = np.asarray(Image.open(picture))[None] / np.float32(255)
    return metrics.to_uint8(model(blurred, training=False)[0].numpy())


def test_the_same_pixels_as_python(program, model, exported, picture, tmp_path):
    result = run(program, dau_tf.op_library_path(), exported, picture, tmp_path / "out.png")
    assert result.returncode == 0, result.stderr
    restored = np.asarray(Image.open(tmp_path / "out.png"))
    np.testing.assert_array_equal(restored, restored_by_python(model, picture))
    assert np.any(restored != np.asarray(Image.open(picture)))


def test_a_model_of_stock_layers_needs_no_library(program, model, picture, tmp_path):
    standard = dau_tf.export.to_standard(model)
    needs = export.export(standard, tmp_path / "standard")
    assert needs["op_library"] is None
    result = run(program, "-", tmp_path / "standard", picture, tmp_path / "out.png")
    assert result.returncode == 0, result.stderr
    restored = np.asarray(Image.open(tmp_path / "out.png"))
    np.testing.assert_array_equal(restored, restored_by_python(standard, picture))


WRONG = {
    "no library": ({"library": "-"}, "Op type not registered 'Dau>Conv2D'"),
    "not a library": ({"library": "/none.so"}, "cannot load /none.so"),
    "no model": ({"exported": "/none"}, "cannot load /none"),
    "no picture": ({"picture": "/none.png"}, "cannot read /none.png"),
    "no such tensor": ({"names": ("images:0", "out:0")}, "cannot find images:0"),
    "nowhere to write": ({"out": "/none/out.png"}, "cannot write /none/out.png"),
}


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_goes_wrong_is_one_line(program, exported, picture, tmp_path, changes, message):
    given = {"library": dau_tf.op_library_path(), "exported": exported, "picture": picture}
    given = {**given, "out": tmp_path / "out.png", "names": (), **changes}
    *arguments, names = given.values()
    result = run(program, *arguments, *names)
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1].startswith("restore: ")
    assert message in result.stderr


def test_usage(program):
    result = run(program, "model")
    assert result.returncode == 2
    assert "usage: restore OP_LIBRARY SAVED_MODEL IN.png OUT.png" in result.stderr
