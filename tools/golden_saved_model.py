"""Writes a SavedModel as text that later versions must load: python tools/golden_saved_model.py.

Its function takes nothing and returns, by pairs of names, what the ops compute and what they
computed when it was written. One file a version of the package; those that are there stay as they
are, because they stand for what users have exported.
"""

import pathlib
import re
import tempfile

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2

import dau_tf

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "dau_tf" / "golden"

_VALID = {"padding": "valid", "max_displacement": 1.0, "margin": 3}
_CALLS = {
    "strides": {"strides": (2, 1), "displacement_gradient": "exact"},
    "valid": {"data_format": "channels_first", **_VALID},
    "sigma": {"sigma": 0.6, "max_sigma": 0.8},
}


def main() -> None:
    """Writes the file of this version."""
    module = tf.Module()
    values = {name: [t.numpy() for t in _compute(options)] for name, options in _CALLS.items()}

    @tf.function(input_signature=[])
    def check() -> dict[str, tf.Tensor]:
        outputs = {}
        for name, options in _CALLS.items():
            for i, tensor in enumerate(_compute(options)):
                outputs[f"{name}_{i}"] = tensor
                outputs[f"{name}_{i}_expected"] = tf.constant(values[name][i])
        return outputs

    module.check = check
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder)
        proto = saved_model_pb2.SavedModel()
        proto.ParseFromString(pathlib.Path(folder, "saved_model.pb").read_bytes())
    for graph in proto.meta_graphs:
        graph.graph_def.ClearField("debug_info")
        nodes = list(graph.graph_def.node)
        for function in graph.graph_def.library.function:
            nodes += function.node_def
        for node in nodes:
            node.ClearField("experimental_debug_info")
            node.attr.pop("_output_shapes", None)
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{dau_tf.__version__}.pbtxt"
    text = text_format.MessageToString(proto, use_short_repeated_primitives=True)
    # Without indentation: nine tenths of the file would be blanks.
    path.write_text(re.sub(r"(?m)^ +", "", text), encoding="utf-8")


def _compute(options: dict) -> list[tf.Tensor]:
    """The images and the gradients of their squares, for numbers that need few digits."""
    options = dict(options)
    x = tf.constant(np.resize([1.0, -2, 0.5, 3, 0, -1, 2], (1, 8, 7, 2)), tf.float32)
    if options.get("data_format") == "channels_first":
        x = tf.transpose(x, [0, 3, 1, 2])
    w = tf.constant(np.resize([0.5, -1, 2, 0.25, 1], (2, 2, 2)), tf.float32)
    mu = tf.constant(np.resize([0.25, -0.75, 1, -0.5, 0, 0.125], (2, *w.shape)), tf.float32)
    sigma = tf.constant(options.pop("sigma", 0.5), tf.float32)
    if "max_sigma" in options:
        sigma = tf.fill(w.shape, sigma)
    with tf.GradientTape() as tape:
        tape.watch([x, w, mu])
        y = dau_tf.dau_conv2d(x, w, mu, sigma, **options)
        loss = tf.reduce_sum(y * y)
    return [y, *tape.gradient(loss, [x, w, mu])]


if __name__ == "__main__":
    main()
