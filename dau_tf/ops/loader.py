"""Finds the compiled op library and loads it once, with its bridge to XLA, on the first call."""

import json
import sys
import threading
import warnings
from pathlib import Path
from types import ModuleType

import tensorflow as tf

LIBRARY_NAME = "_dau_ops.so"

_LIBRARY = Path(__file__).resolve().parent.parent / LIBRARY_NAME
_BUILD_INFO = _LIBRARY.with_name("_build_info.json")

_lock = threading.Lock()
_loaded: ModuleType | None = None


def op_library_path() -> str:
    """Returns the path of the compiled op library, for `tf.load_op_library`.

    A program that only runs an exported SavedModel needs this file and TensorFlow, not `dau_tf`:
    it calls `tf.load_op_library(path)` before `tf.saved_model.load`. Within a process that also
    uses `dau_tf`, the two may load the library in either order.

    Returns:
        The absolute path of `_dau_ops.so`.

    Raises:
        FileNotFoundError: The library has not been built.
        RuntimeError: It was built for another minor version of TensorFlow. TensorFlow's C++ symbols
            change with each minor version, so such a library must not even be opened.

    Example:
        >>> import dau_tf
        >>> dau_tf.op_library_path().endswith("_dau_ops.so")
        True
    """
    if not _LIBRARY.is_file() or not _BUILD_INFO.is_file():
        missing = _BUILD_INFO if _LIBRARY.is_file() else _LIBRARY
        raise FileNotFoundError(
            f"The compiled op library of dau_tf is not built: {missing} does not exist. "
            "Run `make build` in the root of the repository."
        )
    require_tensorflow_of_build()
    return str(_LIBRARY)


def require_tensorflow_of_build() -> None:
    """Raises where there is a library for another minor version of TensorFlow; opens nothing.

    Raises:
        RuntimeError: It was built for another minor version of TensorFlow, or `_build_info.json`
            does not tell.
    """
    if not _BUILD_INFO.is_file():
        return
    built_for = _tensorflow_of_build()
    if _minor(built_for) != _minor(tf.__version__):
        raise RuntimeError(
            f"{_LIBRARY} was built for TensorFlow {_minor(built_for)} (from {built_for}) and loads "
            f"only there. Expected TensorFlow {_minor(built_for)}. Received: TensorFlow "
            f"{tf.__version__}. Install the expected version, or build dau_tf for this one, by "
            "`make build` in the repository."
        )


def load_library() -> ModuleType:
    """Returns the module of the compiled ops, loading the library on the first call.

    Returns:
        A module with `dau_conv2d`, `dau_conv2d_backprop_input` and `dau_conv2d_backprop_params`,
        and the same of `dau_sigma_conv2d`.

    Raises:
        FileNotFoundError: The library has not been built.
        RuntimeError: The library does not fit the running TensorFlow.
    """
    global _loaded
    if _loaded is None:
        with _lock:
            if _loaded is None:
                module = _loaded_by_user() or _load(op_library_path())
                _load_xla()
                _loaded = module
    return _loaded


def xla_compiles() -> bool:
    """Returns whether XLA (`jit_compile=True`) can compile the ops here.

    It takes the library `_dau_xla.so` beside the op library, and a machine without a GPU: where
    there is one XLA compiles for it. The calls that a build with CUDA registers for that have never
    run on a GPU, and Keras, which takes this for an answer, would use them without being asked.
    """
    return _xla_library().is_file() and not finds_gpu()


def finds_gpu() -> bool:
    """Returns whether TensorFlow finds a GPU here, where it places ops on it."""
    return bool(tf.config.list_physical_devices("GPU"))


def _load(path: str) -> ModuleType:
    try:
        return tf.load_op_library(path)
    except (tf.errors.OpError, OSError) as error:
        raise RuntimeError(
            f"TensorFlow {tf.__version__} could not load {path}: {error}. It was built for "
            f"TensorFlow {_tensorflow_of_build()}. Run `make build` again with the TensorFlow in "
            "use."
        ) from error


def _xla_library() -> Path:
    return _LIBRARY.with_name("_dau_xla.so")


def _load_xla() -> None:
    """Loads the bridge to XLA where it is built. Everything but `jit_compile` works without it."""
    path = _xla_library()
    if not path.is_file():
        return
    try:
        tf.load_library(str(path))
    except (tf.errors.OpError, OSError) as error:
        warnings.warn(
            f"TensorFlow {tf.__version__} could not load {path}: {error}. Without it DAU layers "
            "compute as ever, but not under jit_compile=True. Run `make build` again with the "
            "TensorFlow in use.",
            RuntimeWarning,
            stacklevel=2,
        )


def _loaded_by_user() -> ModuleType | None:
    """Finds the ops of a library that the process has loaded already, under whatever path.

    TensorFlow tells libraries apart by the spelling of their path. Loading one file under a second
    spelling (a relative path, a link) gives a module without ops, because the first registered
    them; so what is already there is taken first.
    """
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", {})
        if names.get("_IS_TENSORFLOW_PLUGIN") is True and "dau_conv2d" in names:
            return module
    return None


def _tensorflow_of_build() -> str:
    try:
        return str(json.loads(_BUILD_INFO.read_text(encoding="utf-8"))["tensorflow"])
    except (ValueError, KeyError, TypeError) as error:
        raise RuntimeError(
            f'{_BUILD_INFO} must be a JSON object such as {{"tensorflow": "2.21.0"}}. Received: '
            f"{_BUILD_INFO.read_text(encoding='utf-8', errors='replace')!r}. "
            "Run `make build` again."
        ) from error


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
