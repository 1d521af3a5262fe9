"""`ParameterGroups`: each variable by its own optimizer, in every way Keras uses one."""

import copy

import keras
import numpy as np
import pytest
import tensorflow as tf

from dau_tf import DAUConv2D
from dau_tf.optimizers import ParameterGroups

STEPS = 6


def poly(rate: float, power: float) -> keras.optimizers.schedules.PolynomialDecay:
    return keras.optimizers.schedules.PolynomialDecay(rate, 20, 0.0, power=power)


def paper_recipe() -> ParameterGroups:
    return ParameterGroups(
        [("displacement$", keras.optimizers.Adam(poly(1e-3, 1.0)))],
        default=keras.optimizers.Adam(poly(5e-4, 0.3)),
    )


def mixed_recipe() -> ParameterGroups:
    return ParameterGroups(
        [
            ("bias$", keras.optimizers.SGD(0.02, momentum=0.9, nesterov=True)),
            (is_displacement, keras.optimizers.Adam(poly(1e-2, 1.0), use_ema=True)),
        ],
        default=keras.optimizers.AdamW(poly(5e-3, 0.3), weight_decay=0.01, clipnorm=0.5),
    )


@keras.saving.register_keras_serializable("parameter_groups_test")
def is_displacement(variable) -> bool:
    return variable.name == "displacement"


@keras.saving.register_keras_serializable("parameter_groups_test")
class NameIs:
    """A predicate with a configuration."""

    def __init__(self, name):
        self.name = name

    def __call__(self, variable):
        return variable.name == self.name

    def get_config(self):
        return {"name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def dau_model(optimizer=None) -> keras.Model:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((6, 6, 2))
    x = DAUConv2D(3, activation="relu", name="first")(inputs)
    x = DAUConv2D(2, name="second")(x)
    model = keras.Model(inputs, x)
    if optimizer is not None:
        model.compile(optimizer, "mse")
    return model


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(8, 6, 6, 2)).astype("float32")
    return x, rng.normal(size=(8, 6, 6, 2)).astype("float32")


def fit(model: keras.Model, epochs: int) -> None:
    model.fit(*data(), batch_size=4, epochs=epochs, shuffle=False, verbose=0)


def variables(**values) -> dict[str, keras.Variable]:
    return {
        name: keras.Variable(np.asarray(value, "float32"), name=name)
        for name, value in values.items()
    }


def assert_same_bits(first, second) -> None:
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def gradients(step: int, shapes: list[tuple[int, ...]]) -> list[tf.Tensor]:
    rng = np.random.default_rng(step)
    return [tf.constant(rng.normal(size=shape), tf.float32) for shape in shapes]


# --- what it computes


def test_each_variable_moves_as_under_its_own_optimizer():
    def new():
        return variables(a=[1.0, 2.0], b=[3.0], c=[[4.0, 5.0]])

    def sgd():
        return keras.optimizers.SGD(0.1, momentum=0.9)

    def adam():
        return keras.optimizers.Adam(poly(0.01, 1.0), global_clipnorm=0.3)

    def adamw():
        return keras.optimizers.AdamW(0.02, weight_decay=0.1)

    together, alone = new(), new()
    groups = ParameterGroups([("^a$", sgd()), ("^c$", adam())], default=adamw())
    separate = {"a": sgd(), "b": adamw(), "c": adam()}
    for step in range(STEPS):
        grads = gradients(step, [v.shape for v in together.values()])
        groups.apply(grads, list(together.values()))
        for grad, (name, variable) in zip(grads, alone.items(), strict=True):
            separate[name].apply([grad], [variable])
    assert_same_bits(list(together.values()), list(alone.values()))
    assert int(groups.iterations) == STEPS


def test_equal_optimizers_in_all_groups_equal_one_optimizer():
    def adam():
        return keras.optimizers.Adam(poly(1e-2, 0.5))

    grouped, single = dau_model(ParameterGroups([("disp", adam())], adam())), dau_model(adam())
    fit(grouped, 3)
    fit(single, 3)
    assert_same_bits(grouped.weights, single.weights)


def test_displacements_have_their_own_rate_under_adam():
    model = dau_model(paper_recipe())
    before = {v.path: v.numpy() for v in model.trainable_variables}
    model.fit(*data(), batch_size=8, epochs=1, verbose=0)
    for variable in model.trainable_variables:
        # Adam's first step is the rate itself, whatever the gradient's size.
        step = np.abs(variable.numpy() - before[variable.path])
        rate = 1e-3 if variable.name == "displacement" else 5e-4
        assert step.max() == pytest.approx(rate, rel=1e-2)
    rates = {name: float(rate) for name, rate in model.optimizer.learning_rates.items()}
    assert rates["displacement$"] == pytest.approx(1e-3 * (1 - 1 / 20))
    assert rates["default"] == pytest.approx(5e-4 * (1 - 1 / 20) ** 0.3)


