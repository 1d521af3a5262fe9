"""One Keras optimizer made of several, each for its own group of variables."""

import copy
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from dau_tf.optimizers import selectors
from dau_tf.optimizers.selectors import Selector

Group = tuple[Selector, keras.optimizers.Optimizer]


@keras.saving.register_keras_serializable(package="dau_tf")
class ParameterGroups(keras.optimizers.Optimizer):
    """Gives groups of variables optimizers of their own, each with its own schedule.

        variable <- update of the first group that matches it, else of `default`

    The paper trains displacements at another rate than weights. With SGD a factor on their gradient
    would do; Adam divides such a factor out again, so they need an optimizer of their own.

    All optimizers count the same steps: `iterations` is the one counter, and each inner optimizer
    is set to it before it updates. What an inner optimizer is configured for holds within its
    group: its weight decay, clipping (`global_clipnorm` is the norm over the group), averages
    (`use_ema`), gradient accumulation. `learning_rate` reads and sets the rate of `default`;
    `learning_rates` reads all; to set another, set it on the optimizer of that group.

    For dynamic loss scaling wrap it: `keras.optimizers.LossScaleOptimizer(ParameterGroups(...))`,
    which `compile` does by itself under the policy `mixed_float16`.

    Args:
        groups: Pairs (selector, optimizer), the first match wins. A selector is a regular
            expression searched in the variable's path (such as "encoder/dau_conv2d/displacement"),
            or a predicate from the variable to a bool. To save the model, register a predicate with
            `keras.saving.register_keras_serializable`. Optimizers may be given as Keras does:
            instance, name or config; each must be new and used once.
        default: The optimizer of all other variables.
        loss_scale_factor: Fixed factor for the loss, divided out of the gradients; or None.
        name: Name of the optimizer.

    Raises:
        ValueError: At construction, an argument that is not allowed. At build, a group that gets no
            variable; the message lists the paths there are.
        TypeError: A selector or an optimizer of the wrong type.

    Example:
        The paper's recipe for de-blurring: displacements at 1e-3, falling linearly.

        >>> import keras
        >>> from dau_tf.optimizers import ParameterGroups
        >>> poly = keras.optimizers.schedules.PolynomialDecay
        >>> optimizer = ParameterGroups(
        ...     [("displacement$", keras.optimizers.Adam(poly(1e-3, 1000, 0.0, power=1.0)))],
        ...     default=keras.optimizers.Adam(poly(5e-4, 1000, 0.0, power=0.3)),
        ... )
        >>> {name: round(float(rate), 6) for name, rate in optimizer.learning_rates.items()}
        {'displacement$': 0.001, 'default': 0.0005}
    """

    def __init__(
        self,
        groups: Iterable[tuple[Selector, Any]],
        default: Any,
        loss_scale_factor: float | None = None,
        name: str = "parameter_groups",
    ) -> None:
        pairs = _standardize(groups)
        default = _optimizer("default", default)
        # A callable, because a number would become a variable that nothing reads.
        super().__init__(
            learning_rate=lambda: default.learning_rate,
            loss_scale_factor=loss_scale_factor,
            name=name,
        )
        self._selectors = [selector for selector, _ in pairs]
        self._optimizers = [*(optimizer for _, optimizer in pairs), default]
        self._group_of = np.zeros(0, int)
        if len({id(optimizer) for optimizer in self._optimizers}) < len(self._optimizers):
            raise ValueError(
                "Each group needs an optimizer of its own. Received: one optimizer used twice. "
                'For one optimizer over two patterns write one pattern, "a|b".'
            )

    @property
    def groups(self) -> list[Group]:
        """The pairs (selector, optimizer), without the default."""
        return list(zip(self._selectors, self._optimizers[:-1], strict=True))

    @property
    def default(self) -> keras.optimizers.Optimizer:
        """The optimizer of the variables that no group matches."""
        return self._optimizers[-1]

    @property
    def learning_rate(self) -> Any:
        """The current rate of `default`; setting it sets that rate and no other."""
        return self.default.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.default.learning_rate = learning_rate

    @property
    def learning_rates(self) -> dict[str, Any]:
        """The current rate of every group, by its pattern or predicate's name, and "default"."""
        labels = [*map(selectors.label, self._selectors), "default"]
        rates = [optimizer.learning_rate for optimizer in self._optimizers]
        return dict(zip(labels, rates, strict=True))

    @property
    def variables(self) -> list[Any]:
        """All variables: the step counter and those of the inner optimizers."""
        inner = [variable for optimizer in self._optimizers for variable in optimizer.variables]
        return [*self._variables, *inner]

    def build(self, variables: Sequence[Any]) -> None:
        """Assigns the variables to the groups and creates the inner optimizers' variables.

        Args:
            variables: The variables to train, all of them.

        Raises:
            ValueError: A group gets no variable.
        """
        if self.built:
            return
        variables = list(variables)
        self._group_of = selectors.assign(self._selectors, variables)
        super().build(variables)
        for number, optimizer in enumerate(self._optimizers):
            optimizer.build([variables[i] for i in np.flatnonzero(self._group_of == number)])

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Updates each group's variables by its optimizer, and counts one step.

        Args:
            grads: One gradient a variable; None for a variable without.
            trainable_variables: Their variables; may be left out once the optimizer is built.

        Raises:
            ValueError: An unknown variable, or no gradient at all.
        """
        grads = list(grads)
        if not grads:
            return
        variables = self._known_variables(grads, trainable_variables)
        if all(grad is None for grad in grads):
            raise ValueError("No gradients provided for any variable.")
        if self.loss_scale_factor is not None:
            grads = [None if grad is None else grad / self.loss_scale_factor for grad in grads]
        owners = [self._group_of[self._get_variable_index(variable)] for variable in variables]
        for number, optimizer in enumerate(self._optimizers):
            optimizer._iterations.assign(self._iterations)
            members = [i for i, owner in enumerate(owners) if owner == number]
            if any(grads[i] is not None for i in members):
                optimizer.apply([grads[i] for i in members], [variables[i] for i in members])
            else:
                # Adam's bias correction counts this step too, as one Adam over all would.
                optimizer._iterations.assign_add(1)
                if members:
                    paths = [selectors.path(variables[i]) for i in members]
                    warnings.warn(f"Gradients do not exist for variables {paths}.", stacklevel=2)
        self._iterations.assign_add(1)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Is not used: the inner optimizers update."""
        raise NotImplementedError("ParameterGroups updates through `apply` and `apply_gradients`.")

    def exclude_from_weight_decay(
        self, var_list: Sequence[Any] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Excludes variables from the weight decay of every inner optimizer. Before build only."""
        for optimizer in self._optimizers:
            optimizer.exclude_from_weight_decay(var_list=var_list, var_names=var_names)

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """Overwrites variables by their averages in the groups whose optimizer uses EMA."""
        for number, optimizer in enumerate(self._optimizers):
            members = np.flatnonzero(self._group_of == number)
            optimizer.finalize_variable_values([self._trainable_variables[i] for i in members])

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets all of `variables`, in their order."""
        if len(weights) != len(self.variables):
            raise ValueError(
                f"`weights` must have one value for each of the {len(self.variables)} variables. "
                f"Received: {len(weights)} values"
            )
        for variable, weight in zip(self.variables, weights, strict=True):
            variable.assign(weight)

    def save_own_variables(self, store: Any) -> None:
        """Saves the step counter; Keras finds and saves the inner optimizers by itself."""
        store["iteration"] = self._iterations.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Restores the step counter."""
        self._iterations.assign(store["iteration"])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments.

        Raises:
            ValueError: A predicate is not registered, so that it could not be loaded again.
        """
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "groups": [
                [selectors.serialize(selector), serialize(optimizer)]
                for selector, optimizer in self.groups
            ],
            "default": serialize(self.default),
            "loss_scale_factor": self.loss_scale_factor,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> "ParameterGroups":
        """Returns the optimizer that `get_config` described, without its state."""

        def load(value: Any) -> Any:
            return keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)

        config = copy.deepcopy(config)  # Keras' optimizers put objects into the one they get
        groups = [(load(selector), load(optimizer)) for selector, optimizer in config.pop("groups")]
        return cls(groups, default=load(config.pop("default")), **config)

    def _known_variables(self, grads: list[Any], variables: Sequence[Any] | None) -> list[Any]:
        if variables is None:
            if not self.built:
                raise ValueError(
                    "`trainable_variables` must be given until the optimizer is built. Call "
                    "`optimizer.build(variables)` first."
                )
            variables = self._trainable_variables
        variables = list(variables)
        if len(variables) != len(grads):
            raise ValueError(
                "`grads` must have one entry a variable. Expected: "
                f"{len(variables)}. Received: {len(grads)}"
            )
        self.build(variables)
        self._check_variables_are_known(variables)
        return variables


