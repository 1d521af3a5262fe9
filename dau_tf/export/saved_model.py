"""What a SavedModel needs where it is loaded: written beside it, and looked after on loading.

TensorFlow keeps the definitions of the ops that a SavedModel calls in it, and leaves the folder
assets.extra to its users: RECORD in it says which versions wrote it.
"""

import json
import os
import pathlib
from typing import Any

import tensorflow as tf
from google.protobuf import message, text_format
from tensorflow.core.protobuf import saved_model_pb2

import dau_tf
from dau_tf import files
from dau_tf.ops import loader

RECORD = pathlib.PurePath("assets.extra", "dau_tf.json")
_OPS_OF_PACKAGE = "Dau>"


def needs(folder: str | os.PathLike) -> dict[str, Any]:
    """Tells what a program needs to load a SavedModel, from its graph; nothing is loaded.

    Args:
        folder: Of `model.export` or `tf.saved_model.save`.

    Returns:
        `tensorflow`: the version that wrote it; `ops`: ours that it calls; `op_library`: the name
        of the library file that holds them, or None where there are none; `signatures`: of each the
        `inputs` and `outputs`, from their names to those of the graph's tensors, as programs in C
        need them.

    Raises:
        FileNotFoundError: There is no SavedModel.
        ValueError: Its file cannot be read.

    Example:
        >>> import tempfile
        >>> import keras
        >>> import dau_tf
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), dau_tf.DAUConv2D(4)])
        >>> folder = tempfile.mkdtemp()
        >>> model.export(folder, verbose=False)
        >>> dau_tf.export.needs(folder)["ops"]
        ['Dau>Conv2D']
    """
    graphs = _read(pathlib.Path(folder)).meta_graphs
    called = {op.name for graph in graphs for op in graph.meta_info_def.stripped_op_list.op}
    ops = sorted(name for name in called if name.startswith(_OPS_OF_PACKAGE))
    return {
        "tensorflow": graphs[0].meta_info_def.tensorflow_version,
        "ops": ops,
        "op_library": loader.LIBRARY_NAME if ops else None,
        "signatures": {
            name: {
                "inputs": {key: tensor.name for key, tensor in signature.inputs.items()},
                "outputs": {key: tensor.name for key, tensor in signature.outputs.items()},
            }
            for name, signature in graphs[0].signature_def.items()
            if not name.startswith("__")  # TensorFlow's own, to restore variables
        },
    }


def record_needs(folder: str | os.PathLike) -> dict[str, Any]:
    """Writes what `needs` returns, and the version of `dau_tf`, into the SavedModel's folder.

    Args:
        folder: Of `model.export` or `tf.saved_model.save`.

    Returns:
        What `assets.extra/dau_tf.json` now holds.

    Raises:
        FileNotFoundError: There is no SavedModel.
        ValueError: Its file cannot be read.

    Example:
        >>> import tempfile
        >>> import keras
        >>> import dau_tf
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), dau_tf.DAUConv2D(4)])
        >>> folder = tempfile.mkdtemp()
        >>> model.export(folder, verbose=False)
        >>> dau_tf.export.record_needs(folder)["dau_tf"] == dau_tf.__version__
        True
    """
    record = {"dau_tf": dau_tf.__version__, **needs(folder)}
    path = pathlib.Path(folder) / RECORD
    path.parent.mkdir(exist_ok=True)
    with files.in_one_step(path) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record


def load_saved_model(folder: str | os.PathLike) -> Any:
    """Loads a SavedModel, and before it the op library where it calls our ops.

    A program without `dau_tf` does the same by `tf.load_op_library` and `tf.saved_model.load`.

    Args:
        folder: Of `model.export` or `tf.saved_model.save`.

    Returns:
        What `tf.saved_model.load` returns.

    Raises:
        FileNotFoundError: There is no SavedModel, or the op library is not built.
        ValueError: Its file cannot be read.
        RuntimeError: The op library does not fit the running TensorFlow, or lacks an op that a
            later version of `dau_tf` wrote.

    Example:
        >>> import tempfile
        >>> import keras
        >>> import dau_tf
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), dau_tf.DAUConv2D(4)])
        >>> folder = tempfile.mkdtemp()
        >>> model.export(folder, verbose=False)
        >>> loaded = dau_tf.export.load_saved_model(folder)
        >>> loaded.serve(tf.zeros([1, 8, 8, 3])).shape
        TensorShape([1, 8, 8, 4])
    """
    if needs(folder)["ops"]:
        loader.load_library()
    return tf.saved_model.load(os.fspath(folder))


def _read(folder: pathlib.Path) -> Any:
    """The SavedModel, from its binary or its text form."""
    binary, text = folder / "saved_model.pb", folder / "saved_model.pbtxt"
    if not binary.is_file() and not text.is_file():
        raise FileNotFoundError(f"`folder` must hold a SavedModel. Received: {folder} without any")
    proto = saved_model_pb2.SavedModel()
    try:
        if binary.is_file():
            proto.ParseFromString(binary.read_bytes())
        else:
            text_format.Parse(text.read_text("utf-8"), proto)
    except (message.DecodeError, text_format.ParseError) as error:
        raise ValueError(f"{folder} must hold a SavedModel that can be read: {error}") from error
    if not proto.meta_graphs:
        raise ValueError(f"{folder} must hold a SavedModel with a graph. Received: one without")
    return proto
