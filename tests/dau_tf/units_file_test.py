"""Files of units, and the authors' layout."""

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from dau_tf.export import Units, from_authors
from tests.full_disk import no_file_beyond

IMAGES = np.random.default_rng(7).normal(size=(2, 9, 10, 4)).astype("float32")
LAYERS = {
    "plain": {},
    "groups, no bias": {"groups": 2, "use_bias": False},
    "limit": {"max_displacement": 0.7},  # not a float32
    "sigma a unit": {"sigma_mode": "per_unit", "sigma_initializer": "random_uniform"},
    "ragged": {"unit_count": 40},
    "ragged, sigma a unit": {"unit_count": 40, "sigma_mode": "per_unit"},
}


def network(seed: int, **options) -> keras.Model:
    keras.utils.set_random_seed(seed)
    layers = [
        dau_tf.DAUConv2D(6, 3, name="one", bias_initializer="normal", **options),
        keras.Sequential([dau_tf.DAUConv2D(5, name="two", dtype="float64")]),
    ]
    model = keras.Sequential([keras.Input((9, 10, 4)), *layers])
    if "unit_count" in options:
        counts = np.resize([3, 0, 2, 1, 1, 3], (4, 6))
        model.layers[0].units_per_pair.assign(counts)
        for name in ("unit_weight", "displacement"):
            variable = getattr(model.layers[0], name)
            variable.assign(variable.constraint(tf.ones_like(variable.value) * 0.5))
    return model


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize("options", LAYERS.values(), ids=LAYERS.keys())
def test_another_model_computes_the_same_bits(options, suffix, tmp_path):
    model, other = network(1, **options), network(2, **{**options})
    dau_tf.export.save_units(model, tmp_path / f"units{suffix}")
    dau_tf.export.load_units(other, tmp_path / f"units{suffix}")
    for old, new in zip(model.variables, other.variables, strict=True):
        np.testing.assert_array_equal(new, old)
    np.testing.assert_array_equal(other(IMAGES), model(IMAGES))


def test_the_layout(tmp_path):
    model = network(1, unit_count=40)
    layer = model.layers[0]
    dau_tf.export.save_units(model, tmp_path / "units.npz")
    dau_tf.export.save_units(model, tmp_path / "units.h5")
    with np.load(tmp_path / "units.npz") as npz, h5py.File(tmp_path / "units.h5") as h5:
        for key in npz:
            np.testing.assert_array_equal(h5[key], npz[key])
        assert {key.split("/")[1] for key in npz if key.startswith("two/")} == set(h5["two"])
        np.testing.assert_array_equal(npz["one/weight"], layer.unit_weight)
        assert npz["one/displacement"].shape == (2, 3, 4, 6)
        assert np.abs(npz["one/displacement"]).max() == 0.5  # places left over are at 0
        assert npz["one/sigma"].shape == ()
        assert npz["one/units_per_pair"].sum() == 40
        assert npz["two/weight"].dtype == np.float64


def with_arrays(**changes) -> dict[str, np.ndarray]:
    arrays = {"weight": np.ones((2, 3, 4)), "displacement": np.zeros((2, 2, 3, 4))}
    arrays = {**arrays, "sigma": np.array(0.5), "bias": np.zeros(4), **changes}
    return {name: np.asarray(values) for name, values in arrays.items() if values is not None}


UNREADABLE = {
    "no sigma": (with_arrays(sigma=None), r"Received: \['bias', 'displacement', 'weight'\]"),
    "more": (with_arrays(theta=1.0), "'theta'"),
    "shape": (with_arrays(displacement=np.zeros((2, 3, 4))), "must have shape \\(2, 2, 3, 4\\)"),
    "rank": (with_arrays(weight=np.ones((3, 4))), "'weight' must|`weight` must have shape"),
    "sigma": (with_arrays(sigma=np.ones(4)), r"shape \(\) or \(2, 3, 4\). Received: \(4,\)"),
    "no blur": (with_arrays(sigma=0.0), "`sigma` must be > 0, in pixels. Received: 0.0"),
    "nan": (with_arrays(bias=np.full(4, np.nan)), "`bias` must be finite"),
}


