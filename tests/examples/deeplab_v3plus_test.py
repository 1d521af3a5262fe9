"""Counts, sizes and alignment of DeepLabv3+, each of its parts on and off."""

import doctest
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from dau_tf import DAUConv2D
from examples.models import arguments, pixel_logits, table
from examples.models import deeplab_v3plus as module
from examples.models.counts import trainable_parameters
from examples.models.deeplab_v3plus import BACKBONE, SMALL, deeplab_v3plus
from examples.models.resizing import EnlargeAligned, PadToMultiple

TINY = {"depth": 14, "width": 2, "filters": 4, "low_level_filters": 3, "rates": (1, 2, 3)}

# ResNet v2 without its classifier of 2048 x 1000 + 1000, and a batch norm's gamma and beta.
BACKBONES = {
    (50, "standard"): 25_549_352 - 2_049_000,
    (50, "dau"): 21_776_936 - 2_049_000,
    (101, "standard"): 44_541_480 - 2_049_000,
    (101, "dau"): 37_426_728 - 2_049_000,
}
NORM = 2 * 256
CONTEXTS = {"aspp": 14_155_776 + 3 * NORM, "dau": 9_437_184 + NORM, None: 0}
POOLING = 2048 * 256 + NORM
LOW_LEVEL = 256 * 48 + 2 * 48
DECODERS = {
    "standard": LOW_LEVEL + 9 * (256 + 48 + 256) * 256 + 2 * NORM,
    "dau": LOW_LEVEL + 2 * 3 * (256 + 48 + 256) * 256 + 2 * NORM,
    None: 0,
}


def _image(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def _parameters(conv, context, pooling, decoder, depth=101):
    """From Fig. 10: the 1x1 branch, the others, what joins them, decoder and classes."""
    branches = 1 + {"aspp": 3, "dau": 1, None: 0}[context] + pooling
    head = (2048 * 256 + NORM) + CONTEXTS[context] + pooling * POOLING
    head += branches * 256 * 256 + NORM
    return BACKBONES[depth, conv] + head + DECODERS[decoder] + 256 * 19 + 19


@pytest.mark.parametrize(
    "parts",
    [
        ("standard", "aspp", True, "dau"),
        ("standard", None, False, None),
        ("dau", "dau", True, "standard"),
    ],
)
def test_counts(parts):
    model = deeplab_v3plus(*parts, depth=50)
    assert trainable_parameters(model) == _parameters(*parts, depth=50)
    assert trainable_parameters(model.get_layer(BACKBONE)) == BACKBONES[50, parts[0]]


def test_the_table_has_what_the_parts_add_up_to():
    """classifiers_test.py holds the builder to the table."""
    rows = [row for row in table.ROWS if row.count is trainable_parameters]
    totals = {row.build[1]: row.exact for row in rows if row.build[0] is deeplab_v3plus}
    assert len(totals) == 8
    assert totals == {parts: _parameters(*parts) for parts in totals}


@pytest.mark.parametrize("conv", ["standard", "dau"])
def test_any_size_in_one_traced_function(conv):
    context = {"standard": "aspp", "dau": "dau"}[conv]
    model = deeplab_v3plus(conv, context, decoder=conv, classes=5, **TINY)
    trace = tf.function(
        lambda x: model(x), input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)]
    )
    for size in ((1, 64, 96), (2, 45, 33), (1, 1, 1)):
        logits = trace(_image(*size, 3))
        assert logits.shape == (*size, 5)
        assert np.isfinite(logits).all()


@pytest.mark.parametrize(
    ("context", "pooling", "decoder"),
    list(itertools.product(("dau", "aspp", None), (True, False), ("dau", "standard", None))),
)
def test_each_part_can_be_left_out(context, pooling, decoder):
    model = deeplab_v3plus("standard", context, pooling, decoder, classes=2, **TINY)
    names = {layer.name for layer in model.layers}
    assert ("image_pooling" in names) == pooling
    assert ("decoder_conv1" in names) == (decoder is not None)
    assert ("context_dau" in names) == (context == "dau")
    assert ("context_aspp3" in names) == (context == "aspp")
    assert model(_image(1, 20, 20, 3)).shape == (1, 20, 20, 2)