def test_first_match_wins():
    v = variables(ab=[0.0], b=[0.0], c=[0.0])
    groups = ParameterGroups(
        [("a", keras.optimizers.SGD(1.0)), (lambda v: "b" in v.name, keras.optimizers.SGD(2.0))],
        default=keras.optimizers.SGD(4.0),
    )
    groups.apply([tf.ones(1)] * 3, list(v.values()))
    assert [float(x.numpy()[0]) for x in v.values()] == [-1.0, -2.0, -4.0]


@pytest.mark.parametrize("method", ["apply", "apply_gradients"])
@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["eager", "graph"])
def test_custom_loops(method, wrap):
    model, reference = dau_model(), dau_model(paper_recipe())
    optimizer = paper_recipe()
    optimizer.build(model.trainable_variables)

    @wrap
    def step(x, target):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x) - target) ** 2)
        grads = tape.gradient(loss, model.trainable_variables)
        if method == "apply":
            optimizer.apply(grads, model.trainable_variables)
        else:
            optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))

    x, target = data()
    for _ in range(3):
        step(x[:4], target[:4])
        step(x[4:], target[4:])
    fit(reference, 3)
    assert int(optimizer.iterations) == 6
    for one, other in zip(model.weights, reference.weights, strict=True):
        # fit sums the loss in another order
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-5)


def test_apply_without_variables_once_built():
    v = variables(a=[1.0], b=[1.0])
    groups = ParameterGroups([("a", keras.optimizers.SGD(1.0))], keras.optimizers.SGD(0.5))
    groups.build(list(v.values()))
    groups.apply([tf.ones(1), tf.ones(1)])
    assert [float(x.numpy()[0]) for x in v.values()] == [0.0, 0.5]


def test_plain_tensorflow_variables():
    a, b = tf.Variable(1.0, name="a"), tf.Variable(1.0, name="b")
    groups = ParameterGroups([("^a", keras.optimizers.SGD(1.0))], keras.optimizers.SGD(0.5))
    groups.apply([tf.ones([]), tf.ones([])], [a, b])
    assert [float(a), float(b)] == [0.0, 0.5]


def test_constraints_are_applied():
    model = dau_model(ParameterGroups([("disp", keras.optimizers.SGD(1e4))], "sgd"))
    fit(model, 1)
    largest = np.abs(model.get_layer("first").displacement.numpy()).max()
    assert largest == 4.0


# --- steps and rates


def test_all_optimizers_count_the_same_steps_even_without_gradients():
    v = variables(a=[1.0], b=[1.0])
    groups = ParameterGroups([("a", keras.optimizers.Adam(0.1))], keras.optimizers.Adam(0.1))
    groups.build(list(v.values()))
    with pytest.warns(UserWarning, match=r"Gradients do not exist for variables \['a'\]"):
        groups.apply([None, tf.ones(1)], list(v.values()))
    groups.apply([tf.ones(1)], [v["b"]])
    counts = [int(inner.iterations) for _, inner in groups.groups]
    assert [*counts, int(groups.default.iterations), int(groups.iterations)] == [2, 2, 2]
    assert float(v["a"].numpy()[0]) == 1.0

    groups.iterations.assign(10)
    groups.apply([tf.ones(1)] * 2)
    assert [int(inner.iterations) for _, inner in groups.groups] == [11]


def test_learning_rate_is_that_of_the_default():
    groups = ParameterGroups([("a", keras.optimizers.SGD(0.1))], keras.optimizers.SGD(0.2))
    assert float(groups.learning_rate) == pytest.approx(0.2)
    groups.learning_rate = 0.05
    rates = {name: float(rate) for name, rate in groups.learning_rates.items()}
    assert rates == pytest.approx({"a": 0.1, "default": 0.05})
    with pytest.raises(TypeError, match="not settable"):
        paper_recipe().learning_rate = 0.1


# --- what inner optimizers are configured for


def test_averages_of_a_group_replace_its_variables_at_the_end():
    v = variables(a=[1.0], b=[1.0])
    groups = ParameterGroups(
        [("a", keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5))],
        default=keras.optimizers.SGD(1.0),
    )
    for _ in range(2):
        groups.apply([tf.ones(1)] * 2, list(v.values()))
    groups.finalize_variable_values(list(v.values()))
    # a is 0 and -1 after the two steps; its average 0, then 0.5 * 0 + 0.5 * -1
    assert [float(x.numpy()[0]) for x in v.values()] == [-0.5, -1.0]


