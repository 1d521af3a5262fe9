"""The layer of the package dcls, if it and its torch are installed."""

import logging
from typing import Any

import numpy as np

from benchmarks.operations import Call
from benchmarks.shapes import Shape, reach

NOT_INSTALLED = "not installed: pip install '.[bench]'"


def available() -> bool:
    """Whether dcls and torch can be imported."""
    try:
        _import()
    except ImportError:
        return False
    return True


def dcls(
    shape: Shape,
    units: int,
    max_displacement: float,
    backward: bool,
    threads: int,
    seed: int,
) -> Call:
    """`Dcls2d` with bilinear positions (version "v1"), the dense kernel built on every call.

    Images are in torch's default order, NCHW; gradients are those of images, weights and positions.
    """
    torch, layer_class = _import()
    torch.set_num_threads(threads)
    rng = np.random.default_rng(seed)
    size = reach(max_displacement)
    # It warns that it has no CUDA each time a layer is made.
    logging.disable(logging.WARNING)
    try:
        layer = layer_class(
            shape.channels, shape.filters, units,
            padding=size // 2, dilated_kernel_size=size, bias=False, version="v1",
        )  # fmt: skip
    finally:
        logging.disable(logging.NOTSET)
    positions = rng.uniform(-max_displacement, max_displacement, list(layer.P.shape))
    images = [shape.images, shape.channels, shape.height, shape.width]
    gradients = [shape.images, shape.filters, shape.height, shape.width]
    x = torch.from_numpy(rng.standard_normal(images, np.float32)).requires_grad_(backward)
    dy = torch.from_numpy(rng.standard_normal(gradients, np.float32))
    layer.requires_grad_(backward)
    with torch.no_grad():
        layer.P.copy_(torch.from_numpy(positions.astype(np.float32)))

    def call() -> float:
        if not backward:
            return float(layer(x).reshape(-1)[0])
        for tensor in (x, layer.weight, layer.P):
            tensor.grad = None
        y = layer(x)
        y.backward(dy)
        return float(y.detach().reshape(-1)[0])

    return call


def _import() -> tuple[Any, Any]:
    import torch
    from DCLS.construct.modules import Dcls2d

    return torch, Dcls2d
