"""`scale_displacements`: the same places of the scene at another resolution."""

import keras
import numpy as np
import pytest

import dau_tf
from dau_tf import DAUConv2D, scale_displacements


def built(**options) -> DAUConv2D:
    keras.utils.set_random_seed(5)
    layer = DAUConv2D(3, **options)
    layer.build((None, None, None, 2))
    return layer


def test_looks_at_the_same_places_of_a_finer_image():
    # On an image of double resolution, every second pixel of which is the coarse image, integer
    # displacements times two read the same pixels. A blur of sigma 0.01 is the identity.
    layer = built(sigma=0.01, displacement_initializer="zeros")
    layer.displacement.assign(np.random.default_rng(1).integers(-2, 3, layer.displacement.shape))
    coarse = np.random.default_rng(2).normal(size=(1, 6, 7, 2)).astype("float32")
    fine = np.random.default_rng(3).normal(size=(1, 12, 14, 2)).astype("float32")
    fine[:, ::2, ::2] = coarse
    expected = layer(coarse)
    scale_displacements(layer, 2)
    np.testing.assert_array_equal(layer(fine)[:, ::2, ::2], expected)


@pytest.mark.parametrize(("limit", "expected"), [(4.0, 10.0), (None, None), (0.0, 0.0)])
def test_the_limit_is_scaled_too(limit, expected):
    layer = built(max_displacement=limit)
    before = layer.displacement.numpy()
    scale_displacements(layer, 2.5)
    np.testing.assert_array_equal(layer.displacement, before * np.float32(2.5))
    assert layer.max_displacement == expected
    assert layer.get_config()["max_displacement"] == expected


def test_updates_are_clipped_to_the_new_limit():
    layer = built(max_displacement=1.0)
    scale_displacements(layer, 3.0)
    keras.optimizers.SGD(1.0).apply(
        [-100 * np.ones(layer.displacement.shape)], [layer.displacement]
    )
    np.testing.assert_array_equal(layer.displacement, np.full(layer.displacement.shape, 3.0))


def test_every_layer_of_a_model_once():
    inputs = keras.Input((None, None, 2))
    shared = DAUConv2D(2, name="shared")
    inner = keras.Sequential([keras.Input((None, None, 2)), DAUConv2D(2, name="inner")])
    x = inner(shared(shared(inputs)))
    model = keras.Model(inputs, keras.layers.Conv2D(1, 3)(x))
    layers = [shared, inner.layers[0]]
    before = [layer.displacement.numpy() for layer in layers]
    scale_displacements(model, 2.0)
    for layer, old in zip(layers, before, strict=True):
        np.testing.assert_array_equal(layer.displacement, 2 * old)


def test_survives_saving(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 2)), DAUConv2D(2)])
    scale_displacements(model, 2.0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.layers[0].max_displacement == 8.0
    np.testing.assert_array_equal(again.layers[0].displacement, model.layers[0].displacement)


def test_refused_with_a_message():
    for factor in (0, -1, float("nan"), "2"):
        with pytest.raises(ValueError, match=f"`factor` must be a finite number > 0.*{factor!r}"):
            scale_displacements(built(), factor)
    with pytest.raises(ValueError, match=r"must be or hold a DAUConv2D. Received: layer='dense'"):
        scale_displacements(keras.layers.Dense(1, name="dense"), 2.0)
    with pytest.raises(ValueError, match=r"must be built. Received: 'young'"):
        scale_displacements(DAUConv2D(1, name="young"), 2.0)
    valid = built(padding="valid", name="cut")
    with pytest.raises(ValueError, match=r"drop a margin.*Received: 'cut' with padding=\"valid\""):
        scale_displacements(valid, 2.0)
    assert dau_tf.layers.scale_displacements is scale_displacements
