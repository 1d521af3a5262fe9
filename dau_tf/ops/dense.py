"""The DAU convolution by dense kernels: the general form (Eq. 2-4), and the check of the efficient.

    y[n,h,w,f] = sum_s sum_{p,q} kernel[p,q,s,f] * x[n, h stride_h + p, w stride_w + q, s]
    kernel[p,q,s,f] = sum_k w[k,s,f] * profile(p; mu_v[k,s,f]) * profile(q; mu_h[k,s,f])

general form, a sigma per unit:  profile(p) = exp(-(p - mu)^2 / (2 sigma^2)) / its sum over p
shared form, one sigma:          profile(p) = sum_i g(i) max(0, 1 - |p - i - mu|)

It is `tf.nn.conv2d` with a materialised kernel, and TensorFlow derives it: exact in every argument,
sigma included, as often as one likes. The cost grows with the kernel's area.
"""

from typing import Any

import tensorflow as tf

from dau_tf.ops import arguments, geometry, grouping, tensors


def dau_conv2d_dense(
    inputs: Any,
    weight: Any,
    displacement: Any,
    sigma: Any,
    *,
    max_sigma: float,
    strides: int | tuple[int, int] = 1,
    padding: str = "same",
    data_format: str = "channels_last",
    groups: int = 1,
    max_displacement: float | None = None,
    displacement_gradient: str = "exact",
) -> tf.Tensor:
    """Convolves images with displaced aggregation units through a dense kernel, slowly.

    The units reach to the pixels nearer than r + 1 on each axis, r = ceil(3 max_sigma), whatever
    their sigma is: fixed, so that the derivative by sigma is exact. As sigma falls below max_sigma
    what lies beyond 3 sigma vanishes.

    Args:
        inputs: Images, shape (N, H, W, S), or (N, S, H, W) for `channels_first`; float16, bfloat16
            (both computed in float32), float32 or float64.
        weight: Amplification of the units w, shape (K, S / groups, F).
        displacement: Displacement of the units mu in pixels, shape (2, K, S / groups, F).
        sigma: Aggregation perimeter in pixels, > 0 and <= max_sigma: shape (K, S / groups, F) for
            the general form, a scalar for the shared form. Gets its gradient.
        max_sigma: Fixes the support, in pixels, > 0.
        strides: Step between outputs in pixels, an int or (vertical, horizontal).
        padding: "same" (zeros outside) or "valid", which drops
            m = ceil(max_displacement) + ceil(3 max_sigma) rows and columns on each side.
        data_format: "channels_last" or "channels_first".
        groups: Number of groups, as in `dau_conv2d`.
        max_displacement: In pixels; fixes the margin of "valid".
        displacement_gradient: "exact"; in the shared form also "gaussian" (Eq. 16), whose further
            derivatives are not the smoothed ones.

    Returns:
        Images as of `dau_conv2d`.

    Raises:
        ValueError: An argument has a value or a static shape that is not allowed.
        TypeError: A dtype that is not supported, or dtypes that differ.
        tf.errors.InvalidArgumentError: A displacement is not finite, or a sigma out of range.

    Example:
        >>> import tensorflow as tf
        >>> from dau_tf.ops.dense import dau_conv2d_dense
        >>> weight, mu = tf.ones([1, 1, 1]), tf.zeros([2, 1, 1, 1])
        >>> spot = tf.reshape([0.0, 0.0, 1.0, 0.0, 0.0], [1, 1, 5, 1])
        >>> y = dau_conv2d_dense(spot, weight, mu, tf.fill([1, 1, 1], 0.5), max_sigma=0.5)
        >>> [round(float(value), 3) for value in tf.reshape(y, [-1])]
        [0.0, 0.084, 0.619, 0.084, 0.0]
    """
    options = _Options(strides, padding, data_format, max_displacement, max_sigma)
    groups = arguments.positive_int("groups", groups)
    smoothed = arguments.displacement_gradient(displacement_gradient) == "gaussian"
    x, w, mu = tensors.to_tensors(inputs=inputs, weight=weight, displacement=displacement)
    tensors.check_static_shapes(x.shape, w.shape, mu.shape, data_format, groups)
    sigma = tensors.sigma_of_any_shape(sigma, mu.dtype, w.shape)
    dtype, precise = x.dtype, mu.dtype
    x, w = tf.cast(x, precise), tf.cast(w, precise)
    tf.debugging.assert_positive(sigma, "`sigma` must be > 0")
    tf.debugging.assert_less_equal(
        sigma, tf.cast(options.max_sigma, precise) * (1 + 1e-6), "`sigma` must be <= max_sigma"
    )
    mu = tf.debugging.check_numerics(mu, "`displacement` must be finite.")

    def general(x: tf.Tensor, w: tf.Tensor, mu: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
        return options.convolve(x, w, mu, lambda p, m: _gaussian(p, m, sigma, options.radius))

    def shared(x: tf.Tensor, w: tf.Tensor, mu: tf.Tensor) -> tf.Tensor:
        profile = _smoothed if smoothed else _shifted
        return options.convolve(x, w, mu, lambda p, m: profile(p, m, sigma, options.radius))

    axis = options.channel_axis
    if sigma.shape.rank == 3:
        y = grouping.grouped(general, x, (w, mu, sigma), (0.0, 0.0, 1.0), groups, axis)
    else:
        y = grouping.grouped(shared, x, (w, mu), (0.0, 0.0), groups, axis)
    return tf.cast(y, dtype)


def dense_kernel(weight: Any, displacement: Any, sigma: Any, *, max_sigma: float) -> tf.Tensor:
    """Returns the kernel that `dau_conv2d_dense` convolves with, the units' sum.

    Args:
        weight: As of `dau_conv2d_dense`, float32 or float64.
        displacement: Likewise, finite; the kernel is as large as the largest asks for.
        sigma: A scalar for the shared form, shape (K, S / groups, F) for the general form.
        max_sigma: Fixes the support, in pixels, > 0.

    Returns:
        Shape (2 R_v + 1, 2 R_h + 1, S / groups, F), the filter's centre in the middle,
        R = ceil(max |mu|) + ceil(3 max_sigma) of the axis.

    Raises:
        ValueError: An argument has a value or a static shape that is not allowed.

    Example:
        >>> import tensorflow as tf
        >>> from dau_tf.ops.dense import dense_kernel
        >>> weight, mu = tf.ones([1, 1, 1]), tf.reshape([0.0, 2.5], [2, 1, 1, 1])
        >>> dense_kernel(weight, mu, 0.5, max_sigma=0.5).shape
        TensorShape([5, 11, 1, 1])
    """
    w, mu = tensors.to_tensors(weight=weight, displacement=displacement)
    sigma = tensors.sigma_of_any_shape(sigma, mu.dtype, w.shape)
    max_sigma = arguments.finite_number("max_sigma", max_sigma, "pixels", positive=True)
    radius = geometry.support_radius(max_sigma)
    profile = _gaussian if sigma.shape.rank == 3 else _shifted
    reaches = [tf.cast(_reach(mu[axis], radius), tf.int32) for axis in (0, 1)]
    return _kernel(w, mu, lambda p, m: profile(p, m, sigma, radius), reaches)


class _Options:
    """The checked arguments that are no tensors, and what follows from them."""

    def __init__(
        self, strides: Any, padding: Any, data_format: Any, max_displacement: Any, max_sigma: Any
    ) -> None:
        self.strides = arguments.strides(strides)
        self.padding = arguments.padding(padding)
        self.channels_last = arguments.data_format(data_format) == "channels_last"
        self.channel_axis = 3 if self.channels_last else 1
        self.max_sigma = arguments.finite_number("max_sigma", max_sigma, "pixels", positive=True)
        self.radius = geometry.support_radius(self.max_sigma)
        limit = arguments.max_displacement(max_displacement, self.padding)
        self.margin = 0
        if self.padding == "valid":
            assert limit is not None  # checked
            self.margin = geometry.valid_margin(limit, self.max_sigma)

    def convolve(self, x: tf.Tensor, w: tf.Tensor, mu: tf.Tensor, profile: Any) -> tf.Tensor:
        """Convolves with the kernel of the units w, mu; profile(p, mu of an axis) is theirs."""
        if not self.channels_last:
            x = tf.transpose(x, [0, 2, 3, 1])
        size = tf.shape(x)
        reaches = []
        for axis in (0, 1):
            # As far as units reach, but not beyond where every pixel is outside the image.
            reach = _reach(mu[axis], self.radius)
            reach = tf.minimum(reach, tf.cast(size[1 + axis], mu.dtype))
            reaches.append(tf.cast(tf.stop_gradient(reach), tf.int32))
        kernel = _kernel(w, mu, profile, reaches)
        x = tf.pad(x, [[0, 0], *([reach, reach] for reach in reaches), [0, 0]])
        if self.margin:
            tf.debugging.assert_greater(
                size[1:3], 2 * self.margin, "padding `valid` leaves nothing of the image"
            )
            x = x[:, self.margin : -self.margin, self.margin : -self.margin]
        y = tf.nn.conv2d(x, kernel, self.strides, "VALID")
        return y if self.channels_last else tf.transpose(y, [0, 3, 1, 2])


def _reach(mu: tf.Tensor, radius: int) -> tf.Tensor:
    """The pixels that units reach along the axis of `mu`, on either side of the centre."""
    return tf.math.ceil(tf.reduce_max(tf.abs(mu))) + radius


def _kernel(w: tf.Tensor, mu: tf.Tensor, profile: Any, reaches: list[tf.Tensor]) -> tf.Tensor:
    profiles = []
    for axis, reach in enumerate(reaches):
        p = tf.cast(tf.range(-reach, reach + 1), mu.dtype)
        profiles.append(profile(p[:, None, None, None], mu[axis]))
    return tf.einsum("pksf,qksf,ksf->pqsf", *profiles, w)


def _gaussian(p: tf.Tensor, mu: tf.Tensor, sigma: tf.Tensor, radius: int) -> tf.Tensor:
    """The Gaussian at the pixels nearer than radius + 1, over its own sum (Eq. 4)."""

    def values(distance: tf.Tensor) -> tf.Tensor:
        bell = tf.exp(-tf.square(distance) / (2 * tf.square(sigma)))
        return tf.where(tf.abs(distance) < radius + 1, bell, tf.zeros_like(bell))

    # Of its own pixels, which are not all among those of the kernel where the image is small.
    own = tf.range(-radius, radius + 2, dtype=mu.dtype)[:, None, None, None] + tf.floor(mu)
    return values(p - mu) / tf.reduce_sum(values(own - mu), 0)


def _shifted(p: tf.Tensor, mu: tf.Tensor, sigma: tf.Tensor, radius: int) -> tf.Tensor:
    """The discrete Gaussian shifted bilinearly (Eq. 14); its slope is right-hand at integers."""
    return _interpolate(p, mu, _discrete_gaussian(sigma, radius))


def _smoothed(p: tf.Tensor, mu: tf.Tensor, sigma: tf.Tensor, radius: int) -> tf.Tensor:
    """As `_shifted`, but its derivative for mu is that of Eq. 16."""
    still = tf.stop_gradient(mu)
    taps = _discrete_gaussian(sigma, radius)
    slope = tf.range(-radius, radius + 1, dtype=mu.dtype) / tf.square(sigma) * taps
    nothing = mu - still
    return _interpolate(p, still, taps) + nothing * _interpolate(p, still, slope)


def _discrete_gaussian(sigma: tf.Tensor, radius: int) -> tf.Tensor:
    i = tf.range(-radius, radius + 1, dtype=sigma.dtype)
    g = tf.exp(-tf.square(i) / (2 * tf.square(sigma)))
    return g / tf.reduce_sum(g)


def _interpolate(p: tf.Tensor, mu: tf.Tensor, taps: tf.Tensor) -> tf.Tensor:
    radius = taps.shape[0] // 2
    low = tf.stop_gradient(tf.floor(mu))
    fraction = mu - low
    # A zero on each side serves every pixel that is out of reach.
    taps = tf.pad(taps, [[1, 1]])

    def at(distance: tf.Tensor) -> tf.Tensor:
        inside = tf.clip_by_value(distance, -radius - 1.0, radius + 1.0)
        return tf.gather(taps, tf.cast(inside, tf.int32) + radius + 1)

    return at(p - low) * (1 - fraction) + at(p - low - 1) * fraction
