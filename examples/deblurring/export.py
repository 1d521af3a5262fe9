"""Exports a trained model as a SavedModel, and proves it in a fresh process.

The serving signature takes `images` [N, H, W, 3] float32 in 0..1, of any N, H and W, and returns
`restored`, the same shape, not clipped. Then a new Python process that imports neither Keras
model code nor dau_tf loads the op library and the SavedModel, and must reproduce the numbers.
What a program needs to load it is printed and written to assets.extra/needs.json;
the versions that wrote it are in assets.extra/dau_tf.json.

  python -m examples.deblurring.export --model runs/dau/model.keras --out exported
"""

import pathlib
import subprocess
import sys
import tempfile

import keras
import numpy as np
import tensorflow as tf

import dau_tf
from examples import cli
from examples.deblurring.evaluate import load_model

# float32: the same kernels run in both processes, only the order of fused sums may differ.
TOLERANCE = 1e-5
_SIZES = ((1, 48, 64), (2, 37, 53), (1, 90, 41))


def export(model: keras.Model, out: pathlib.Path) -> dict:
    """Writes the SavedModel, in one step.

    Args:
        model: [N, H, W, 3] float32 -> the same, such as `load_model` returns.
        out: folder that does not exist yet, or is empty.

    Returns:
        What a program needs to load it.

    Raises:
        UserError: `out` holds something, or cannot be written.
    """
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32, "images")])
    def restore(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"restored": model(images, training=False)}

    module.restore = restore
    with cli.new_folder(out, "--out") as temporary:
        try:
            tf.saved_model.save(module, temporary, signatures={"serving_default": restore})
        except tf.errors.OpError as error:  # of a full disk, and others of its files
            raise cli.UserError(f"--out: {out}: cannot be written ({error.message})") from error
        needs = _needs(dau_tf.export.record_needs(temporary)["ops"])
        cli.write_json(temporary / "assets.extra" / "needs.json", needs)
    return needs


def verify(model: keras.Model, exported: pathlib.Path, needs: dict) -> float:
    """Loads the export in a fresh process and compares.

    Args:
        model: the model that was exported.
        exported: the SavedModel.
        needs: what `export` returned.

    Returns:
        The largest absolute difference over three batches of different odd sizes.

    Raises:
        RuntimeError: the process failed, or the difference exceeds `TOLERANCE`.
    """
    random = np.random.default_rng(0)
    images = {str(size): random.random((*size, 3), np.float32) for size in _SIZES}
    with tempfile.TemporaryDirectory() as folder:
        given, returned = pathlib.Path(folder, "images.npz"), pathlib.Path(folder, "restored.npz")
        np.savez(given, allow_pickle=False, **images)
        command = [sys.executable, "-m", "examples.deblurring.load_exported"]
        command += ["--export", str(exported), "--images", str(given), "--out", str(returned)]
        if needs["op_library"]:
            command += ["--op-library", needs["op_library"]]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise RuntimeError(f"the fresh process failed:\n{result.stderr}")
        with np.load(returned) as restored:
            differences = [
                float(np.abs(restored[name] - model(image, training=False).numpy()).max())
                for name, image in images.items()
            ]
    if not max(differences) <= TOLERANCE:
        raise RuntimeError(f"the export differs by {max(differences)}, allowed: {TOLERANCE}")
    return max(differences)


def _needs(ops: list[str]) -> dict:
    """What a program needs to load a graph that calls foreign `ops`."""
    minor = ".".join(tf.__version__.split(".")[:2])
    return {
        "python_packages": [f"tensorflow or tensorflow-cpu {minor}.*"],
        "ops": ops,
        "op_library": str(dau_tf.op_library_path()) if ops else None,
        "signature": "serving_default: images [N, H, W, 3] float32 in 0..1 -> restored",
    }


def describe(needs: dict, exported: pathlib.Path) -> str:
    """The same for a reader."""
    lines = [f"To load {exported} a program needs:", f"  {needs['python_packages'][0]}"]
    if needs["op_library"]:
        lines += [
            f"  tf.load_op_library({needs['op_library']!r})",
            f"      which holds {', '.join(needs['ops'])}; this one file, nothing else of dau_tf",
        ]
    lines.append(f"  tf.saved_model.load({str(exported)!r}).signatures['serving_default']")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument("--model", type=pathlib.Path, required=True, help="model.keras of train")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="new folder to write")
    args = parser.parse_args()
    model = load_model(args.model)
    needs = export(model, args.out)
    difference = verify(model, args.out, needs)
    print(f"loaded in a fresh process: largest difference {difference:.1e} (<= {TOLERANCE:.0e})")
    print(describe(needs, args.out))


if __name__ == "__main__":
    cli.run(main)
