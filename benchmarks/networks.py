"""DAU-SRN-DeblurNet and the standard one, ready to step and to restore."""

import keras
import numpy as np
import tensorflow as tf

from benchmarks.operations import Call
from dau_tf.optimizers import ParameterGroups
from examples.models.multiscale_loss import multiscale_loss, multiscale_targets
from examples.models.srn_deblur import restorer, srn_deblur

VARIANTS = ("dau", "standard")


def build(variant: str, width: int, seed: int) -> keras.Model:
    """The network of the paper's recipe, with Adam; the displacements learn in their own group.

    Args:
        variant: one of VARIANTS.
        width: channels of the finest level.
        seed: of the initial weights.
    """
    keras.utils.set_random_seed(seed)
    model = srn_deblur(variant, width=width)
    optimizer = keras.optimizers.Adam(5e-4)
    if variant == "dau":
        groups = [("displacement$", keras.optimizers.Adam(1e-3))]
        optimizer = ParameterGroups(groups, default=optimizer)
    model.compile(optimizer, multiscale_loss(), jit_compile=False)
    return model


def training_step(model: keras.Model, batch: int, crop: int, seed: int) -> Call:
    """A whole step as `fit` does it: forward, losses, gradients, optimizer."""
    blurred, sharp = (
        _images(seed, [batch, crop, crop, 3]),
        _images(seed + 1, [batch, crop, crop, 3]),
    )
    targets = {name: t.numpy() for name, t in multiscale_targets(tf.constant(sharp)).items()}
    return lambda: model.train_on_batch(blurred, targets)


def inference(model: keras.Model, height: int, width: int, seed: int) -> Call:
    """One frame through the network; one number comes back."""
    frame = tf.Variable(_images(seed, [1, height, width, 3]))
    restore = restorer(model)

    def compute() -> tf.Tensor:
        return tf.reshape(restore(frame, training=False), [-1])[0]

    function = tf.function(compute).get_concrete_function()
    return lambda: function().numpy()


def _images(seed: int, shape: list[int]) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)