@pytest.mark.parametrize("decoder", ["standard", None])
def test_resolutions_of_the_features(decoder):
    model = deeplab_v3plus("standard", "aspp", decoder=decoder, input_shape=(64, 97, 3), **TINY)
    assert model.get_layer("pad").output.shape == (None, 65, 97, 3)
    assert model.get_layer("head_1x1").output.shape == (None, 5, 7, 4)
    where = (17, 25) if decoder else (5, 7)
    assert model.get_layer("classes").output.shape == (None, *where, 19)
    assert model.output.shape == (None, 64, 97, 19)


def test_dau_context_reaches_as_far_as_aspp():
    layer = deeplab_v3plus(
        "standard", "dau", decoder=None, **TINY | {"rates": (6, 12, 18)}
    ).get_layer("context_dau")
    assert isinstance(layer, DAUConv2D)
    assert layer.displacement.shape == (2, 6, 64, 4)
    assert layer.max_displacement == 18
    # All 2 * 6 * 64 * 4 draws from U[-18, 18] are within 17.5 with a probability of e-87.
    assert 17.5 < np.abs(layer.displacement).max() <= 18


def test_enlarging_keeps_pixels_where_they_were():
    image = _image(2, 5, 4, 3)
    large = EnlargeAligned(4)(image)
    assert large.shape == (2, 17, 13, 3)
    np.testing.assert_array_equal(large[:, ::4, ::4], image)
    middle = (image[:, :-1] + image[:, 1:]) / 2
    np.testing.assert_allclose(large[:, 2::4, ::4], middle, atol=1e-6)


def test_padding_to_one_more_than_a_multiple():
    pad = PadToMultiple(16, extra=1)
    for size, padded in ((1, 1), (2, 17), (16, 17), (17, 17), (18, 33), (769, 769), (1024, 1025)):
        assert pad(np.zeros([1, size, 1, 1], "float32")).shape == (1, padded, 1, 1)
        assert pad.compute_output_shape((None, size, None, 1)) == (None, padded, None, 1)


def test_logits_are_float32_under_a_mixed_policy():
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        model = deeplab_v3plus("standard", "aspp", classes=3, **TINY)
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    assert model.get_layer("head_1x1").compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"
    assert model(_image(1, 20, 20, 3)).dtype == "float32"


def test_trains_and_is_saved(tmp_path):
    model = deeplab_v3plus(classes=3, **TINY)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = {v.path: v.numpy() for v in model.trainable_variables}
    labels = np.random.default_rng(1).integers(3, size=(4, 40, 40))
    model.fit(_image(4, 40, 40, 3), labels, epochs=1, verbose=0)
    unchanged = [v.path for v in model.trainable_variables if (v.numpy() == before[v.path]).all()]
    assert unchanged == []
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    image = _image(1, 33, 50, 3, seed=1)
    np.testing.assert_array_equal(loaded(image), model(image))


def test_small_is_small():
    assert trainable_parameters(deeplab_v3plus(**SMALL)) < 2_000_000


@pytest.mark.parametrize(
    "arguments",
    [
        {"backbone_conv": None},
        {"context": "psp"},
        {"decoder": "unet"},
        {"classes": 0},
        {"filters": 1.5},
        {"rates": ()},
        {"pointwise": False, "context": None},
        {"depth": 18},
    ],
)
def test_refuses(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}` must be"):
        deeplab_v3plus(**arguments)


@pytest.mark.parametrize("example", [module, pixel_logits, arguments], ids=lambda m: m.__name__)
def test_examples_in_docstrings_run(example):
    tried = doctest.testmod(example, extraglobs={"np": np})
    assert tried.failed == 0
    assert tried.attempted > 0
