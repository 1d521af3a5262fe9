"""The de-blurring network as stock convolutions."""

import keras
import numpy as np

import dau_tf
from examples.models.srn_deblur import srn_deblur

# float32 rounding through three scales of 35 layers each; relative to the largest output.
TOLERANCE = 1e-5


def test_every_scale_is_the_same():
    keras.utils.set_random_seed(5)
    model = srn_deblur(width=4)
    standard = dau_tf.export.to_standard(model)
    assert not any(isinstance(part, dau_tf.DAUConv2D) for part in standard._flatten_layers())
    x = np.random.default_rng(6).random((1, 45, 38, 3), "float32")
    expected, actual = model(x), standard(x)
    assert list(actual) == list(expected)
    for scale, image in expected.items():
        largest = np.abs(image).max()
        assert np.abs(actual[scale] - image).max() <= TOLERANCE * largest, scale
