"""Gradients of `Dau>Conv2D`: for the input, the weights and the displacements of the units.

The kernels do the mathematics; here TensorFlow learns which kernel belongs to which input.
"""

from typing import Any, NoReturn

import tensorflow as tf

from dau_tf.ops import loader

_ATTRIBUTES = ("strides", "padding", "data_format", "max_displacement", "displacement_gradient")


@tf.RegisterGradient("Dau>Conv2D")
def _dau_conv2d_grad(op: Any, out_backprop: tf.Tensor) -> list[tf.Tensor | None]:
    ops = loader.load_library()
    inputs, weight, displacement, sigma = op.inputs
    attributes = {name: op.get_attr(name) for name in _ATTRIBUTES}
    # An eager tape names the inputs nobody asks for, such as the images under the first layer; in a
    # graph the unused op is pruned.
    unused = set(getattr(op, "skip_input_indices", None) or ())

    input_backprop = None
    if 0 not in unused:
        input_backprop = ops.dau_conv2d_backprop_input(
            input_sizes=tf.shape(inputs),
            weight=weight,
            displacement=displacement,
            sigma=sigma,
            out_backprop=out_backprop,
            **attributes,
        )
        if isinstance(input_backprop, tf.Tensor):
            input_backprop.set_shape(inputs.shape)
    weight_backprop, displacement_backprop = None, None
    if not {1, 2} <= unused:
        weight_backprop, displacement_backprop = ops.dau_conv2d_backprop_params(
            input=inputs,
            weight=weight,
            displacement=displacement,
            sigma=sigma,
            out_backprop=out_backprop,
            **attributes,
        )
    return [input_backprop, weight_backprop, displacement_backprop, None]


@tf.RegisterGradient("Dau>Conv2DBackpropInput")
def _backprop_input_grad(op: Any, *unused_grads: tf.Tensor) -> NoReturn:
    _refuse_second_derivative("inputs")


@tf.RegisterGradient("Dau>Conv2DBackpropParams")
def _backprop_params_grad(op: Any, *unused_grads: tf.Tensor) -> NoReturn:
    _refuse_second_derivative("weight and displacement")


def _refuse_second_derivative(arguments: str) -> NoReturn:
    raise NotImplementedError(
        "Second derivatives of dau_conv2d (DAUConv2D) are not supported yet: the gradient with "
        f"respect to {arguments} cannot be differentiated again. This happens in gradient "
        "penalties and Hessians; wrap the first gradient in tf.stop_gradient if it should count as "
        "a constant."
    )
