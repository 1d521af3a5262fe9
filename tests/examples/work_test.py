"""Multiply-adds of networks, against counts by hand."""

import keras
import pytest

import dau_tf
from examples.models import work
from examples.models.srn_deblur import srn_deblur


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([keras.layers.Conv2D(5, 3, strides=2, padding="same")], 4 * 4 * 9 * 3 * 5),
        ([keras.layers.Conv2DTranspose(5, 4, strides=2, padding="same")], 8 * 8 * 16 * 3 * 5),
        ([dau_tf.DAUConv2D(5, units=2)], 8 * 8 * 4 * 2 * 3 * 5),
        ([keras.layers.Flatten(), keras.layers.Dense(7)], 8 * 8 * 3 * 7),
        ([keras.layers.Conv2D(5, 1), keras.layers.ReLU(), keras.layers.Conv2D(2, 1)],
         8 * 8 * (3 * 5 + 5 * 2)),
    ],
)  # fmt: skip
def test_of_one_image(layers, expected):
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    assert work.multiply_adds(model, 8) == expected


def test_layers_that_are_called_again_count_again():
    """The three scales of the network see a quarter and a sixteenth of the pixels."""
    network = srn_deblur("standard", width=2)
    once = work.multiply_adds(network, 32)
    assert 4 * once == work.multiply_adds(network, 64)


def test_every_table_has_its_trainings():
    assert {training.table for training in work.TRAININGS} == {"2", "3, 4", "5", "7", "8"}
