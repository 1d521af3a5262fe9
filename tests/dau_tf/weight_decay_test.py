"""The recipes of docs/training.md: weights decay, displacements do not, under Keras' optimizers."""

import keras
import numpy as np
import pytest

from dau_tf import DAUConv2D
from dau_tf.optimizers import ParameterGroups

# Every optimizer of Keras takes `weight_decay`, but for those that hold others. Muon of Keras 3.12
# fails at every matrix: "'ResourceVariable' object has no attribute 'path'".
BROKEN = {"Muon"} if keras.__version__.startswith("3.12.") else set()
OPTIMIZERS = [
    cls
    for cls in vars(keras.optimizers).values()
    if isinstance(cls, type)
    and issubclass(cls, keras.optimizers.Optimizer)
    and cls.__name__ not in {"Optimizer", "LossScaleOptimizer", "MultiOptimizer"} | BROKEN
]


def after_steps(optimizer: keras.optimizers.Optimizer) -> dict[str, np.ndarray]:
    """The variables of a layer after three steps, the same for every optimizer but for itself."""
    keras.utils.set_random_seed(1)
    layer = DAUConv2D(3, bias_initializer="ones")
    layer.build((None, None, None, 2))
    variables = layer.trainable_variables
    rng = np.random.default_rng(2)
    for _ in range(3):
        optimizer.apply([rng.normal(size=v.shape).astype("float32") for v in variables], variables)
    return {v.name: v.numpy() for v in variables}


def changed(decaying: keras.optimizers.Optimizer, other: keras.optimizers.Optimizer) -> set[str]:
    """The names of the variables that the two leave at different values."""
    first, second = after_steps(decaying), after_steps(other)
    return {name for name in first if not np.array_equal(first[name], second[name])}


def test_keras_optimizers_are_all_there():
    assert {"SGD", "Adam", "AdamW", "Lion"} <= {cls.__name__ for cls in OPTIMIZERS}


@pytest.mark.parametrize("cls", OPTIMIZERS, ids=lambda cls: cls.__name__)
def test_excluded_from_decay(cls):
    decaying = cls(learning_rate=0.1, weight_decay=0.5)
    decaying.exclude_from_weight_decay(var_names=["displacement", "bias"])
    without = cls(learning_rate=0.1, weight_decay=0.0)
    if hasattr(without, "adam_weight_decay"):
        without.adam_weight_decay = None
    assert changed(decaying, without) == {"unit_weight"}


def test_without_the_recipe_displacements_decay():
    decaying = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    assert changed(decaying, keras.optimizers.Adam(0.1)) == {"unit_weight", "displacement", "bias"}


def test_a_group_of_its_own_decays_by_itself_only():
    decaying = ParameterGroups(
        [("displacement$", keras.optimizers.Adam(0.1))],
        default=keras.optimizers.AdamW(0.1, weight_decay=0.5),
    )
    assert changed(decaying, keras.optimizers.Adam(0.1)) == {"unit_weight", "bias"}


def test_l2_on_the_weight_alone():
    layer = DAUConv2D(3, weight_regularizer=keras.regularizers.L2(0.5))
    layer.build((None, None, None, 2))
    (loss,) = layer.losses
    assert float(loss) == pytest.approx(0.5 * np.square(layer.unit_weight.numpy()).sum(), rel=1e-5)
