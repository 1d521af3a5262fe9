"""AlexNet and the network of Sec. 4.1: counts, shapes, saving."""

import doctest
import importlib

import keras
import numpy as np
import pytest

from examples.models import counts, table
from examples.models.alexnet import alexnet, alexnet_features
from examples.models.cifar_net import cifar_net
from examples.models.local_response_norm import LocalResponseNormalization


@pytest.fixture(scope="module")
def found() -> list[int]:
    return table.count()


@pytest.mark.parametrize(
    "number", range(len(table.ROWS)), ids=lambda i: f"{table.ROWS[i].network}-{i}"
)
def test_counts_of_the_paper(number, found):
    assert found[number] == table.ROWS[number].exact


def test_table_marks_what_differs(found):
    right = table.text(table.ROWS, found)
    assert "differs" not in right
    assert "1,523,712" in right
    assert "differs" in table.text(table.ROWS, [found[0] + 1, *found[1:]])


@pytest.mark.parametrize("conv", ["standard", "dau-small"])
def test_alexnet_keeps_the_sizes_of_the_original(conv):
    image = keras.Input((227, 227, 3))
    assert alexnet_features(image, conv).shape == (None, 6, 6, 256)
    sizes = {}
    for name, pools in (("stride 8", (1,)), ("stride 16", (1, 2))):
        sizes[name] = alexnet_features(keras.Input((64, 96, 3)), conv, pools=pools, padding="same")
    assert sizes["stride 8"].shape == (None, 8, 12, 256)
    assert sizes["stride 16"].shape == (None, 4, 6, 256)


def test_local_response_normalization_is_the_formula():
    x = np.random.default_rng(0).normal(size=(1, 2, 2, 7)).astype("float32") * 30
    y = LocalResponseNormalization()(x)
    for c in range(7):
        near = (x[..., max(0, c - 2) : c + 3] ** 2).sum(-1)
        np.testing.assert_allclose(y[..., c], x[..., c] / (2 + 1e-4 * near) ** 0.75, rtol=1e-5)


@pytest.mark.parametrize("sigma", [0.35, "learned"])
def test_cifar_net_is_saved_and_loaded(sigma, tmp_path):
    model = cifar_net(sigma=sigma, filters=(2, 3, 4), shape=(12, 12, 1))
    model.save(tmp_path / "model.keras")
    image = np.random.default_rng(0).random((2, 12, 12, 1), np.float32)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(image), model(image))
    assert counts.dau_units(model) == 4 * (2 + 6 + 12)
    learned = [v for v in model.trainable_variables if v.name == "sigma"]
    assert len(learned) == (3 if sigma == "learned" else 0)


@pytest.mark.parametrize(
    ("build", "arguments"),
    [
        (alexnet, {"conv": "dau"}),
        (alexnet, {"size": 66}),
        (cifar_net, {"conv": "dense"}),
        (cifar_net, {"sigma": "per_unit"}),
    ],
)
def test_refuses(build, arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}` must be"):
        build(**arguments)


@pytest.mark.parametrize(
    "arguments", [{"pools": (3,)}, {"conv": "dau-small", "dilation": 2}], ids=["pools", "dilation"]
)
def test_features_refuse(arguments):
    with pytest.raises(ValueError, match=r"Expected dilation=1|`pools` must be"):
        alexnet_features(keras.Input((64, 64, 3)), **arguments)


@pytest.mark.parametrize("name", ["alexnet", "cifar_net", "local_response_norm"])
def test_examples_in_docstrings_run(name):
    module = importlib.import_module(f"examples.models.{name}")
    assert doctest.testmod(module, extraglobs={"np": np}).failed == 0
