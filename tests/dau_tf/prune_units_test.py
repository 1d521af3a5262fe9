"""Pruning: what goes, that it is gone, and that what remains computes, saves and learns."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from dau_tf.layers import ragged

IMAGES = np.random.default_rng(3).normal(size=(2, 9, 10, 4)).astype("float32")


def network(**options) -> keras.Model:
    """Two DAU layers and a dense one; weights spread over two decades, so that some are small."""
    keras.utils.set_random_seed(1)
    spread = keras.initializers.RandomNormal(stddev=1.0)
    layers = [
        dau_tf.DAUConv2D(
            6, units=3, weight_initializer=spread, activation="relu", name="one", **options
        ),
        dau_tf.DAUConv2D(
            5, units=2, weight_initializer=keras.initializers.RandomNormal(), name="two"
        ),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3),
    ]
    return keras.Sequential([keras.Input((9, 10, 4)), *layers])


def without_small(model: keras.Model, threshold: float) -> keras.Model:
    """The definition: small weights set to 0, everything else as it was."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for layer in copy.layers:
        if isinstance(layer, dau_tf.DAUConv2D):
            w = np.asarray(layer.unit_weight)
            layer.unit_weight.assign(np.where(np.abs(w) >= threshold * np.abs(w).max(), w, 0))
    return copy


def gradients(model: keras.Model) -> list[np.ndarray]:
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(IMAGES) ** 2)
    return [
        np.asarray(g) for g in tape.gradient(loss, [v.value for v in model.trainable_variables])
    ]


def close(actual, expected) -> None:
    # Sums of some hundred float32 terms in another order.
    np.testing.assert_allclose(actual, expected, atol=2e-5 * np.abs(expected).max())


OPTIONS = {
    "plain": {},
    "groups": {"groups": 2},
    "strides": {"strides": 2},
    "valid": {"padding": "valid", "max_displacement": 1.0},
    "per unit": {"sigma_mode": "per_unit", "sigma_trainable": True},
}


@pytest.mark.parametrize("engine", ["auto", "direct", "spectral"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_computes_what_zeros_would(options, engine, monkeypatch):
    monkeypatch.setenv("DAU_ENGINE", engine)
    model = network(**options)
    pruned, zeroed = (f(model, 0.3) for f in (quietly, without_small))
    close(pruned(IMAGES), zeroed(IMAGES))
    for layer, full in zip(pruned.layers[:2], zeroed.layers[:2], strict=True):
        remain = np.asarray(full.unit_weight) != 0
        assert 0 < remain.sum() < remain.size
        np.testing.assert_array_equal(layer.units_per_pair, remain.sum(0))
        assert np.count_nonzero(layer.unit_weight) == layer.unit_count == remain.sum()
        assert layer.units == remain.sum(0).max()
    full = zeroed.layers[0]
    remains = np.transpose(np.asarray(full.unit_weight) != 0, (1, 2, 0))
    counts = np.asarray(pruned.layers[0].units_per_pair)
    for mine, theirs in zip(gradients(pruned)[:2], gradients(zeroed)[:2], strict=True):
        close(ragged.pack(mine, counts), np.moveaxis(theirs, -3, -1)[..., remains])


def quietly(model: keras.Model, threshold: float) -> keras.Model:
    return dau_tf.pruning.prune_units(model, threshold, print_fn=None)


def test_says_what_it_removed():
    lines: list[str] = []
    pruned = dau_tf.pruning.prune_units(network(), 0.3, print_fn=lines.append)
    rows = dau_tf.pruning.unit_table(pruned)
    remain = sum(row.units for row in rows)
    assert lines[0].splitlines()[-1].split() == [
        "all",
        "132",
        str(remain),
        f"{1 - remain / 132:.1%}",
    ]
    assert all(row.mean < row.most <= units for row, units in zip(rows, (3, 2), strict=True))


def test_nothing_to_remove_leaves_a_layer_dense():
    model = network()
    same = quietly(model, 0.0)
    assert same.layers[0].units_per_pair is None
    np.testing.assert_array_equal(same(IMAGES), model(IMAGES))


def test_only_the_largest_remains():
    pruned = quietly(network(), 1.0)
    assert [row.units for row in dau_tf.pruning.unit_table(pruned)] == [1, 1]
    assert [layer.units for layer in pruned.layers[:2]] == [1, 1]
    close(pruned(IMAGES), without_small(network(), 1.0)(IMAGES))


def test_pruned_again():
    model = network()
    twice, once = quietly(quietly(model, 0.2), 0.4), quietly(model, 0.4)
    for one, other in zip(twice.get_weights(), once.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_saves_less_and_loads_the_same(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 32)), dau_tf.DAUConv2D(64, units=4)])
    pruned = quietly(model, 0.75)
    for name, part in (("full", model), ("small", pruned)):
        part.save(tmp_path / f"{name}.keras")
    loaded = keras.models.load_model(tmp_path / "small.keras")
    images = np.random.default_rng(0).normal(size=(1, 8, 8, 32)).astype("float32")
    np.testing.assert_array_equal(loaded(images), pruned(images))
    share = dau_tf.pruning.unit_table(pruned)[0].units / (4 * 32 * 64)
    sizes = [(tmp_path / f"{name}.keras").stat().st_size for name in ("small", "full")]
    # The file's frame and units_per_pair come on top; of 96 KB of units they are a third.
    assert share < 0.3
    assert sizes[0] < (share + 0.33) * sizes[1]


