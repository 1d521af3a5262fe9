"""The library is found, checked and loaded once, beside whatever the user loads."""

import threading
import time
from types import SimpleNamespace

import pytest
import tensorflow as tf

import dau_tf
from dau_tf.ops import loader
from tests.dau_tf import subprocesses

EXPECTED_MINOR = ".".join(tf.__version__.split(".")[:2])


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Points the loader to an empty folder and returns a function that fills it."""
    monkeypatch.setattr(loader, "_LIBRARY", tmp_path / "_dau_ops.so")
    monkeypatch.setattr(loader, "_BUILD_INFO", tmp_path / "_build_info.json")
    monkeypatch.setattr(loader, "_loaded", None)
    monkeypatch.setattr(loader, "_loaded_by_user", lambda: None)

    def fill(library: str | None, info: str | None) -> None:
        for name, text in {"_dau_ops.so": library, "_build_info.json": info}.items():
            if text is not None:
                (tmp_path / name).write_text(text)

    return fill


@pytest.mark.parametrize(("library", "info"), [(None, None), ("x", None), (None, "{}")])
def test_not_built(build, library, info):
    build(library, info)
    missing = "_dau_ops.so" if library is None else "_build_info.json"
    for call in (dau_tf.op_library_path, loader.load_library):
        with pytest.raises(FileNotFoundError, match=f"{missing} does not exist. Run `make build`"):
            call()


@pytest.mark.parametrize("version", ["2.16.1", "3.0.0"])
def test_built_for_another_minor_is_refused_before_it_is_opened(build, version, monkeypatch):
    build("x", f'{{"tensorflow": "{version}"}}')
    monkeypatch.setattr(tf, "load_op_library", lambda path: pytest.fail("it was opened"))
    expected = f"Expected TensorFlow {version[:-2]}. Received: TensorFlow {tf.__version__}"
    for call in (dau_tf.op_library_path, loader.load_library):
        with pytest.raises(RuntimeError, match=expected):
            call()


def test_another_patch_version_fits(build):
    build("x", f'{{"tensorflow": "{EXPECTED_MINOR}.99"}}')
    assert dau_tf.op_library_path().endswith("_dau_ops.so")


@pytest.mark.parametrize("info", ["", "{}", "[]", "2.21"])
def test_unreadable_build_info(build, info):
    build("x", info)
    with pytest.raises(RuntimeError, match="must be a JSON object such as"):
        dau_tf.op_library_path()


def test_broken_library(build):
    build("not a library", f'{{"tensorflow": "{tf.__version__}"}}')
    with pytest.raises(RuntimeError, match=r"could not load .*_dau_ops.so.*make build"):
        loader.load_library()


def test_threads_load_it_once(build, monkeypatch):
    build("x", f'{{"tensorflow": "{tf.__version__}"}}')
    loaded = []

    def load(path):
        time.sleep(0.05)
        loaded.append(path)
        return SimpleNamespace()

    monkeypatch.setattr(tf, "load_op_library", load)
    threads = [threading.Thread(target=loader.load_library) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaded) == 1


COMPUTE = """
def compute():
    y = dau_tf.dau_conv2d(tf.ones([1, 5, 5, 1]), [[[2.0]]], tf.zeros([2, 1, 1, 1]), 0.1)
    assert abs(float(y[0, 2, 2, 0]) - 2.0) < 1e-6
"""
PACKAGE_FIRST = """
import dau_tf
assert "_dau_ops" not in open("/proc/self/maps").read(), "importing dau_tf loads the library"
import tensorflow as tf
{compute}
compute()
assert hasattr(tf.load_op_library(dau_tf.op_library_path()), "dau_conv2d")
compute()
"""
USER_FIRST = """
import os, sys
import tensorflow as tf
assert hasattr(tf.load_op_library(sys.argv[1]), "dau_conv2d")
import dau_tf
{compute}
compute()
assert os.path.samefile(sys.argv[1], dau_tf.op_library_path())
"""


def test_loaded_by_user_and_package_in_either_order(tmp_path):
    # The user's spelling of the path is a link: TensorFlow takes it for another library.
    link = tmp_path / "linked.so"
    link.symlink_to(dau_tf.op_library_path())
    subprocesses.finish(
        subprocesses.start(PACKAGE_FIRST.format(compute=COMPUTE)),
        subprocesses.start(USER_FIRST.format(compute=COMPUTE), str(link)),
    )