@pytest.mark.parametrize(("arrays", "message"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_files_of_another_layout(arrays, message, tmp_path):
    np.savez(tmp_path / "units.npz", **{f"a/{name}": v for name, v in arrays.items()})
    with pytest.raises(ValueError, match=message):
        dau_tf.export.read_units(tmp_path / "units.npz")


REFUSED = {
    "channels": (
        with_arrays(weight=np.ones((2, 2, 4)), displacement=np.zeros((2, 2, 2, 4))),
        "'a'",
    ),
    "no bias": (with_arrays(bias=None), r"'a' needs `bias` of shape \(4,\). Received: None"),
    "ragged": (with_arrays(units_per_pair=np.ones((3, 4))), "`units_per_pair` of shape None"),
    "too far": (with_arrays(displacement=np.full((2, 2, 3, 4), 4.5)), "max_displacement=4.0"),
    "sigma a unit": (
        with_arrays(sigma=np.full((2, 3, 4), 0.5)),
        r"'a' needs `sigma` of shape \(\)",
    ),
}


@pytest.mark.parametrize(("arrays", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_layers_that_cannot_take_the_units(arrays, message):
    layer = dau_tf.DAUConv2D(4, name="a")
    layer.build((None, 8, 8, 3))
    before = [np.asarray(variable) for variable in layer.variables]
    with pytest.raises(ValueError, match=message):
        Units(**arrays).assign_to(layer)
    for old, variable in zip(before, layer.variables, strict=True):
        np.testing.assert_array_equal(variable, old)


def test_other_refusals(tmp_path):
    model = network(1)
    with pytest.raises(ValueError, match=r"must end in .npz or .h5. Received: path='units.txt'"):
        dau_tf.export.save_units(model, "units.txt")
    dau_tf.export.save_units(model, tmp_path / "units.npz")
    with pytest.raises(ValueError, match=r"\['one'\]. Received: \['one', 'two'\]"):
        dau_tf.export.load_units(keras.Sequential([model.layers[0]]), tmp_path / "units.npz")
    with pytest.raises(ValueError, match=r"each of a name of its own. Received: \[\]"):
        dau_tf.export.save_units(keras.Sequential([keras.layers.ReLU()]), tmp_path / "units.npz")
    for suffix in (".npz", ".h5"):
        (tmp_path / f"text{suffix}").write_text("no arrays")
        with pytest.raises(ValueError, match=rf"must be a {suffix} file of arrays"):
            dau_tf.export.read_units(tmp_path / f"text{suffix}")
        with pytest.raises(FileNotFoundError):
            dau_tf.export.read_units(tmp_path / f"none{suffix}")


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_without_room_the_file_that_was_there_stays(suffix, tmp_path):
    path = tmp_path / f"units{suffix}"
    model = keras.Sequential([keras.Input((8, 8, 3)), dau_tf.DAUConv2D(4)])
    dau_tf.export.save_units(model, path)
    before = path.read_bytes()
    with pytest.raises(OSError, match="File too large"), no_file_beyond(100):
        dau_tf.export.save_units(model, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_authors_layout():
    """Unit k of channel s and filter f looks mu1[0, s, k, f] px to the right, mu2 px down."""
    rng = np.random.default_rng(8)
    weights = rng.normal(size=(1, 4, 2, 3))
    mu1, mu2 = rng.integers(-2, 3, (2, 1, 4, 2, 3))
    layer = dau_tf.DAUConv2D(3, 2, sigma=0.05)  # a blur of one pixel
    layer.build((None, 9, 10, 4))
    from_authors(weights, mu1, mu2, sigma=0.05, bias=np.arange(3.0)[None]).assign_to(layer)
    padded = np.pad(IMAGES, [(0, 0), (2, 2), (2, 2), (0, 0)])
    expected = np.zeros((2, 9, 10, 3)) + np.arange(3)
    for s, k, f in np.ndindex(4, 2, 3):
        top, left = 2 + mu2[0, s, k, f], 2 + mu1[0, s, k, f]
        seen = padded[:, top : top + 9, left : left + 10, s]
        expected[..., f] += weights[0, s, k, f] * seen
    np.testing.assert_allclose(layer(IMAGES), expected, atol=1e-5)  # float32 sums of 8 products


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mu2": np.zeros((1, 2, 4, 3))}, r"Received: mu2 of shape \(1, 2, 4, 3\)"),
        ({"weights": np.zeros((4, 2, 3))}, "Received: weights of shape"),
        ({"sigma": 0.0}, "`sigma` must be > 0"),
        ({"bias": np.zeros(4)}, "`bias` must have shape"),
    ],
)
def test_what_is_not_the_authors_layout(changes, message):
    given = {name: np.zeros((1, 4, 2, 3)) for name in ("weights", "mu1", "mu2")}
    with pytest.raises(ValueError, match=message):
        from_authors(**{**given, "sigma": 0.5, **changes})