def test_gradient_accumulation_of_a_group():
    v = variables(a=[0.0], b=[0.0])
    groups = ParameterGroups(
        [("a", keras.optimizers.SGD(1.0, gradient_accumulation_steps=2))],
        default=keras.optimizers.SGD(1.0),
    )
    seen = []
    for gradient in (1.0, 3.0):
        groups.apply([tf.constant([gradient])] * 2, list(v.values()))
        seen.append([float(x.numpy()[0]) for x in v.values()])
    assert seen == [[0.0, -1.0], [-2.0, -4.0]]


def test_exclude_from_weight_decay_reaches_all_groups():
    v = variables(a=[1.0], b=[1.0], free_a=[1.0], free_b=[1.0])
    groups = ParameterGroups(
        [("a$", keras.optimizers.SGD(0.1, weight_decay=1.0))],
        default=keras.optimizers.SGD(0.1, weight_decay=1.0),
    )
    groups.exclude_from_weight_decay(var_names=["free"])
    groups.apply([tf.zeros(1)] * 4, list(v.values()))
    values = [float(x.numpy()[0]) for x in v.values()]
    assert values == pytest.approx([0.9, 0.9, 1.0, 1.0])


def test_fixed_loss_scale():
    v = variables(a=[0.0], b=[0.0])
    groups = ParameterGroups(
        [("a", keras.optimizers.SGD(1.0))], keras.optimizers.SGD(1.0), loss_scale_factor=8.0
    )
    assert float(groups.scale_loss(tf.constant(2.0))) == 16.0
    groups.apply([tf.constant([8.0])] * 2, list(v.values()))
    assert [float(x.numpy()[0]) for x in v.values()] == [-1.0, -1.0]


@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["eager", "graph"])
def test_inside_a_loss_scale_optimizer(wrap):
    v = list(variables(a=[0.0], b=[0.0]).values())
    groups = ParameterGroups([("a", keras.optimizers.SGD(1.0))], keras.optimizers.SGD(0.5))
    optimizer = keras.optimizers.LossScaleOptimizer(groups, initial_scale=4.0)
    optimizer.build(v)
    step = wrap(lambda gradient: optimizer.apply([gradient, gradient], v))
    step(tf.constant([4.0]))
    step(tf.constant([np.inf]))  # is skipped, and halves the scale
    step(tf.constant([2.0]))
    assert [float(x.numpy()[0]) for x in v] == [-2.0, -1.0]
    assert int(groups.iterations) == 2
    assert float(optimizer.learning_rate) == 0.5


# --- saving


@pytest.mark.parametrize(
    ("recipe", "scaled"), [(paper_recipe, False), (mixed_recipe, False), (paper_recipe, True)]
)
def test_training_continues_from_a_keras_file_to_the_bit(tmp_path, recipe, scaled):
    def new():
        return keras.optimizers.LossScaleOptimizer(recipe()) if scaled else recipe()

    uninterrupted, interrupted = dau_model(new()), dau_model(new())
    fit(uninterrupted, 1)
    fit(uninterrupted, 3)
    fit(interrupted, 1)
    interrupted.save(tmp_path / "model.keras")
    resumed = keras.saving.load_model(tmp_path / "model.keras")
    assert_same_bits(resumed.optimizer.variables, interrupted.optimizer.variables)
    fit(resumed, 3)
    assert_same_bits(resumed.weights, uninterrupted.weights)
    assert_same_bits(resumed.optimizer.variables, uninterrupted.optimizer.variables)
    assert int(resumed.optimizer.iterations) == 8


def test_training_continues_from_a_tensorflow_checkpoint_to_the_bit(tmp_path):
    uninterrupted, interrupted = dau_model(mixed_recipe()), dau_model(mixed_recipe())
    fit(uninterrupted, 1)
    fit(uninterrupted, 2)
    fit(interrupted, 1)
    checkpoint = tf.train.Checkpoint(model=interrupted, optimizer=interrupted.optimizer)
    path = checkpoint.save(tmp_path / "checkpoint")

    resumed = dau_model(mixed_recipe())
    resumed.optimizer.build(resumed.trainable_variables)
    checkpoint = tf.train.Checkpoint(model=resumed, optimizer=resumed.optimizer)
    checkpoint.restore(path).assert_existing_objects_matched()
    fit(resumed, 2)
    assert_same_bits(resumed.weights, uninterrupted.weights)
    assert_same_bits(resumed.optimizer.variables, uninterrupted.optimizer.variables)


def test_set_weights():
    first, second = dau_model(paper_recipe()), dau_model(paper_recipe())
    fit(first, 2)
    second.optimizer.build(second.trainable_variables)
    second.optimizer.set_weights([v.numpy() for v in first.optimizer.variables])
    assert_same_bits(first.optimizer.variables, second.optimizer.variables)
    with pytest.raises(ValueError, match="one value for each of the"):
        second.optimizer.set_weights([1.0])


