"""Counts, sizes and reach of the fully convolutional AlexNet."""

import doctest

import keras
import numpy as np
import pytest
import tensorflow as tf

from examples.models import counts
from examples.models import fcn_alexnet as module
from examples.models.alexnet import CONVS, alexnet
from examples.models.fcn_alexnet import fcn_alexnet


def _image(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("conv", CONVS)
def test_features_are_those_of_alexnet(conv):
    def features(model):
        return {v.path: tuple(v.shape) for v in model.variables if v.path.startswith(("c", "d"))}

    segments, classifies = fcn_alexnet(conv, fc_filters=8), alexnet(conv, size=67)
    expected = features(classifies)
    assert expected.items() <= features(segments).items()
    assert len(expected) >= 10
    units = {"dau-large": 1_523_712, "dau-medium": 786_432, "dau-small": 393_216}
    if conv in units:
        assert counts.dau_units(segments) == units[conv]
    else:
        assert counts.weights_of(segments, "conv1", "conv2", "conv3", "conv4", "conv5") == 3_745_824


@pytest.mark.parametrize("conv", ["standard", "dau-small"])
def test_any_size_in_one_traced_function(conv):
    model = fcn_alexnet(conv, classes=5, fc_filters=4)
    trace = tf.function(
        lambda x: model(x), input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)]
    )
    for size in ((1, 64, 96), (2, 45, 33), (1, 1, 1)):
        assert trace(_image(*size, 3)).shape == (*size, 5)
    fixed = fcn_alexnet(conv, fc_filters=4, input_shape=(64, 97, 3))
    assert fixed.get_layer("fc6").output.shape == (None, 9, 13, 4)
    assert fixed.output.shape == (None, 64, 97, 21)


def test_without_poolings_layers_look_as_far_as_before():
    standard = fcn_alexnet(fc_filters=4)
    rates = {name: standard.get_layer(name).dilation_rate for name in ("conv2", "conv5", "fc6")}
    assert rates == {"conv2": (1, 1), "conv5": (2, 2), "fc6": (4, 4)}
    segments, classifies = fcn_alexnet("dau-small", fc_filters=4), alexnet("dau-small", size=67)
    for number, factor in ((2, 1), (3, 2), (4, 2), (5, 2)):
        layer, before = (model.get_layer(f"dau{number}") for model in (segments, classifies))
        assert layer.max_displacement == factor * before.max_displacement
        np.testing.assert_array_equal(layer.displacement, factor * before.displacement.numpy())


def test_moves_with_the_image():
    """The pixel in the middle sees the same after both were moved by a stride of 8."""
    model = fcn_alexnet(classes=2, fc_filters=4)
    # Layers 1 to 6 see 11 / 2 + 4 + 8 (2 + 3 * 2 + 10) pixels to each side, some 160.
    image = _image(1, 401, 401, 3)
    moved = np.zeros_like(image)
    moved[:, 8:, 8:] = image[:, :-8, :-8]
    here, there = model(image)[0, 200, 200], model(moved)[0, 208, 208]
    # float32 sums of up to 9216 terms in another order.
    np.testing.assert_allclose(here, there, rtol=1e-4, atol=1e-6)


def test_trains_and_is_saved(tmp_path):
    model = fcn_alexnet("dau-small", classes=3, fc_filters=4)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = model.get_layer("dau5").displacement.numpy()
    labels = np.random.default_rng(1).integers(3, size=(2, 40, 40))
    model.fit(_image(2, 40, 40, 3), labels, epochs=1, verbose=0)
    assert (model.get_layer("dau5").displacement.numpy() != before).any()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("dau5").max_displacement == 8
    image = _image(1, 33, 50, 3, seed=1)
    np.testing.assert_array_equal(loaded(image), model(image))


@pytest.mark.parametrize("arguments", [{"conv": "dau"}, {"classes": 0}, {"fc_filters": 1.5}])
def test_refuses(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}` must be"):
        fcn_alexnet(**arguments)


def test_examples_in_docstrings_run():
    assert doctest.testmod(module, extraglobs={"np": np}).failed == 0
