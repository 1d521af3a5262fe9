"""setuptools' build backend, with Bazel: a wheel holds the library of one minor TensorFlow version.

Where dau_tf/ has the compiled libraries, as `make wheel` sees to, a wheel takes them as they are.
Elsewhere, as in an unpacked sdist, building a wheel builds them first, with the headers of the
TensorFlow that pip installs for it.

Environment:
    DAU_TENSORFLOW: The TensorFlow that the wheel requires, a name with or without ==VERSION.
        tensorflow-cpu; the version is that of the libraries, else that of requirements.txt.
    DAU_CUDA: 1 builds GPU kernels too.
    DAU_LOCAL_VERSION: tf2.21 makes version 0.1.0 into 0.1.0+tf2.21.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  what pip asks a backend for, but for the two below

ROOT = Path(__file__).resolve().parents[2]
BUILD_INFO = ROOT / "dau_tf" / "_build_info.json"
# What was built -> what a wheel holds.
LIBRARIES = {
    "cc/tf/_dau_ops.so": ROOT / "dau_tf" / "_dau_ops.so",
    "cc/tf/xla/_dau_xla.so": ROOT / "dau_tf" / "_dau_xla.so",
    "tools/bazel/_build_info.json": BUILD_INFO,
}


def get_requires_for_build_wheel(config_settings=None):
    """setuptools, and TensorFlow where its headers are needed."""
    requirements = build_meta.get_requires_for_build_wheel(config_settings)
    return requirements if libraries_are_built() else [*requirements, tensorflow_requirement()]


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Builds the libraries where they are missing, then the wheel."""
    if not libraries_are_built():
        build_libraries()
    built, required = tensorflow_of_build(), tensorflow_requirement()
    if minor(built) != minor(required.partition("==")[2]):
        sys.exit(
            f"dau_tf: the libraries are built for TensorFlow {built}, "
            f"the wheel is to require {required}"
        )
    return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


def tensorflow_requirement():
    """What a wheel requires, "tensorflow-cpu==2.21.*": no other minor version loads its library."""
    wanted = re.sub(r"\s", "", os.environ.get("DAU_TENSORFLOW", "")) or "tensorflow-cpu"
    name, _, version = wanted.partition("==")
    if not version:
        version = tensorflow_of_build() if libraries_are_built() else pinned_tensorflow()
    if not re.fullmatch(r"[a-z][a-z0-9-]*(\[[a-z,-]+\])?", name) or not re.fullmatch(
        r"\d+\.\d+(\..+)?", version
    ):
        sys.exit(
            "dau_tf: DAU_TENSORFLOW must be the name of a TensorFlow distribution, with or without "
            f"==VERSION: 'tensorflow-cpu' or 'tensorflow==2.21.*'. Received: {wanted!r}"
        )
    return f"{name}=={minor(version)}.*"


def libraries_are_built():
    return all(path.is_file() for path in LIBRARIES.values())


def build_libraries():
    """Runs Bazel, which keeps all it makes in here: nothing stays where pip unpacks an sdist."""
    environment = {
        **os.environ,
        "PYTHON_BIN_PATH": sys.executable,
        "BAZELW_OUTPUT_USER_ROOT": str(ROOT / "build" / "bazel"),
    }
    cuda = ["cuda"] if os.environ.get("DAU_CUDA") == "1" else []
    try:
        subprocess.run(
            [str(ROOT / "tools/build_library.sh"), *cuda], cwd=ROOT, env=environment, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(
            f"dau_tf: Bazel could not build the op library ({error}); its own message is above. "
            "Building needs a C++ compiler, Google Highway and Bazel: on Debian and Ubuntu apt-get "
            "install g++ libhwy-dev, and npm (which brings bazelisk) or bazel-bootstrap. A wheel "
            "needs none of them."
        )
    finally:
        subprocess.run([str(ROOT / "bazelw"), "shutdown"], cwd=ROOT, env=environment, check=False)
    for built, path in LIBRARIES.items():
        shutil.copy(ROOT / "bazel-bin" / built, path)


def tensorflow_of_build():
    return json.loads(BUILD_INFO.read_text(encoding="utf-8"))["tensorflow"]


def pinned_tensorflow():
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return re.search(r"^tensorflow-cpu==(\S+)", pins, re.MULTILINE)[1]


def minor(version):
    return ".".join(version.split(".")[:2])
