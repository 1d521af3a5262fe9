"""The augmentation: what it changes, and what it leaves."""

import math

import numpy as np
import pytest
import tensorflow as tf

from examples.deblurring.augment import Augmentation, segment_kernel

_SEED = tf.constant([3, 4], tf.int64)


def _pair(side):
    rng = np.random.default_rng(0)
    blur = rng.integers(0, 255, (side, side, 3)).astype(np.float32) / 255
    return tf.constant(blur), tf.constant(blur[::-1].copy())


def test_without_augmentation_nothing_changes():
    blur, sharp = _pair(16)
    changed = Augmentation()(blur, sharp, _SEED)
    np.testing.assert_array_equal(changed[0], blur)
    np.testing.assert_array_equal(changed[1], sharp)


def test_motion_blurs_the_sharp_picture_and_cuts_the_margin():
    augmentation = Augmentation(motion=1.0, longest=5.0)
    m = augmentation.margin
    pair = _pair(16 + 2 * m)
    blur, sharp = augmentation(*pair, _SEED)
    assert blur.shape == sharp.shape == (16, 16, 3)
    np.testing.assert_array_equal(sharp, pair[1][m:-m, m:-m])
    assert np.std(blur) < 0.8 * np.std(sharp)


def test_colours_and_negatives_change_both_pictures_alike():
    blur, sharp = _pair(16)
    shuffled = Augmentation(colours=1.0)(blur, blur, _SEED)
    np.testing.assert_array_equal(*shuffled)
    np.testing.assert_allclose(np.sort(shuffled[0], -1), np.sort(blur, -1))
    negative = Augmentation(negatives=1.0)(blur, sharp, _SEED)
    np.testing.assert_allclose(negative[0], 1 - blur)
    np.testing.assert_allclose(negative[1], 1 - sharp)


@pytest.mark.parametrize(("angle", "axis"), [(0.0, 0), (math.pi / 2, 1)])
def test_kernel_of_a_straight_segment(angle, axis):
    kernel = segment_kernel(tf.constant(4.0), tf.constant(angle), 4).numpy()
    assert kernel.sum() == pytest.approx(1.0)
    across = kernel.sum(1 - axis)
    assert across[4] == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-6)