def test_config_round_trip():
    groups = ParameterGroups(
        [
            ("bias$", keras.optimizers.SGD(0.1, momentum=0.8)),
            (is_displacement, keras.optimizers.Adam(poly(1e-3, 1.0))),
            (NameIs("gamma"), keras.optimizers.RMSprop(1e-2)),
        ],
        default=keras.optimizers.Adam(poly(5e-4, 0.3), global_clipnorm=2.0),
        loss_scale_factor=16.0,
        name="mine",
    )
    config = keras.saving.serialize_keras_object(groups)
    untouched = copy.deepcopy(config)
    again = keras.saving.deserialize_keras_object(config)
    assert config == untouched
    assert keras.saving.serialize_keras_object(again) == config
    (bias, sgd), (predicate, adam), (named, _) = again.groups
    assert (bias, predicate, named.name) == ("bias$", is_displacement, "gamma")
    assert sgd.momentum == 0.8
    assert adam.get_config()["learning_rate"]["config"]["power"] == 1.0
    assert (again.name, again.loss_scale_factor) == ("mine", 16.0)
    assert again.default.global_clipnorm == 2.0


@pytest.mark.parametrize("predicate", [lambda v: True, str.isupper])
def test_saving_an_unregistered_predicate_is_refused(predicate):
    groups = ParameterGroups([(predicate, "sgd")], default="adam")
    with pytest.raises(ValueError, match=r"predicate .* cannot be saved.*registered"):
        groups.get_config()


# --- refusals


def built_adam() -> keras.optimizers.Optimizer:
    optimizer = keras.optimizers.Adam()
    optimizer.build([keras.Variable([1.0])])
    return optimizer


SHARED = keras.optimizers.SGD()

# (groups, default, exception, message)
REFUSED = [
    ([], "sgd", ValueError, r"`groups` must have at least one pair"),
    (["displacement"], "sgd", TypeError, r"must be pairs.*groups\[0\]='displacement'"),
    ([("a", "sgd", 1)], "sgd", TypeError, r"must be pairs"),
    ([("(", "sgd")], "sgd", ValueError, r"groups\[0\] must have a regular expression.*'\('"),
    ([("a", "sgd"), (3, "sgd")], "sgd", TypeError, r"groups\[1\] must select by.*3"),
    ([("a", 0.1)], "sgd", TypeError, r"groups\[0\] must have a Keras optimizer.*0.1"),
    ([("a", "sgd")], None, TypeError, r"default must have a Keras optimizer.*None"),
    ([("a", SHARED)], SHARED, ValueError, r"one optimizer used twice"),
    ([("a", built_adam())], "sgd", ValueError, r"groups\[0\] must have a new optimizer"),
    (
        [("a", keras.optimizers.SGD(loss_scale_factor=2.0))],
        "sgd",
        ValueError,
        r"give `loss_scale_factor` to ParameterGroups.*2.0",
    ),
    (
        [("a", keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()))],
        "sgd",
        ValueError,
        r"Wrap LossScaleOptimizer around ParameterGroups",
    ),
    ([("a", ParameterGroups([("b", "sgd")], "sgd"))], "sgd", ValueError, r"do not nest"),
]


@pytest.mark.parametrize(("groups", "default", "exception", "message"), REFUSED)
def test_refused_with_a_message(groups, default, exception, message):
    with pytest.raises(exception, match=message):
        ParameterGroups(groups, default)


def test_a_group_without_variables_is_refused_at_build():
    v = list(variables(weight=[1.0], bias=[1.0]).values())
    with pytest.raises(
        ValueError, match=r"'offset' gets no variable: it matches none.*\['weight', 'b"
    ):
        ParameterGroups([("offset", "sgd")], "sgd").build(v)
    with pytest.raises(ValueError, match=r"'bias' gets no variable: earlier groups take all"):
        ParameterGroups([("weight|bias", "sgd"), ("bias", "sgd")], "sgd").build(v)
    with pytest.raises(ValueError, match=r"'is_displacement' gets no variable.*Available paths"):
        ParameterGroups([(is_displacement, "sgd")], "sgd").build(v)


def test_misuse_of_apply_is_refused():
    v = list(variables(a=[1.0], b=[1.0]).values())
    groups = ParameterGroups([("a", "sgd")], "sgd")
    with pytest.raises(ValueError, match="must be given until the optimizer is built"):
        groups.apply([tf.ones(1)])
    groups.build(v)
    with pytest.raises(ValueError, match=r"one entry a variable. Expected: 2. Received: 1"):
        groups.apply([tf.ones(1)])
    with pytest.raises(ValueError, match="No gradients provided"):
        groups.apply([None, None])
    with pytest.raises(ValueError, match="Unknown variable"):
        groups.apply([tf.ones(1)], [keras.Variable([1.0])])
    with pytest.raises(NotImplementedError, match="`apply`"):
        groups.update_step(None, None, None)
