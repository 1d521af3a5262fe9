"""`dau_conv2d` with images and weights of 16 bits, computed in float32 and rounded once."""

import numpy as np
import pytest
import tensorflow as tf

import dau_tf

each_half = pytest.mark.parametrize("half", [tf.float16, tf.bfloat16], ids=lambda d: d.name)
each_data_format = pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])


def arguments(dtype: tf.DType) -> list[tf.Tensor]:
    """x, w in `dtype`, mu in float32."""
    rng = np.random.default_rng(5)
    x, w = rng.normal(size=(2, 7, 7, 7)), rng.normal(size=(2, 7, 4))
    return [
        tf.cast(x, dtype),
        tf.cast(w, dtype),
        tf.cast(rng.uniform(-3, 3, (2, 2, 7, 4)), "float32"),
    ]


def results(values: list[tf.Tensor], **options: str) -> list[tf.Tensor]:
    """y, dx, dw, dmu; the loss weighs every output by a 16-bit number."""
    with tf.GradientTape() as tape:
        tape.watch(values)
        y = dau_tf.dau_conv2d(*values, **options)
    dy = np.random.default_rng(6).integers(-3, 4, y.shape)
    return [y, *tape.gradient(y, values, tf.cast(dy, y.dtype))]


@each_half
@each_data_format
@pytest.mark.parametrize("kind", ["gaussian", "exact"])
def test_is_float32_rounded_once(half, data_format, kind):
    options = {"data_format": data_format, "displacement_gradient": kind}
    x, w, mu = arguments(half)
    actual = results([x, w, mu], **options)
    expected = results([tf.cast(x, tf.float32), tf.cast(w, tf.float32), mu], **options)
    for one, other in zip(actual[:3], expected[:3], strict=True):
        assert one.dtype == half
        np.testing.assert_array_equal(one, tf.cast(other, half))
    assert actual[3].dtype == tf.float32
    np.testing.assert_array_equal(actual[3], expected[3])


@each_half
def test_a_displacement_of_16_bits_gets_its_gradient_back_in_them(half):
    x, w, mu = arguments(half)
    mu = tf.cast(mu, half)
    actual, expected = results([x, w, mu]), results([x, w, tf.cast(mu, tf.float32)])
    assert [value.dtype for value in actual] == [half] * 4
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, tf.cast(other, half))


@each_half
def test_arrays_and_lists_follow_the_tensor(half):
    x, w, mu = arguments(half)
    expected = dau_tf.dau_conv2d(x, w, mu)
    lists = dau_tf.dau_conv2d(x, tf.cast(w, tf.float32).numpy().tolist(), mu.numpy().tolist())
    assert lists.dtype == half
    np.testing.assert_array_equal(lists, expected)


@each_half
def test_layer_of_a_mixed_policy_computes_in_16_bits(half):
    layer = dau_tf.DAUConv2D(4, dtype=f"mixed_{half.name}", use_bias=False)
    x = tf.cast(arguments(half)[0], tf.float32)
    y = layer(x)
    expected = dau_tf.dau_conv2d(
        tf.cast(x, half), tf.cast(layer.unit_weight.value, half), layer.displacement.value
    )
    np.testing.assert_array_equal(y, expected)


def test_values_beyond_the_range_of_float16_are_infinite():
    x = tf.fill([1, 3, 3, 1], tf.constant(60000, tf.float16))
    y = dau_tf.dau_conv2d(x, tf.constant([[[2.0]]], tf.float16), tf.zeros([2, 1, 1, 1]), 0.1)
    assert np.isposinf(y.numpy()).all()
