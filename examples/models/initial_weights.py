"""Weights that another training found, into the layers of the same names.

Networks of keras.applications' ResNetV2 fit the standard `resnet_v2`. Theirs have biases where ours
have none; a bias moves a channel of the stream by a constant, which the next batch norms subtract:

    mean <- mean - (sum of the biases added to the stream before)        (pooling moves nothing)
"""

import dataclasses
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence

import keras
import numpy as np

from dau_tf import DAUConv2D
from examples.models import weight_files

_MEAN = 2  # batch norm's variables are gamma, beta, mean, variance


@dataclasses.dataclass(frozen=True)
class Report:
    """What was loaded.

    Args:
        path: of the file.
        loaded: layers that have their weights from it.
        left: layer -> why it was left as it was.
        unused: layers of the file that are not in the model.
    """

    path: pathlib.Path
    loaded: Sequence[str]
    left: Mapping[str, str]
    unused: Sequence[str]

    def __str__(self) -> str:
        lines = [f"{self.path}: {len(self.loaded)} layers loaded, {len(self.left)} left"]
        lines += [f"  left: {name}: {reason}" for name, reason in self.left.items()]
        lines += [f"  in the file only: {name}" for name in self.unused]
        return "\n".join(lines)


def load_initial_weights(
    model: keras.Model,
    path: str | pathlib.Path,
    skip: Sequence[str] = (),
    displacement_limit: float | None = None,
) -> Report:
    """Loads what fits by name; either all of that, or on an error nothing.

    Displacements are scaled by the model's limit over that of the file, as a segmentation network's
    are of those of its classification network (Sec. 4.3). A dense layer's weights fit a convolution
    that sees as much, as layers 6 and 7 of AlexNet. A kernel does not fit a DAU layer, which is
    left, and the other way round; `dau_tf.replace_conv2d(..., fit_weights=True)` makes units of
    kernels.

    With the published ImageNet weights of keras.applications.ResNet50V2 and ResNet101V2 (`.h5`)
    images must be scaled to -1..1, as those were. The features equal theirs up to the last block of
    the first stage, for images of odd size; in it those networks halve by strides, the paper's by
    pooling after it, so that some training is needed.

    Args:
        model: built, of any of the builders; layers of nested models are looked at too.
        path: a `.keras`, `.weights.h5` or `.h5` file.
        skip: names of layers that are to stay as they are, such as "classes" for other classes.
        displacement_limit: max_displacement of the DAU layers in the file, pixels, needed where it
            is no `.keras` file, which tells it.

    Returns:
        What was loaded and what was not; `print` it.

    Raises:
        ValueError: shapes of a layer differ, `displacement_limit` is needed, `skip` names no layer,
            no layer of the file is in the model, or it is no file of weights.
        FileNotFoundError: there is no such file.

    Example:
        >>> trained = resnet_v2(14, "dau", classes=10, width=2)
        >>> trained.save(folder / "trained.keras")
        >>> model = deeplab_v3plus(depth=14, width=2, filters=4)
        >>> report = load_initial_weights(model, folder / "trained.keras")
        >>> len(report.loaded), report.unused
        (30, ['predictions'])
    """
    file = weight_files.read(pathlib.Path(path))
    layers = {layer.name: layer for layer in _leaves(model) if layer.weights}
    unknown = sorted(set(skip) - layers.keys())
    if unknown:
        raise ValueError(
            f"`skip` must name layers of the model that have weights. Received: {unknown}"
        )
    if not layers.keys() & file.weights.keys():
        raise ValueError(
            f"{file.path} must hold layers of the model, such as {next(iter(layers), None)!r}. "
            f"Received: {list(file.weights)[:5]} ..."
        )
    found = {name: list(file.weights[name]) for name in file.weights if name not in skip}
    _fold_biases(found, layers)
    left: dict[str, str] = {}
    values: dict[str, list[np.ndarray]] = {}
    for name, layer in layers.items():
        reason = "skipped" if name in skip else _why_not(layer, found.get(name))
        if reason:
            left[name] = reason
        else:
            values[name] = _fitted(layer, found[name], file, displacement_limit)
    for name, arrays in values.items():
        for variable, array in zip(layers[name].weights, arrays, strict=True):
            variable.assign(array)
    return Report(file.path, list(values), left, [n for n in file.weights if n not in layers])


def _leaves(model: keras.Model) -> Iterator[keras.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer


def _why_not(layer: keras.Layer, found: list[np.ndarray] | None) -> str | None:
    """Why the layer is to be left as it is; None where it is not."""
    if found is None:
        return "not in the file"
    shape = found[0].shape
    if isinstance(layer, DAUConv2D):
        return f"a kernel of shape {shape} in the file, units here" if len(shape) == 4 else None
    # A DAU layer has weights (K, S, F) and displacements (2, K, S, F).
    units = len(found) > 1 and found[1].shape == (2, *shape)
    return f"units of shape {shape} in the file, a kernel here" if units else None


def _fitted(
    layer: keras.Layer,
    found: list[np.ndarray],
    file: weight_files.WeightFile,
    displacement_limit: float | None,
) -> list[np.ndarray]:
    """The file's arrays as the layer takes them."""
    wanted = [tuple(variable.shape) for variable in layer.weights]
    arrays = list(found)
    if arrays[0].ndim == 2 and len(wanted[0]) == 4:
        seen = wanted[0]
        if arrays[0].shape == (seen[0] * seen[1] * seen[2], seen[3]):
            arrays[0] = arrays[0].reshape(seen)
    if [array.shape for array in arrays] != wanted:
        raise ValueError(
            f"{file.path}: the layer {layer.name!r} must have weights of shapes {wanted}. "
            f"Received: {[array.shape for array in found]}"
        )
    if isinstance(layer, DAUConv2D):
        arrays[1] = arrays[1] * _scale(layer, file, displacement_limit)
    return arrays


def _scale(
    layer: DAUConv2D, file: weight_files.WeightFile, displacement_limit: float | None
) -> float:
    before = displacement_limit
    if before is None:
        if layer.name not in file.limits:
            raise ValueError(
                "`displacement_limit` must be the max_displacement of the network that wrote "
                f"{file.path}, which does not tell that of {layer.name!r}. Received: None"
            )
        before = file.limits[layer.name]
    if before is None or layer.max_displacement is None:
        return 1.0
    return layer.max_displacement / before


def _fold_biases(found: dict[str, list[np.ndarray]], layers: Mapping[str, keras.Layer]) -> None:
    """Takes the biases that `resnet_v2` has not out of the file's arrays, into running means."""

    def bias(name: str) -> np.ndarray | float:
        arrays = found.get(name, [])
        here = layers.get(name)
        if len(arrays) != 2 or here is None or len(here.weights) != 1:
            return 0.0
        found[name] = arrays[:1]
        return arrays[1]

    def subtract(name: str, moved: np.ndarray | float) -> None:
        if len(found.get(name, ())) == 4 and np.any(moved):
            found[name][_MEAN] = found[name][_MEAN] - moved

    moved = bias("conv1_conv")
    for name in layers:
        block = re.fullmatch(r"(conv\d_block\d+)_preact_bn", name)
        if block:
            subtract(name, moved)
            shortcut = f"{block[1]}_0_conv"
            moved = (bias(shortcut) if shortcut in layers else moved) + bias(f"{block[1]}_3_conv")
    subtract("post_bn", moved)
