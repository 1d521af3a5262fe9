"""An exported model in the runtimes that may be installed: TensorFlow, LiteRT, ONNX Runtime."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import dau_tf

NOT_INSTALLED = "not installed: pip install --no-deps {}"
_CALIBRATION_IMAGES = 16


@dataclasses.dataclass(frozen=True)
class Exported:
    """A file and how to run it.

    Args:
        path: file or folder.
        call: from images to the outputs.
    """

    path: pathlib.Path
    call: Callable[[np.ndarray], np.ndarray]

    @property
    def bytes(self) -> int:
        """Of all files."""
        files = self.path.rglob("*") if self.path.is_dir() else [self.path]
        return sum(file.stat().st_size for file in files if file.is_file())


@dataclasses.dataclass(frozen=True)
class Source:
    """What every runtime exports.

    Args:
        model: with DAU layers, one image in and one out.
        standard: the same of stock layers.
        images: makes images [1, H, W, C] float32, 0..1, all of one shape.
        folder: to write into.
        threads: of each runtime.
    """

    model: keras.Model
    standard: keras.Model
    images: Callable[[], np.ndarray]
    folder: pathlib.Path
    threads: int

    @classmethod
    def of(cls, model: keras.Model, *arguments: Any) -> "Source":
        """Makes the standard one."""
        return cls(model, dau_tf.export.to_standard(model), *arguments)


def tensorflow_dau(source: Source) -> Exported:
    """A SavedModel that calls the op."""
    return _saved_model(source, source.model, "dau")


def tensorflow_standard(source: Source) -> Exported:
    """A SavedModel of stock layers."""
    return _saved_model(source, source.standard, "standard")


def litert(source: Source) -> Exported:
    """A float32 file of LiteRT."""
    return _litert(source, quantize=False)


def litert_int8(source: Source) -> Exported:
    """Weights and activations of 8 bits, calibrated on images; float32 in and out."""
    return _litert(source, quantize=True)


def onnx(source: Source) -> Exported:
    """A file of ONNX, by tf2onnx."""
    import onnxruntime
    import tf2onnx

    path = source.folder / "standard.onnx"
    function, signature = _traced(source.standard, source.images().shape)
    tf2onnx.convert.from_function(
        function, input_signature=signature, opset=17, output_path=str(path)
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = source.threads, 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return Exported(path, lambda images: session.run(None, {name: images})[0])


RUNTIMES: dict[str, tuple[Callable[[Source], Exported], str]] = {
    "TensorFlow, DAU": (tensorflow_dau, "tensorflow"),
    "TensorFlow, stock layers": (tensorflow_standard, "tensorflow"),
    "LiteRT": (litert, "ai-edge-litert"),
    "LiteRT, int8": (litert_int8, "ai-edge-litert"),
    "ONNX Runtime": (onnx, "onnx onnxruntime tf2onnx"),
}
"""By name: what exports, and the packages it needs."""


def _traced(model: keras.Model, shape: tuple[int, ...]) -> tuple[Any, list[tf.TensorSpec]]:
    signature = [tf.TensorSpec(shape, tf.float32, name="images")]
    infer = tf.function(lambda images: model(images, training=False), input_signature=signature)
    return infer, signature


def _saved_model(source: Source, model: keras.Model, name: str) -> Exported:
    module, path = tf.Module(), source.folder / name
    module.infer, _ = _traced(model, source.images().shape)
    module.weights = [variable.value for variable in model.variables]
    tf.saved_model.save(module, str(path))
    loaded = dau_tf.export.load_saved_model(path)
    return Exported(path, lambda images: loaded.infer(tf.constant(images)).numpy())


def _litert(source: Source, quantize: bool) -> Exported:
    from ai_edge_litert.interpreter import Interpreter

    saved = _saved_model(source, source.standard, f"for_litert_{quantize}").path
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
    if quantize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            [source.images()] for _ in range(_CALIBRATION_IMAGES)
        )
    path = source.folder / f"standard_{quantize}.tflite"
    path.write_bytes(converter.convert())
    interpreter = Interpreter(model_path=str(path), num_threads=source.threads)
    interpreter.allocate_tensors()
    given, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def call(images: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(given["index"], images)
        interpreter.invoke()
        return interpreter.get_tensor(result["index"])

    return Exported(path, call)
