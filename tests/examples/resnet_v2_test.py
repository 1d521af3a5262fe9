"""Shapes and resolutions of ResNet v2; counts are classifiers_test.py's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dau_tf import DAUConv2D
from examples.models.resnet_v2 import resnet_v2


def _image(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("output_stride", [8, 16, 32])
@pytest.mark.parametrize("conv", ["standard", "dau"])
def test_resolutions_of_any_size_in_one_traced_function(conv, output_stride):
    model = resnet_v2(14, conv, classes=None, output_stride=output_stride, width=2)
    trace = tf.function(
        lambda x: model(x), input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)]
    )
    for n, height, width in ((1, 64, 96), (2, 45, 33), (1, 1, 1)):
        outputs = trace(_image(n, height, width, 3))
        for name, stride, channels in (("stride4", 4, 8), ("features", output_stride, 64)):
            assert outputs[name].shape == (n, -(-height // stride), -(-width // stride), channels)


def test_without_poolings_layers_look_as_far_as_before():
    def reach(conv, output_stride):
        model = resnet_v2(14, conv, classes=None, output_stride=output_stride, width=1)
        layers = [model.get_layer(f"conv{stage}_block1_2_conv") for stage in (3, 4, 5)]
        if conv == "standard":
            return [layer.dilation_rate[0] for layer in layers]
        for layer in layers:
            largest = np.abs(layer.displacement).max() / layer.max_displacement
            assert 0.1 < largest <= 1.5 / 4
        return [layer.max_displacement for layer in layers]

    assert reach("standard", 32) == [1, 1, 1]
    assert reach("standard", 16) == [1, 1, 2]
    assert reach("standard", 8) == [1, 2, 4]
    assert reach("dau", 16) == [4, 4, 8]
    assert reach("dau", 8) == [4, 8, 16]


def test_only_the_spatial_convolutions_differ():
    def others(conv):
        model = resnet_v2(26, conv, classes=7, width=2)
        return {v.path: tuple(v.shape) for v in model.variables if "_2_conv" not in v.path}

    assert others("dau") == others("standard")
    layers = resnet_v2(26, "dau", width=2).layers
    assert sum(isinstance(layer, DAUConv2D) for layer in layers) == 8


def test_trains_and_is_saved(tmp_path):
    model = resnet_v2(14, "dau", classes=3, width=2)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = {v.path: v.numpy() for v in model.trainable_variables}
    model.fit(_image(4, 40, 40, 3), np.array([0, 1, 2, 0]), epochs=1, verbose=0)
    unchanged = [v.path for v in model.trainable_variables if (v.numpy() == before[v.path]).all()]
    assert unchanged == []
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    image = _image(1, 33, 50, 3, seed=1)
    np.testing.assert_array_equal(loaded(image), model(image))


@pytest.mark.parametrize(
    "arguments",
    [{"depth": 18}, {"conv": "dense"}, {"classes": 0}, {"output_stride": 4}, {"width": 1.5}],
)
def test_refuses(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        resnet_v2(**arguments)
