"""What is handed on holds what it must, and works where there is nothing else of ours.

The wheel is packed from the libraries in dau_tf/. What an sdist is for, a build by Bazel, takes a
minute; docs/install.md has the command.
"""

import email
import importlib.util
import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = json.loads((ROOT / "dau_tf" / "_build_info.json").read_text())["tensorflow"]
MINOR = ".".join(BUILT.split(".")[:2])
PINNED = re.search(r"^tensorflow-cpu==(\d+\.\d+)", (ROOT / "requirements.txt").read_text(), re.M)[1]
LIBRARIES = {"dau_tf/_dau_ops.so", "dau_tf/_dau_xla.so", "dau_tf/_build_info.json"}


def pack(kind: str, folder: Path, **environment: str) -> Path:
    subprocess.run(
        [str(ROOT / "tools" / "wheel.sh"), kind, str(folder)],
        env={**os.environ, **environment},
        check=True,
    )
    (path,) = folder.iterdir()
    return path


def tracked(*folders: str) -> set[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders]
    names = subprocess.check_output(command, cwd=ROOT, text=True).split("\0")
    return {name for name in names if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack("wheel", tmp_path_factory.mktemp("wheel"), TF="tensorflow-cpu")


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack("sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture
def backend(sdist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The build backend of an unpacked sdist, run in its root as pip does."""
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (root,) = tmp_path.iterdir()
    monkeypatch.chdir(root)
    spec = importlib.util.spec_from_file_location(
        "dau_build", root / "tools/packaging/dau_build.py"
    )
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "dau_build", module)
    monkeypatch.delenv("DAU_TENSORFLOW", raising=False)
    spec.loader.exec_module(module)
    return module


def test_wheel_holds_the_package_and_its_libraries_only(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert archive.getinfo("dau_tf/_dau_ops.so").external_attr >> 16 & 0o111
        assert archive.read("dau_tf/_dau_ops.so") == (ROOT / "dau_tf/_dau_ops.so").read_bytes()
    assert names == tracked("dau_tf") | LIBRARIES


def test_wheel_names_its_platform_and_its_tensorflow(wheel: Path) -> None:
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert wheel.name.endswith(f"+tf{MINOR}-py3-none-{platform}.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
        tags = archive.read(name.replace("METADATA", "WHEEL")).decode()
    needs = [r for r in metadata.get_all("Requires-Dist") if "extra ==" not in r]
    assert sorted(needs) == ["h5py", "keras>=3.12", "numpy>=2", f"tensorflow-cpu=={MINOR}.*"]
    assert sorted(metadata.get_all("Provides-Extra")) == ["analysis", "bench", "examples"]
    assert "Root-Is-Purelib: false" in tags


def test_sdist_holds_what_bazel_needs_and_no_library(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        assert archive.getmember(f"{sdist.name.removesuffix('.tar.gz')}/bazelw").mode & 0o100
    roots = {"BUILD", "WORKSPACE", "bazelw", ".bazelrc", ".bazelversion", "requirements.txt"}
    assert names >= tracked("cc", "dau_tf", "tools") | roots
    assert not names & LIBRARIES
    assert not [n for n in names if n.startswith(("tests/", "examples/", "benchmarks/", "docs/"))]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, f"tensorflow-cpu=={PINNED}.*"),
        ("tensorflow", f"tensorflow=={PINNED}.*"),
        ("tensorflow[and-cuda]", f"tensorflow[and-cuda]=={PINNED}.*"),
        ("tensorflow-cpu == 2.20.0", "tensorflow-cpu==2.20.*"),
    ],
)
def test_requirement(backend: ModuleType, monkeypatch, wanted: str | None, expected: str) -> None:
    if wanted:
        monkeypatch.setenv("DAU_TENSORFLOW", wanted)
    assert backend.tensorflow_requirement() == expected
    assert backend.get_requires_for_build_wheel() == [expected]


@pytest.mark.parametrize(
    "wanted", ["tensorflow>=2.20", "tensorflow==2", "tensorflow-cpu==x.y", "."]
)
def test_requirement_of_no_version(backend: ModuleType, monkeypatch, wanted: str) -> None:
    monkeypatch.setenv("DAU_TENSORFLOW", wanted)
    with pytest.raises(
        SystemExit, match=r"must be the name of a TensorFlow distribution.*Received"
    ):
        backend.tensorflow_requirement()


def test_wheel_of_another_tensorflow_than_its_libraries(backend: ModuleType, monkeypatch) -> None:
    monkeypatch.setenv("DAU_TENSORFLOW", "tensorflow-cpu==2.16.*")
    for path in backend.LIBRARIES.values():
        path.write_text('{"tensorflow": "2.21.0"}')
    assert backend.get_requires_for_build_wheel() == []
    with pytest.raises(
        SystemExit, match=r"built for TensorFlow 2.21.0, .* require tensorflow-cpu==2.16"
    ):
        backend.build_wheel("dist")


def test_failing_bazel(backend: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    backend.ROOT.joinpath("bazelw").write_text("#!/bin/sh\necho its own message; exit 7\n")
    with pytest.raises(
        SystemExit, match=r"Bazel could not build the op library .*status 7.*libhwy-dev"
    ):
        backend.build_wheel("dist")
    assert "its own message" in capfd.readouterr().out


USE = """
import sys
import keras
import dau_tf

assert dau_tf.__file__.startswith(sys.prefix), dau_tf.__file__
model = keras.Sequential([keras.Input((9, 9, 3)), dau_tf.DAUConv2D(4, units=2)])
model.export("exported", verbose=False)
print(model(keras.ops.ones((1, 9, 9, 3))).shape)
"""


def test_installed_where_there_is_nothing_else(wheel: Path, tmp_path: Path) -> None:
    environment, empty = tmp_path / "environment", tmp_path / "empty"
    empty.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", str(wheel)], check=True)
    (site,) = environment.glob("lib/python3*/site-packages")
    # TensorFlow and the rest from here. The .pth files there, one of which leads to our sources,
    # are not read: a .pth adds a folder, not a site.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))

    def run(code: str) -> subprocess.CompletedProcess[str]:
        variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        return subprocess.run(
            [str(python), "-c", code],
            cwd=empty,
            env={**variables, "TF_CPP_MIN_LOG_LEVEL": "2"},
            capture_output=True,
            text=True,
            check=False,
        )

    used = run(USE)
    assert used.returncode == 0, used.stderr
    assert used.stdout.strip().endswith("(1, 9, 9, 4)")
    assert (empty / "exported" / "saved_model.pb").is_file()

    (site / "dau_tf" / "_build_info.json").write_text('{"tensorflow": "2.16.1"}')
    refused = run("import dau_tf")
    assert refused.returncode != 0
    assert "was built for TensorFlow 2.16" in refused.stderr
    assert f"Expected TensorFlow 2.16. Received: TensorFlow {MINOR}" in refused.stderr