def test_fine_tuning_brings_nothing_back(tmp_path):
    pruned = quietly(network(), 0.3)
    before = [np.array(w) for w in pruned.get_weights()]
    counts = dau_tf.pruning.unit_table(pruned)
    # Decay would draw the places left over into sight.
    pruned.compile(keras.optimizers.AdamW(0.01, weight_decay=0.5), "mse")
    losses = pruned.fit(IMAGES, np.ones((2, 3)), epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert dau_tf.pruning.unit_table(pruned) == counts
    moved = [not np.array_equal(a, b) for a, b in zip(before, pruned.get_weights(), strict=True)]
    names = [v.name for v in pruned.weights]
    assert all(m for m, n in zip(moved, names, strict=True) if n in ("unit_weight", "displacement"))
    for layer in pruned.layers[:2]:
        taken = np.asarray(ragged.taken(layer.units_per_pair, layer.units))
        assert np.abs(np.asarray(layer.displacement)[:, taken]).max() <= layer.max_displacement
        assert np.all(np.asarray(layer.displacement)[:, ~taken] == ragged.FAR_AWAY)
        assert np.all(np.asarray(layer.unit_weight)[~taken] == 0)
    pruned.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(IMAGES), pruned(IMAGES))


def test_replaced_layers_and_nested_models():
    inner = keras.Sequential(
        [keras.Input((9, 9, 3)), keras.layers.Conv2D(6, 3, 2, padding="valid", name="conv")]
    )
    inputs = keras.Input((9, 9, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(inner(inputs)))
    model = dau_tf.replace_conv2d(model, units=3, print_fn=None)
    pruned = quietly(model, 0.5)
    images = IMAGES[:, :9, :9, :3]
    nested = pruned.layers[1].layers[-1]
    assert type(nested) is dau_tf.replacement.ReplacedConv2D
    assert nested.unit_count is not None
    zeroed = keras.models.clone_model(model)
    zeroed.set_weights(model.get_weights())
    dau = zeroed.layers[1].layers[-1]
    w = np.asarray(dau.unit_weight)
    dau.unit_weight.assign(np.where(np.abs(w) >= 0.5 * np.abs(w).max(), w, 0))
    close(pruned(images), zeroed(images))


def test_repulsion_is_dropped():
    model = network(displacement_regularizer=dau_tf.regularizers.Repulsion(1e-3))
    pruned = quietly(model, 0.3)
    assert pruned.layers[0].displacement_regularizer is None
    assert len(pruned.losses) == 0


def test_other_displacement_regularizers_see_the_units_alone():
    model = network(displacement_regularizer=keras.regularizers.L2(1.0))
    pruned = quietly(model, 0.3)
    counts = np.asarray(pruned.layers[0].units_per_pair)
    mu = ragged.pack(np.asarray(pruned.layers[0].displacement), counts)
    assert float(pruned.losses[0]) == pytest.approx(float(np.square(mu).sum()), rel=1e-5)


def test_a_new_ragged_layer_spreads_its_units():
    layer = dau_tf.DAUConv2D(4, units=3, unit_count=26)
    layer.build((None, 8, 8, 3))
    counts = np.asarray(layer.units_per_pair)
    assert counts.sum() == 26
    assert set(counts.reshape(-1)) == {2, 3}


def test_jit_compiled():
    pruned = quietly(network(), 0.3)
    compiled = tf.function(pruned, jit_compile=True)
    close(compiled(tf.constant(IMAGES)), pruned(IMAGES))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: quietly(network(), 1.5), "`threshold` must be within 0 ... 1"),
        (lambda: quietly(network(), float("nan")), "`threshold`"),
        (
            lambda: quietly(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]), 0.1),
            "DAUConv2D",
        ),
        (lambda: quietly(keras.Sequential([dau_tf.DAUConv2D(2)]), 0.1), "built"),
        (lambda: dau_tf.DAUConv2D(2, unit_count=-1), "`unit_count` must be an integer >= 0"),
        (lambda: dau_tf.DAUConv2D(2, unit_count=9).build((1, 5, 5, 2)), "must be at most 8"),
    ],
)
def test_refuses(act, message):
    with pytest.raises(ValueError, match=message):
        act()
