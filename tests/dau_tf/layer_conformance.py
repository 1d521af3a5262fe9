"""What Keras expects of a layer, as one function for every layer and configuration."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

# policy -> dtype of what is computed
POLICIES = {
    "float32": "float32",
    "float64": "float64",
    "mixed_float16": "float16",
    "mixed_bfloat16": "bfloat16",
}


@dataclass(frozen=True)
class Subject:
    """A layer class with its arguments, for inputs of `shape` with the batch."""

    cls: type[keras.Layer]
    arguments: dict[str, Any]
    shape: tuple[int, ...]
    trainable: tuple[str, ...]
    non_trainable: tuple[str, ...] = ()
    rounding: float = 0.0
    """What eager and graph may differ by: none for the op, some roundings for TensorFlow's own."""

    def layer(self, **more: Any) -> keras.Layer:
        keras.utils.set_random_seed(1)
        return self.cls(**{**self.arguments, **more})

    def model(self, **more: Any) -> keras.Model:
        layer = self.layer(**more)
        inputs = keras.Input(self.shape[1:], dtype=layer.compute_dtype)
        return keras.Model(inputs, layer(inputs))

    def images(self, dtype: str = "float32") -> tf.Tensor:
        return tf.cast(np.random.default_rng(2).normal(size=self.shape), dtype)


def run_layer_test(subject: Subject, folder: Path) -> None:
    """Raises AssertionError where the layer is not what Keras expects."""
    _builds_once_with_these_variables(subject)
    _symbolic_call_and_computation_agree(subject)
    _comes_back_from_its_config(subject)
    _comes_back_from_a_file(subject, folder)
    _follows_dtype_policies(subject)
    _trains(subject)
    _does_not_train_when_frozen(subject)
    _ignores_masks(subject)
    _has_names(subject)


def _builds_once_with_these_variables(subject: Subject) -> None:
    layer = subject.layer()
    assert not layer.built
    assert layer.weights == []
    layer.build((None, *subject.shape[1:]))
    assert layer.built
    assert tuple(v.name for v in layer.trainable_weights) == subject.trainable
    assert tuple(v.name for v in layer.non_trainable_weights) == subject.non_trainable
    before = [v.numpy() for v in layer.weights]
    layer(subject.images())
    assert len(layer.weights) == len(before)
    for old, variable in zip(before, layer.weights, strict=True):
        np.testing.assert_array_equal(old, variable)


def _symbolic_call_and_computation_agree(subject: Subject) -> None:
    model = subject.model()
    layer, x = model.layers[1], subject.images()
    y = layer(x)
    assert y.shape == layer.compute_output_shape(subject.shape)
    assert model.output_shape == (None, *y.shape[1:])
    assert model.output.dtype == y.dtype == layer.compute_dtype
    np.testing.assert_array_equal(model(x), y)
    np.testing.assert_allclose(tf.function(layer)(x), y, rtol=0, atol=subject.rounding)
    np.testing.assert_allclose(model.predict(x, verbose=0), y, rtol=0, atol=subject.rounding)
    halves = tf.concat([layer(x[:1]), layer(x[1:])], 0)
    np.testing.assert_allclose(halves, y, rtol=1e-4, atol=1e-5)  # of float32 sums
    assert np.isfinite(y).all()


def _comes_back_from_its_config(subject: Subject) -> None:
    layer = subject.layer()
    config = layer.get_config()
    json.dumps(config)
    again = subject.cls.from_config(config)
    assert again.get_config() == config
    wrapped = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert wrapped.get_config() == config
    again.build(subject.shape)
    again.set_weights(_built(layer, subject).get_weights())
    np.testing.assert_array_equal(again(subject.images()), layer(subject.images()))
    assert subject.cls.from_config(layer.get_config()).get_config() == config, "built or not"


def _comes_back_from_a_file(subject: Subject, folder: Path) -> None:
    model = subject.model()
    x = subject.images()
    for v in model.weights:
        if v.dtype.startswith("float"):  # numbers of units stay
            v.assign(v - 0.01 * tf.ones_like(v))  # a sigma may be at its highest
    model.save(folder / "layer.keras")
    again = keras.saving.load_model(folder / "layer.keras")
    np.testing.assert_array_equal(again(x), model(x))
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone(x), model(x))


def _follows_dtype_policies(subject: Subject) -> None:
    for policy, dtype in POLICIES.items():
        layer = subject.layer(dtype=policy)
        y = layer(subject.images("float32"))
        assert y.dtype == dtype, policy
        variable_dtype = keras.DTypePolicy(policy).variable_dtype
        floating = {v.dtype for v in layer.weights if v.name != "units_per_pair"}
        assert floating == {variable_dtype}, policy
        assert layer.get_config()["dtype"]["config"]["name"] == policy


def _trains(subject: Subject) -> None:
    model = subject.model()
    _fit(model, subject)
    for before, variable in zip(subject.model().weights, model.weights, strict=True):
        moved = not np.array_equal(before, variable)
        assert moved == (variable.name in subject.trainable), variable.path
        assert np.isfinite(variable.numpy()).all(), variable.path


def _does_not_train_when_frozen(subject: Subject) -> None:
    model = subject.model(trainable=False)
    assert model.trainable_weights == []
    assert len(model.weights) == len(subject.trainable) + len(subject.non_trainable)
    # Flat: with images of one row oneDNN's product of matrices crashes (docs/troubleshooting.md).
    flat = keras.layers.Flatten()(model.output)
    outer = keras.Model(model.input, keras.layers.Dense(1)(flat))
    before = [v.numpy() for v in model.weights]
    _fit(outer, subject)
    for old, variable in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, variable)
    model.layers[1].trainable = True
    assert tuple(v.name for v in model.trainable_weights) == subject.trainable


def _ignores_masks(subject: Subject) -> None:
    layer, x = subject.layer(), subject.images()
    expected = layer(x)
    masked = tf.identity(x)
    masked._keras_mask = tf.zeros(subject.shape[:-1], tf.bool)
    with pytest.warns(UserWarning, match="does not support masking"):
        y = layer(masked)
    np.testing.assert_array_equal(y, expected)
    assert getattr(y, "_keras_mask", None) is None


def _has_names(subject: Subject) -> None:
    named = _built(subject.layer(name="first"), subject)
    assert named.name == "first"
    assert all(v.path == f"first/{v.name}" for v in named.weights)
    one, other = subject.layer(), subject.cls(**subject.arguments)
    assert one.name != other.name
    assert one.name.startswith("dau_conv2d") or subject.cls.__name__ != "DAUConv2D"


def _built(layer: keras.Layer, subject: Subject) -> keras.Layer:
    if not layer.built:
        layer.build(subject.shape)
    return layer


def _fit(model: keras.Model, subject: Subject) -> None:
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    x = subject.images().numpy()
    target = np.random.default_rng(3).normal(size=(len(x), *model.output_shape[1:]))
    history = model.fit(x, target.astype("float32"), epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
