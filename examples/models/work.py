"""Counts what the paper's trainings compute: python -m examples.models.work [--rate TFLOPS].

Multiply-adds of convolutions, matrix products and DAU layers (four a unit, as Eq. 17 counts them)
of one forward, three times that for a training step, and the hours of a whole training on a device
that does --rate 10^12 floating-point operations a second, two a multiply-add. The hours are what
arithmetic alone takes at that rate: none was measured.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from functools import partial

import keras
import tensorflow as tf

from examples import cli
from examples.models.alexnet import alexnet
from examples.models.deeplab_v3plus import deeplab_v3plus
from examples.models.fcn_alexnet import fcn_alexnet
from examples.models.resnet_v2 import resnet_v2
from examples.models.srn_deblur import srn_deblur

TAPS = 4
"""Multiply-adds of a unit for each output pixel: the pixels that it interpolates between."""
# A forward, the gradient of the input, the gradient of the parameters.
PASSES = 3


@dataclasses.dataclass(frozen=True)
class Training:
    """A training of the paper.

    Args:
        table: number of the paper's table.
        network: for people.
        build: makes the network.
        size: height and width of what it trains on, pixels.
        examples: how many in all, each as often as it is shown.
    """

    table: str
    network: str
    build: Callable[[], keras.Model]
    size: int
    examples: int


_IMAGENET, _VOC, _CITYSCAPES, _GOPRO = 100 * 1_281_167, 20 * 65_000, 8 * 50_000, 2000 * 2103
_ALEXNETS = ("standard", "dau-large", "dau-medium", "dau-small")
_CONVS = ("standard", "dau")

TRAININGS: Sequence[Training] = (
    *(Training("2", f"AlexNet {conv}", partial(alexnet, conv), 227, 128 * 800_000)
      for conv in _ALEXNETS),
    *(Training("3, 4", f"ResNet{depth} {conv}", partial(resnet_v2, depth, conv), 224, _IMAGENET)
      for depth in (50, 101) for conv in _CONVS),
    *(Training("5", f"FCN-AlexNet {conv}", partial(fcn_alexnet, conv), 505, _VOC)
      for conv in _ALEXNETS),
    *(Training("7", f"DeepLabv3+ {depth} {conv}",
               partial(deeplab_v3plus, conv, head, True, conv, depth=depth), 769, _CITYSCAPES)
      for depth in (50, 101) for conv, head in zip(_CONVS, ("aspp", "dau"), strict=True)),
    *(Training("8", f"SRN-DeblurNet {conv}", partial(srn_deblur, conv), 256, _GOPRO)
      for conv in _CONVS),
)  # fmt: skip


def multiply_adds(model: keras.Model, size: int) -> int:
    """Of one forward of one image.

    Args:
        model: [1, size, size, 3] -> anything.
        size: pixels.

    Raises:
        ValueError: the model's graph has a function inside, whose work would be missed.
    """
    forward = tf.function(lambda x: model(x, training=False))
    graph = forward.get_concrete_function(tf.TensorSpec([1, size, size, 3])).graph
    called = {op.type for op in graph.get_operations()} & {"PartitionedCall", "While", "If"}
    if called:
        raise ValueError(f"`model` must not call functions. Received: {model.name}, with {called}")
    return sum(_work(op) for op in graph.get_operations())


def _work(op: tf.Operation) -> int:
    def elements(tensor: tf.Tensor) -> int:
        return math.prod(tensor.shape.as_list())

    if op.type == "Conv2D":
        return elements(op.outputs[0]) * math.prod(op.inputs[1].shape[:3])
    if op.type == "Conv2DBackpropInput":  # a transposed convolution; inputs: size, filter, y
        return elements(op.inputs[2]) * math.prod(op.inputs[1].shape[:3])
    if op.type == "MatMul":
        return elements(op.inputs[0]) * op.outputs[0].shape[1]
    if op.type == "Dau>Conv2D":  # x, weight [K, S, F], displacement
        batch, height, width, _ = op.outputs[0].shape
        return TAPS * elements(op.inputs[1]) * batch * height * width
    return 0


def text(rate: float) -> str:
    """The table for people.

    Args:
        rate: 10^12 floating-point operations a second.
    """
    lines = [f"{'table':5}  {'network':22}  {'size':>4}  {'10^9 a forward':>14}  {'hours':>7}"]
    for training in TRAININGS:
        forward = multiply_adds(training.build(), training.size)
        keras.backend.clear_session()
        seconds = 2 * PASSES * forward * training.examples / (rate * 1e12)
        lines.append(
            f"{training.table:5}  {training.network:22}  {training.size:4}  {forward / 1e9:14.2f}"
            f"  {seconds / 3600:7,.0f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Prints the table."""
    parser = cli.parser(__doc__)
    parser.add_argument("--rate", type=cli.positive_float, default=10.0, help="10^12 a second")
    print(text(parser.parse_args().rate))


if __name__ == "__main__":
    cli.run(main)
