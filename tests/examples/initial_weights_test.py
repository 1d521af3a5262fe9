"""Weights from files into the builders' networks."""

import doctest
import shutil

import h5py
import keras
import numpy as np
import pytest

from dau_tf.optimizers import ParameterGroups
from examples.models import initial_weights as module
from examples.models.deeplab_v3plus import BACKBONE, deeplab_v3plus
from examples.models.fcn_alexnet import fcn_alexnet
from examples.models.initial_weights import load_initial_weights
from examples.models.resnet_v2 import resnet_v2

TINY = {"depth": 14, "width": 2, "filters": 4, "low_level_filters": 3, "rates": (1, 2, 3)}


def _image(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, size=shape).astype("float32")


def _randomise(model):
    """Batch norms and biases that do something."""
    rng = np.random.default_rng(1)
    for variable in model.variables:
        if variable.name in ("bias", "beta", "moving_mean"):
            variable.assign(rng.normal(0, 0.3, variable.shape))
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))


def _save(model, folder, ending):
    """The three formats; keras.applications are published in the last."""
    path = folder / f"file{ending}"
    if ending == ".weights.h5":
        model.save_weights(path)
    else:
        model.save(path)
    if ending == ".h5":
        whole = shutil.move(path, folder / "whole.h5")
        with h5py.File(whole) as source, h5py.File(path, "w") as target:
            for name in source["model_weights"]:
                source["model_weights"].copy(name, target)
            target.attrs["layer_names"] = source["model_weights"].attrs["layer_names"]
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A network of keras.applications as it is published, and the file."""
    model = keras.applications.ResNet50V2(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    _randomise(model)
    # Theirs pads with zeros before the first pooling, ours with nothing: alike where all is above.
    conv1 = model.get_layer("conv1_conv")
    conv1.bias.assign(np.full(64, 20.0))
    return model, _save(model, tmp_path_factory.mktemp("published"), ".h5")


def test_features_equal_those_of_keras_applications(published):
    theirs, path = published
    ours = resnet_v2(50, "standard", classes=None)
    report = load_initial_weights(ours, path)
    assert (report.left, report.unused) == ({}, [])

    def features(model, name, image):
        part = keras.Model(model.input, model.get_layer(name).output)
        return np.asarray(part(image))

    # Of one pixel the whole network: poolings and strides have nothing to choose from.
    # Through 50 layers of float32 sums of up to 4608 terms.
    image = _image(3, 1, 1, 3)
    expected = features(theirs, "post_relu", image)
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(features(ours, "post_relu", image), expected, rtol=1e-3, atol=1e-3)
    # Up to the first stride within a stage, the whole picture, borders too.
    image = _image(1, 65, 97, 3)
    names = ("conv2_block1_2_relu", "conv2_block3_preact_relu")
    for name in names:
        expected = features(theirs, name, image)
        assert expected.shape[1:3] == (17, 25)
        assert expected.std() > 0.1
        np.testing.assert_allclose(features(ours, name, image), expected, rtol=1e-4, atol=1e-4)


def test_published_weights_for_a_dau_backbone_leave_the_units(published):
    model = deeplab_v3plus("dau", depth=50, filters=4)
    units = model.get_layer(BACKBONE).get_layer("conv2_block1_2_conv")
    before = units.unit_weight.numpy()
    report = load_initial_weights(model, published[1])
    np.testing.assert_array_equal(units.unit_weight, before)
    assert "a kernel of shape (3, 3, 64, 64)" in report.left["conv2_block1_2_conv"]
    kernel = published[0].get_layer("conv2_block1_1_conv").kernel
    here = model.get_layer(BACKBONE).get_layer("conv2_block1_1_conv").kernel
    np.testing.assert_array_equal(here, kernel)
    assert "conv2_block1_2_conv" in str(report)


@pytest.mark.parametrize("ending", [".keras", ".weights.h5", ".h5"])
@pytest.mark.parametrize("conv", ["dau", "standard"])
def test_a_classification_network_becomes_the_backbone(conv, ending, tmp_path):
    trained = resnet_v2(14, conv, classes=7, width=2)
    _randomise(trained)
    path = _save(trained, tmp_path, ending)
    model = deeplab_v3plus(conv, **TINY)
    head = model.get_layer("head_1x1").kernel.numpy()
    limit = None if ending == ".keras" or conv == "standard" else 4.0
    report = load_initial_weights(model, path, displacement_limit=limit)
    np.testing.assert_array_equal(model.get_layer("head_1x1").kernel, head)
    assert report.unused == ["predictions"]
    assert report.left["head_1x1"] == "not in the file"
    backbone = model.get_layer(BACKBONE)
    assert set(report.loaded) == {layer.name for layer in backbone.layers if layer.weights}
    for name in report.loaded:
        # Without the last pooling the last stage has twice the resolution.
        factor = 2 if name == "conv5_block1_2_conv" else 1
        for here, there in zip(
            backbone.get_layer(name).weights, trained.get_layer(name).weights, strict=True
        ):
            scale = factor if here.name == "displacement" else 1
            np.testing.assert_array_equal(here, scale * there.numpy(), err_msg=here.path)


def test_a_whole_segmentation_network_but_for_its_classes(tmp_path):
    trained = deeplab_v3plus(classes=7, **TINY)
    # An optimizer's variables are in the file too, here of two with one name.
    group, default = (keras.optimizers.SGD(0.1, 0.9) for _ in range(2))
    trained.compile(ParameterGroups([("displacement$", group)], default=default), "mse")
    trained.optimizer.build(trained.trainable_variables)
    trained.save(tmp_path / "trained.keras")
    model = deeplab_v3plus(classes=3, **TINY)
    with pytest.raises(ValueError, match=r"'classes' must have .* Received: \[\(1, 1, 4, 7\)"):
        load_initial_weights(model, tmp_path / "trained.keras")
    report = load_initial_weights(model, tmp_path / "trained.keras", skip=["classes"])
    assert (report.left, report.unused) == ({"classes": "skipped"}, [])
    layers = [m.get_layer("context_dau").displacement for m in (model, trained)]
    np.testing.assert_array_equal(*layers)


def test_dense_layers_become_convolutions(tmp_path):
    dense = keras.layers.Dense(4, name="fc6")
    trained = keras.Sequential([keras.Input((6, 6, 256)), keras.layers.Flatten(), dense])
    trained.save(tmp_path / "trained.keras")
    model = fcn_alexnet(fc_filters=4)
    assert load_initial_weights(model, tmp_path / "trained.keras").loaded == ["fc6"]
    seen = _image(1, 6, 6, 256)
    here = keras.ops.conv(seen, model.get_layer("fc6").kernel, padding="valid")
    # Sums of 9216 terms of about 0.01 in another order.
    np.testing.assert_allclose(here[:, 0, 0], trained(seen), rtol=1e-4, atol=1e-5)


def test_nothing_is_loaded_where_something_is_wrong(tmp_path):
    trained = resnet_v2(14, "standard", classes=7, width=3)
    trained.save(tmp_path / "wide.keras")
    model = resnet_v2(14, "standard", classes=7, width=2)
    before = [v.numpy() for v in model.variables]
    with pytest.raises(ValueError, match=r"wide.keras: the layer 'conv1_conv' must have"):
        load_initial_weights(model, tmp_path / "wide.keras")
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize(
    ("name", "arguments", "error", "text"),
    [
        ("none.keras", {}, FileNotFoundError, "none.keras, which is not there"),
        ("file.npz", {}, ValueError, r"`path` must end in one of"),
        ("broken.keras", {}, ValueError, r"broken.keras is no file of weights"),
        ("broken.h5", {}, ValueError, r"broken.h5 is no file of weights"),
        ("good.keras", {"skip": ["fc9"]}, ValueError, r"`skip` must name .* Received: \['fc9'\]"),
        ("other.keras", {}, ValueError, r"must hold layers of the model, such as 'conv1_conv'"),
        ("good.weights.h5", {}, ValueError, r"`displacement_limit` must be .*good.weights.h5"),
    ],
)
def test_refuses(name, arguments, error, text, tmp_path):
    model = resnet_v2(14, "dau", classes=7, width=2)
    (tmp_path / "broken.keras").write_bytes(b"PK")
    (tmp_path / "broken.h5").write_bytes(b"PK")
    model.save(tmp_path / "good.keras")
    model.save_weights(tmp_path / "good.weights.h5")
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]).save(tmp_path / "other.keras")
    with pytest.raises(error, match=text):
        load_initial_weights(model, tmp_path / name, **arguments)


def test_examples_in_docstrings_run(tmp_path):
    names = {"folder": tmp_path, "deeplab_v3plus": deeplab_v3plus, "resnet_v2": resnet_v2}
    assert doctest.testmod(module, extraglobs=names).failed == 0
