"""Runs an exported model with TensorFlow alone: no Keras model code, no dau_tf.

This is all that another program needs to do (and what `export` runs in a fresh process):

    tf.load_op_library(path of the compiled op library)     # if the model has DAU layers
    model = tf.saved_model.load(path of the export)
    restored = model.signatures["serving_default"](images=...)["restored"]

  python -m examples.deblurring.load_exported --export exported --op-library _dau_ops.so \\
      --images in.npz --out out.npz        # arrays [N, H, W, 3] float32 in 0..1 by name
"""

import argparse
import sys

import numpy as np
import tensorflow as tf


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--export", required=True, help="the SavedModel")
    parser.add_argument("--op-library", help="the compiled op library, if the model has DAU layers")
    parser.add_argument("--images", required=True, help=".npz of arrays [N, H, W, 3] float32")
    parser.add_argument("--out", required=True, help=".npz to write, the same names")
    args = parser.parse_args()
    if args.op_library:
        tf.load_op_library(args.op_library)
    model = tf.saved_model.load(args.export)
    restore = model.signatures["serving_default"]
    with np.load(args.images) as images:
        restored = {
            k: restore(images=tf.constant(v))["restored"].numpy() for k, v in images.items()
        }
    if "dau_tf" in sys.modules or "examples.models" in sys.modules:
        raise RuntimeError("model code was imported: the export was not loaded on its own")
    np.savez(args.out, allow_pickle=False, **restored)


if __name__ == "__main__":
    main()