def _standardize(groups: Iterable[tuple[Selector, Any]]) -> list[Group]:
    received = list(groups.items()) if isinstance(groups, dict) else list(groups)
    if not received:
        raise ValueError("`groups` must have at least one pair. Received: groups=[]")
    pairs = []
    for number, pair in enumerate(received):
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise TypeError(
                "`groups` must be pairs (pattern or predicate, optimizer). "
                f"Received: groups[{number}]={pair!r}"
            )
        selector, optimizer = pair
        selectors.check(f"groups[{number}]", selector)
        pairs.append((selector, _optimizer(f"groups[{number}]", optimizer)))
    return pairs


def _optimizer(where: str, identifier: Any) -> keras.optimizers.Optimizer:
    if not isinstance(identifier, (keras.optimizers.Optimizer, str, dict)):
        raise TypeError(f"{where} must have a Keras optimizer. Received: {identifier!r}")
    optimizer = keras.optimizers.get(identifier)
    if isinstance(optimizer, (keras.optimizers.LossScaleOptimizer, ParameterGroups)):
        raise ValueError(
            f"{where} must have a plain optimizer. Wrap LossScaleOptimizer around ParameterGroups, "
            f"and do not nest ParameterGroups. Received: {type(optimizer).__name__}"
        )
    if optimizer.built:
        raise ValueError(
            f"{where} must have a new optimizer. Received: {optimizer.name!r}, which is built for "
            "other variables already"
        )
    if optimizer.loss_scale_factor is not None:
        raise ValueError(
            "All groups share one loss: give `loss_scale_factor` to ParameterGroups. Received: "
            f"{where} with loss_scale_factor={optimizer.loss_scale_factor}"
        )
    return optimizer
