"""The Keras layer of displaced aggregation units.

y[n,h,w,f] = activation(bias[f] + sum_s sum_k unit_weight[k,s,f] * B(g * x[n,.,.,s];
                        h stride_h + mu_v[k,s,f], w stride_w + mu_h[k,s,f]))
"""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dau_tf.constraints import ClipDisplacement, ClipSigma
from dau_tf.layers import ragged, settings
from dau_tf.ops import arguments, dau_conv2d, geometry, loader
from dau_tf.ops.dense import dau_conv2d_dense


@keras.saving.register_keras_serializable(package="dau_tf")
class DAUConv2D(keras.layers.Layer):
    """2-D convolution with displaced aggregation units (Eq. 1, 11-14 of the paper).

        y[n,h,w,f] = activation(bias[f] + sum_s sum_k
                     unit_weight[k,s,f] * B(g * x[n,.,.,s]; h + mu_v[k,s,f], w + mu_h[k,s,f]))

    Takes the place of `keras.layers.Conv2D`. In place of a k x k grid every (channel, filter) pair
    has `units` taps at learned sub-pixel displacements mu, each blurred by the Gaussian g of sigma.

    Variables: `unit_weight` (K, S / groups, F); `displacement` (2, K, S / groups, F) in pixels, [0]
    vertical with down positive, [1] horizontal with right positive; `sigma` in pixels, () or
    (K, S / groups, F), trained on demand; `bias` (F,). Under a mixed precision policy images and
    weights are of 16 bits and the sums in between of float32; displacements and sigma stay float32.

    With `sigma_mode="per_unit"` each unit is a Gaussian of its own perimeter around mu (Eq. 2-4):
    sampled at the pixels, normalised by its own sum, and not interpolated. That, and a shared sigma
    that is trained, have compiled kernels on the CPU; on a machine with a GPU they take dense ones
    (`dense`).

    A ragged layer, with `unit_count` = n, has at most K units in a pair and n of them in all, as
    `dau_tf.pruning.prune_units` leaves them; how many is in `units_per_pair` (S / groups, F), which
    is not trained. The other places hold weight 0 and a displacement of 60,000 px, from where they
    see nothing and learn nothing; updates leave them there, files leave them out, displaced sums
    skip them, and the planner counts them. With a sigma that is trained or per unit they stand at 0
    and cost what a unit costs.

    Args:
        filters: Number of output channels F, >= 1.
        units: Number of units K per (input channel, filter) pair, >= 1.
        strides: Step between outputs in pixels, an int or (vertical, horizontal).
        padding: "same" (zeros outside) or "valid": only outputs that see nothing but real pixels
            whatever the displacements are; drops ceil(max_displacement) + ceil(3 sigma) on each
            side. With "valid" the variable `sigma` must keep ceil(3 sigma) of the argument.
        data_format: "channels_last", "channels_first", or None for Keras' configured default.
        groups: Number of groups, which the channels and the filters must be multiples of. Each
            filter sees S / groups channels, as in Conv2D; groups = S is a depthwise layer, at the
            cost of 16 channels a group (see `dau_conv2d`).
        max_displacement: Limit of the displacements in pixels, >= 0. They are clipped to it when
            they are initialised and after each update. None is unlimited.
        sigma: Aggregation perimeter in pixels, > 0: initial value of the variable `sigma`.
        sigma_mode: "shared", one sigma for the layer, or "per_unit".
        sigma_trainable: Whether `sigma` is trained. Where it is, or is per unit, it is kept within
            min_sigma and max_sigma, and the argument `sigma` must be.
        min_sigma: Lowest sigma in pixels, > 0; not used for a fixed shared one.
        max_sigma: Highest sigma in pixels; fixes how far units reach, and stands for sigma in the
            margin of "valid". Not used for a fixed shared one.
        displacement_gradient: "gaussian", the paper's smoothed derivative (Eq. 16), or "exact".
            Units with a sigma of their own have the exact derivative (Eq. 9) in either case.
        dense: Whether to compute by `tf.nn.conv2d` with kernels as large as the units reach, which
            is a second, slow implementation of the same.
        activation: Activation function, or None.
        use_bias: Whether to add `bias`.
        weight_initializer: Initializer of `unit_weight`. Fans count the units as Conv2D's count
            kernel positions: fan_in = K S / groups, fan_out = K F.
        displacement_initializer: Initializer of `displacement`, in pixels; None for uniform within
            -1.5 ... 1.5, or within max_displacement where that is less.
        sigma_initializer: Initializer of `sigma`, in pixels, such as
            `keras.initializers.RandomUniform(0.3, 0.8)`; None for the argument `sigma`. What falls
            beyond min_sigma and max_sigma is clipped.
        bias_initializer: Initializer of `bias`.
        weight_regularizer: Regularizer of `unit_weight`.
        displacement_regularizer: Regularizer of `displacement`.
        sigma_regularizer: Regularizer of `sigma`.
        bias_regularizer: Regularizer of `bias`.
        activity_regularizer: Regularizer of the output.
        weight_constraint: Constraint of `unit_weight`.
        displacement_constraint: Constraint of `displacement`, applied before the clip to
            max_displacement.
        sigma_constraint: Constraint of `sigma`, applied before the clip to its range.
        bias_constraint: Constraint of `bias`.
        unit_count: Number of units of all pairs together, for a ragged layer; at first spread
            evenly. None for K in each pair.
        **kwargs: `name`, `dtype`, `trainable` of `keras.layers.Layer`.

    Input: shape (N, H, W, S), or (N, S, H, W) for `channels_first`; H and W may be unknown.

    Returns:
        Shape (N, ceil(H / stride_h), ceil(W / stride_w), F) for "same"; with H - 2 m and W - 2 m
        for "valid"; F in second place for `channels_first`.

    Raises:
        ValueError: An argument or an input shape is not allowed.

    Example:
        >>> import keras
        >>> import dau_tf
        >>> inputs = keras.Input((None, None, 3))
        >>> outputs = dau_tf.DAUConv2D(16, units=2, strides=2, activation="relu")(inputs)
        >>> keras.Model(inputs, outputs).output_shape
        (None, None, None, 16)
    """

    def __init__(
        self,
        filters: int,
        units: int = 2,
        strides: int | tuple[int, int] = 1,
        padding: str = "same",
        data_format: str | None = None,
        groups: int = 1,
        max_displacement: float | None = 4.0,
        sigma: float = 0.5,
        sigma_mode: str = "shared",
        sigma_trainable: bool = False,
        min_sigma: float = 0.3,
        max_sigma: float = 1.0,
        displacement_gradient: str = "gaussian",
        dense: bool = False,
        activation: Any = None,
        use_bias: bool = True,
        weight_initializer: Any = "glorot_uniform",
        displacement_initializer: Any = None,
        sigma_initializer: Any = None,
        bias_initializer: Any = "zeros",
        weight_regularizer: Any = None,
        displacement_regularizer: Any = None,
        sigma_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        weight_constraint: Any = None,
        displacement_constraint: Any = None,
        sigma_constraint: Any = None,
        bias_constraint: Any = None,
        unit_count: int | None = None,
        **kwargs: Any,
    ) -> None:
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(
                "DAUConv2D needs Keras' TensorFlow backend (KERAS_BACKEND=tensorflow). "
                f"Received: backend {keras.backend.backend()!r}"
            )
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = arguments.positive_int("filters", filters)
        self.units = arguments.positive_int("units", units)
        self.unit_count = settings.unit_count(unit_count)
        self.strides = arguments.strides(strides)
        self.padding = arguments.padding(padding)
        if data_format is None:
            data_format = keras.config.image_data_format()
        self.data_format = arguments.data_format(data_format)
        self.groups = arguments.positive_int("groups", groups)
        arguments.multiple_of_groups("`filters`", self.filters, self.groups)
        self.max_displacement = arguments.max_displacement(max_displacement, self.padding)
        self._clip = ClipDisplacement(self.max_displacement)
        self.initial_sigma = arguments.sigma(sigma)
        self.sigma_mode, self.sigma_trainable = settings.sigma_mode(sigma_mode, sigma_trainable)
        self._clip_sigma = ClipSigma(min_sigma, max_sigma)
        self.min_sigma, self.max_sigma = self._clip_sigma.min_sigma, self._clip_sigma.max_sigma
        if self.sigma_varies and not self.min_sigma <= self.initial_sigma <= self.max_sigma:
            raise ValueError(
                "A `sigma` per unit, or one that is trained, must be within "
                f"min_sigma={min_sigma!r} and max_sigma={max_sigma!r}. Received: sigma={sigma!r}"
            )
        self.displacement_gradient = arguments.displacement_gradient(displacement_gradient)
        self.dense = bool(dense)
        self.activation = keras.activations.get(activation)
        self.use_bias = bool(use_bias)
        self.weight_initializer = keras.initializers.get(weight_initializer)
        if displacement_initializer is None:
            displacement_initializer = settings.default_displacement(self.max_displacement)
        self.displacement_initializer = keras.initializers.get(displacement_initializer)
        self.sigma_initializer = keras.initializers.get(sigma_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.weight_regularizer = keras.regularizers.get(weight_regularizer)
        self.displacement_regularizer = keras.regularizers.get(displacement_regularizer)
        self.sigma_regularizer = keras.regularizers.get(sigma_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.weight_constraint = keras.constraints.get(weight_constraint)
        self.displacement_constraint = keras.constraints.get(displacement_constraint)
        self.sigma_constraint = keras.constraints.get(sigma_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        # Where it is False Keras compiles the model without XLA: `jit_compile="auto"` would turn it
        # on where it finds a GPU. The size of a dense kernel hangs on values of displacements, and
        # XLA wants to know it before.
        self.supports_jit = loader.xla_compiles() and not self.dense

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the variables for inputs of `input_shape`, whose channels must be known."""
        axis = self._channel_axis()
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(
                f"The channels of the inputs (axis {axis} for data_format={self.data_format!r}) "
                f"must be known. Received: input_shape={input_shape}"
            )
        arguments.multiple_of_groups("the channels of the inputs", channels, self.groups)
        self.compute_output_shape(input_shape)  # refuses images that padding `valid` uses up
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={axis: channels})

        # Positions and sigma keep full precision where weights are half; `call` casts what is to be
        # cast.
        precise = "float64" if self.variable_dtype == "float64" else "float32"
        clip = self._clip
        pairs = (channels // self.groups, self.filters)
        units = (self.units, *pairs)
        self.units_per_pair = None
        if self.unit_count is not None:
            counts = ragged.even_counts(self.unit_count, self.units, pairs)
            self.units_per_pair = self.add_weight(
                name="units_per_pair",
                shape=pairs,
                dtype="uint8" if self.units < 256 else "int32",
                initializer=lambda shape, dtype: tf.constant(counts, dtype),
                trainable=False,
                autocast=False,
            )
        self.unit_weight = self.add_weight(
            name="unit_weight",
            shape=units,
            initializer=self._filled(ragged.FilledInitializer, self.weight_initializer, 0.0),
            regularizer=self.weight_regularizer,
            constraint=self._filled(ragged.FilledConstraint, self.weight_constraint, 0.0),
            autocast=False,
        )
        self.displacement = self.add_weight(
            name="displacement",
            shape=(2, *units),
            dtype=precise,
            initializer=self._filled(
                ragged.FilledInitializer,
                lambda shape, dtype: clip(self.displacement_initializer(shape, dtype)),
                self._far,
            ),
            regularizer=self._filled(ragged.FilledRegularizer, self.displacement_regularizer, 0.0),
            constraint=self._filled(
                ragged.FilledConstraint,
                settings.both(self.displacement_constraint, clip),
                self._far,
            ),
            autocast=False,
        )
        self.sigma = self.add_weight(
            name="sigma",
            shape=units if self.sigma_mode == "per_unit" else (),
            dtype=precise,
            initializer=self._sigma_value,
            regularizer=self.sigma_regularizer,
            constraint=settings.both(
                self.sigma_constraint, self._clip_sigma if self.sigma_varies else None
            ),
            trainable=self.sigma_trainable,
            autocast=False,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.filters,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                autocast=False,
            )

    def call(self, inputs: Any) -> Any:
        """Returns the layer's output for `inputs` of shape (N, H, W, S) or (N, S, H, W)."""
        dtype = self.compute_dtype
        precise = "float64" if dtype == "float64" else "float32"
        # A variable has no value while a graph is built: the op is told the margin, and refuses at
        # run time a sigma that has changed it.
        convolve: Callable[..., tf.Tensor] = functools.partial(dau_conv2d, margin=self.margin)
        if self.dense:
            convolve = functools.partial(dau_conv2d_dense, max_sigma=self.widest_sigma)
        elif self.sigma_varies:
            convolve = functools.partial(dau_conv2d, max_sigma=self.max_sigma)
        outputs = convolve(
            keras.ops.cast(inputs, dtype),
            keras.ops.cast(self.unit_weight, dtype),
            keras.ops.cast(self.displacement, precise),
            keras.ops.cast(self.sigma, precise),
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
            groups=self.groups,
            max_displacement=self.max_displacement,
            displacement_gradient=self.displacement_gradient,
        )
        if self.bias is not None:
            layout = "NHWC" if self.data_format == "channels_last" else "NCHW"
            bias = keras.ops.cast(self.bias, dtype)
            outputs = tf.nn.bias_add(outputs, bias, data_format=layout)
        return outputs if self.activation is None else self.activation(outputs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the output's shape; unknown dimensions are None.

        Args:
            input_shape: Four dimensions, laid out as `data_format` says.

        Returns:
            Four dimensions, laid out likewise.

        Raises:
            ValueError: `input_shape` is not of rank 4, or padding `valid` leaves nothing of it.
        """
        if len(input_shape) != 4:
            raise ValueError(f"`input_shape` must have rank 4. Received: {input_shape}")
        rows = 1 if self.data_format == "channels_last" else 2
        margin = self.margin
        sizes = []
        for size, stride in zip(input_shape[rows : rows + 2], self.strides, strict=True):
            if self.padding == "valid" and size is not None and size <= 2 * margin:
                raise ValueError(
                    f'padding="valid" drops {margin} pixels on each side: ceil(max_displacement='
                    f"{self.max_displacement}) + ceil(3 * {self.widest_sigma}). Expected "
                    f"images larger than {2 * margin} pixels. Received: input_shape={input_shape}"
                )
            sizes.append(geometry.output_size(size, stride, margin))
        if self.data_format == "channels_last":
            return (input_shape[0], *sizes, self.filters)
        return (input_shape[0], self.filters, *sizes)

    def set_max_displacement(self, max_displacement: float | None) -> None:
        """Sets the limit that later updates clip to; the displacements stay as they are.

        A training step that has been traced keeps the former limit: compile the model again.

        Args:
            max_displacement: In pixels, >= 0, or None for no limit; finite for padding `valid`,
                whose margin it changes.

        Raises:
            ValueError: `max_displacement` is not such a number.
        """
        self.max_displacement = arguments.max_displacement(max_displacement, self.padding)
        self._clip.max_displacement = self.max_displacement

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments; `sigma` is the initial one."""
        return {
            **super().get_config(),
            "sigma": self.initial_sigma,
            **settings.config_of(self),
        }

    def save_own_variables(self, store: Any) -> None:
        """Saves the variables; of a ragged layer just the units that there are."""
        if self.units_per_pair is None:
            super().save_own_variables(store)
            return
        counts = np.asarray(self.units_per_pair)
        for number, variable in enumerate(self._own_variables()):
            value = np.asarray(variable)
            dense = value.shape[-3:] == (self.units, *counts.shape)
            store[str(number)] = ragged.pack(value, counts) if dense else value

    def load_own_variables(self, store: Any) -> None:
        """Loads what `save_own_variables` saved."""
        if self.units_per_pair is None:
            super().load_own_variables(store)
            return
        variables = self._own_variables()
        if len(store.keys()) != len(variables):
            raise ValueError(
                f"The layer {self.name!r} must find {len(variables)} variables in the file. "
                f"Received: {len(store.keys())}"
            )
        names = [variable.name for variable in variables]
        counts = np.asarray(store[str(names.index("units_per_pair"))])
        fills = {"displacement": self._far, "sigma": self.max_sigma}
        for number, variable in enumerate(variables):
            value = np.asarray(store[str(number)])
            if variable.shape[-3:] == (self.units, *counts.shape):
                fill = fills.get(variable.name, 0.0)
                value = ragged.unpack(value, counts, self.units, fill)
            variable.assign(value)

    def _own_variables(self) -> list[Any]:
        """In the order of `save_own_variables`."""
        return [*self._trainable_variables, *self._non_trainable_variables]

    def _filled(self, kind: type, function: Any, fill: float) -> Any:
        """The function itself, or in a ragged layer one that fills the places left over."""
        nothing = function is None and kind is not ragged.FilledConstraint
        return function if nothing or self.units_per_pair is None else kind(function, self, fill)

    @property
    def _far(self) -> float:
        """Where places left over stand. A dense kernel would have to reach as far."""
        return 0.0 if self.sigma_varies else ragged.FAR_AWAY

    @property
    def sigma_varies(self) -> bool:
        """Whether sigma is more than one number that stays."""
        return self.sigma_trainable or self.sigma_mode == "per_unit"

    @property
    def widest_sigma(self) -> float:
        """The sigma that fixes how far units reach."""
        return self.max_sigma if self.sigma_varies else self.initial_sigma

    @property
    def margin(self) -> int:
        """The rows and columns that padding `valid` drops on each side."""
        if self.padding == "same":
            return 0
        assert self.max_displacement is not None  # checked by the constructor
        return geometry.valid_margin(self.max_displacement, self.widest_sigma)

    def _sigma_value(self, shape: tuple[int, ...], dtype: str) -> tf.Tensor:
        if self.sigma_initializer is None:
            # keras.initializers.Constant would take a double through float32.
            return tf.constant(self.initial_sigma, dtype, shape)
        sigma = self.sigma_initializer(shape, dtype)
        return self._clip_sigma(sigma) if self.sigma_varies else sigma

    def _channel_axis(self) -> int:
        return 3 if self.data_format == "channels_last" else 1
