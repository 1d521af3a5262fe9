"""Counts, shapes and the wiring of SRN-DeblurNet."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from examples.models.counts import units, weights_without_biases
from examples.models.multiscale_loss import multiscale_loss, multiscale_targets
from examples.models.resizing import PadToMultiple
from examples.models.srn_deblur import restorer, srn_deblur


@pytest.mark.parametrize(
    ("conv", "weights", "unit_count"),
    [("standard", 6_878_240, 6_878_240), ("dau", 1_780_768, 707_616)],
)
def test_counts_of_the_paper(conv, weights, unit_count):
    model = srn_deblur(conv)
    assert weights_without_biases(model) == weights
    assert units(model) == unit_count
    biases = sum(v.shape[0] for v in model.trainable_variables if v.name == "bias")
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == weights + biases


def test_counts_do_not_depend_on_the_skip():
    plain, skip = srn_deblur(width=8), srn_deblur(width=8, input_skip=True)
    assert weights_without_biases(plain) == weights_without_biases(skip)
    assert units(plain) == units(skip)


@pytest.mark.parametrize("conv", ["standard", "dau"])
def test_any_size_in_one_traced_function(conv):
    model = srn_deblur(conv, width=2)
    trace = tf.function(
        lambda x: model(x), input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)]
    )
    for n, height, width in ((1, 16, 32), (2, 37, 53), (1, 1, 1), (1, 45, 80)):
        image = np.random.default_rng(0).random((n, height, width, 3), np.float32)
        outputs = trace(image)
        for name, scale in (("quarter", 4), ("half", 2), ("full", 1)):
            expected = (n, -(-height // scale), -(-width // scale), 3)
            assert outputs[name].shape == expected
        targets = multiscale_targets(image)
        assert {k: v.shape for k, v in targets.items()} == {k: v.shape for k, v in outputs.items()}


def test_input_skip_is_the_identity_when_the_last_layer_is_zero():
    model = srn_deblur(width=2, input_skip=True)
    last = next(v for v in model.variables if v.path == "dec1_0/kernel")
    last.assign(np.zeros(last.shape))
    image = np.random.default_rng(0).random((1, 37, 53, 3), np.float32)
    np.testing.assert_array_equal(restorer(model)(image), image)


def test_the_finer_scale_does_not_train_the_coarser_result():
    """With weights shared, only the quarter output depends on a perturbed quarter branch."""
    model = srn_deblur("standard", width=2)
    coarse = keras.Model(model.input, model.get_layer("stop_half").output)
    image = tf.constant(np.random.default_rng(0).random((1, 16, 16, 3), np.float32))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(coarse(image))
    assert all(g is None for g in tape.gradient(total, coarse.trainable_variables))


def test_loss_is_the_sum_over_scales():
    model = srn_deblur("standard", width=2)
    model.compile("sgd", multiscale_loss())
    image = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    sharp = np.random.default_rng(1).random((2, 32, 32, 3), np.float32)
    targets = {k: np.asarray(v) for k, v in multiscale_targets(sharp).items()}
    outputs = model(image)
    expected = sum(float(np.mean((outputs[k] - targets[k]) ** 2)) for k in targets)
    loss = model.test_on_batch(image, targets, return_dict=True)["loss"]
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(
        targets["quarter"], sharp.reshape(2, 8, 4, 8, 4, 3).mean((2, 4)), rtol=1e-5
    )


def test_padding_repeats_the_edge():
    padded = PadToMultiple(4)(np.arange(3, dtype="float32").reshape(1, 1, 3, 1))
    assert padded.shape == (1, 4, 4, 1)
    np.testing.assert_array_equal(padded[0, 3, :, 0], [0, 1, 2, 2])


def test_saved_and_loaded(tmp_path):
    model = srn_deblur(width=2)
    model.save(tmp_path / "model.keras")
    image = np.random.default_rng(0).random((1, 20, 20, 3), np.float32)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(image)["full"], model(image)["full"])


@pytest.mark.parametrize("arguments", [{"conv": "dense"}, {"width": 0}, {"width": 1.5}])
def test_refuses(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        srn_deblur(**arguments)
