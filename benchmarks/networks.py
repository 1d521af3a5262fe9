"""The examples' networks with DAU layers and without, ready to step and to infer."""

import dataclasses
from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

from benchmarks.operations import Call
from dau_tf.optimizers import ParameterGroups
from examples.models.deeplab_v3plus import deeplab_v3plus
from examples.models.multiscale_loss import multiscale_loss, multiscale_targets
from examples.models.srn_deblur import restorer, srn_deblur

VARIANTS = ("dau", "standard")
_CLASSES = 19

Targets = np.ndarray | dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Network:
    """A network, and the sizes that it is timed at unless told otherwise.

    Args:
        width: channels of the finest level, the paper's.
        crop: side of the images of a training step, pixels.
        frame: (width, height) of the image of an inference, pixels.
        build: (variant, width) -> the compiled model of the paper's recipe.
        targets: (generator, images) -> what the images are to become.
        inference: the model whose output is wanted.
    """

    width: int
    crop: int
    frame: tuple[int, int]
    build: Callable[[str, int], keras.Model]
    targets: Callable[[np.random.Generator, np.ndarray], Targets]
    inference: Callable[[keras.Model], keras.Model]


def _srn(variant: str, width: int) -> keras.Model:
    """DAU-SRN-DeblurNet or the standard one; displacements learn in their own group of Adam."""
    model = srn_deblur(variant, width=width)
    optimizer = keras.optimizers.Adam(5e-4)
    if variant == "dau":
        groups = [("displacement$", keras.optimizers.Adam(1e-3))]
        optimizer = ParameterGroups(groups, default=optimizer)
    model.compile(optimizer, multiscale_loss(), jit_compile=False)
    return model


def _sharp(rng: np.random.Generator, images: np.ndarray) -> Targets:
    sharp = rng.random(images.shape, np.float32)
    return {name: t.numpy() for name, t in multiscale_targets(tf.constant(sharp)).items()}


def _deeplab(depth: int) -> Callable[[str, int], keras.Model]:
    """DeepLabv3+ with DAU layers in backbone, context (DAU-6U) and decoder, or with none."""

    def build(variant: str, width: int) -> keras.Model:
        context = "dau" if variant == "dau" else "aspp"
        model = deeplab_v3plus(
            variant,
            context,
            decoder=variant,
            depth=depth,
            classes=_CLASSES,
            width=width,
            filters=4 * width,
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.01, 0.9), loss, jit_compile=False)
        return model

    return build


def _labels(rng: np.random.Generator, images: np.ndarray) -> Targets:
    return rng.integers(_CLASSES, size=images.shape[:3])


NETWORKS: Mapping[str, Network] = {
    "srn": Network(32, 256, (1280, 720), _srn, _sharp, restorer),
    "deeplab50": Network(64, 257, (1024, 512), _deeplab(50), _labels, lambda model: model),
    "deeplab101": Network(64, 257, (1024, 512), _deeplab(101), _labels, lambda model: model),
}


def build(network: str, variant: str, width: int, seed: int) -> keras.Model:
    """The compiled network of the paper's recipe.

    Args:
        network: one of NETWORKS.
        variant: one of VARIANTS.
        width: channels of the finest level.
        seed: of the initial weights.
    """
    keras.utils.set_random_seed(seed)
    return NETWORKS[network].build(variant, width)


def training_step(network: str, model: keras.Model, batch: int, crop: int, seed: int) -> Call:
    """A whole step as `fit` does it: forward, losses, gradients, optimizer."""
    rng = np.random.default_rng(seed)
    images = rng.random([batch, crop, crop, 3], np.float32)
    targets = NETWORKS[network].targets(rng, images)
    return lambda: model.train_on_batch(images, targets)


def inference(network: str, model: keras.Model, height: int, width: int, seed: int) -> Call:
    """One frame through the network; one number comes back."""
    frame = tf.Variable(np.random.default_rng(seed).random([1, height, width, 3], np.float32))
    infer = NETWORKS[network].inference(model)

    def compute() -> tf.Tensor:
        return tf.reshape(infer(frame, training=False), [-1])[0]

    function = tf.function(compute).get_concrete_function()
    return lambda: function().numpy()
