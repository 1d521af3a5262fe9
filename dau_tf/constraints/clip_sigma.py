"""Keeps aggregation perimeters within their range."""

from typing import Any

import keras

from dau_tf.ops import arguments


@keras.saving.register_keras_serializable(package="dau_tf")
class ClipSigma(keras.constraints.Constraint):
    """Clips sigma: sigma <- min(max(sigma, min_sigma), max_sigma).

    `DAUConv2D` applies it by itself where sigma is a variable of its own. Below some 0.3 px a
    sampled Gaussian is one pixel, and moves nowhere; above max_sigma it would reach beyond the
    pixels that the layer reckons with.

    Args:
        min_sigma: In pixels, a finite number > 0.
        max_sigma: In pixels, a finite number >= min_sigma.

    Raises:
        ValueError: `min_sigma` or `max_sigma` is not such a number.

    Example:
        >>> import numpy as np
        >>> from dau_tf.constraints import ClipSigma
        >>> np.asarray(ClipSigma(0.3, 1.0)(np.array([0.1, 0.5, 2.0]))).tolist()
        [0.3, 0.5, 1.0]
    """

    def __init__(self, min_sigma: float = 0.3, max_sigma: float = 1.0) -> None:
        self.min_sigma = arguments.finite_number("min_sigma", min_sigma, "pixels", positive=True)
        self.max_sigma = arguments.finite_number("max_sigma", max_sigma, "pixels", positive=True)
        if self.max_sigma < self.min_sigma:
            raise ValueError(
                f"`max_sigma` must be >= min_sigma={min_sigma!r}. Received: max_sigma={max_sigma!r}"
            )

    def __call__(self, w: Any) -> Any:
        """Returns `w` (any shape, in pixels) clipped to the range; NaN stays NaN."""
        return keras.ops.clip(w, self.min_sigma, self.max_sigma)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"min_sigma": self.min_sigma, "max_sigma": self.max_sigma}
