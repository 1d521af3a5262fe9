"""What the analysis returns, against counts by hand; that figures, page and callbacks come out."""

import html.parser
import importlib
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import dau_tf
from dau_tf import analysis
from dau_tf.analysis import figures
from dau_tf.analysis.__main__ import main


def network(**options) -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [
        dau_tf.DAUConv2D(5, units=3, name="one", **options),
        keras.layers.ReLU(),
        dau_tf.DAUConv2D(4, units=2, name="two"),
    ]
    return keras.Sequential([keras.Input((16, 20, 3)), *layers], name="net")


def test_units_of_a_ragged_layer_are_those_it_has():
    model = dau_tf.pruning.prune_units(network(), 0.5, print_fn=None)
    units = analysis.layer_units(model)
    assert [part.name for part in units] == ["one", "two"]
    counts = [row.units for row in dau_tf.pruning.unit_table(model)]
    assert [part.weight.size for part in units] == counts
    assert all(np.abs(part.displacement).max() <= 4 for part in units)
    assert all(np.all(part.weight != 0) for part in units)


def test_densities_are_weighted_and_sum_to_one():
    (units, _) = analysis.layer_units(network())
    for share in (1.0, 0.75):
        kept = units.strongest(share)
        assert kept.weight.size == round(share * 45)
        assert np.abs(kept.weight).min() >= np.sort(np.abs(units.weight))[45 - kept.weight.size]
        for axis in (0, 1):
            centres, density = analysis.displacement_density(units, axis, share, 0.2)
            assert density.sum() * 0.2 == pytest.approx(1)
            mean = (np.abs(kept.weight) * kept.displacement[axis]).sum() / np.abs(kept.weight).sum()
            assert (centres * density).sum() * 0.2 == pytest.approx(mean, abs=0.1)
        _, mass = analysis.displacement_map(units, share, 0.2)
        assert mass.sum() == pytest.approx(1)
        np.testing.assert_allclose(
            mass.sum(1) / 0.2, analysis.displacement_density(units, 0, share, 0.2)[1]
        )


def test_receptive_field_is_where_the_units_look():
    model = keras.Sequential([keras.Input((15, 15, 1)), dau_tf.DAUConv2D(1, units=2, sigma=0.3)])
    layer = model.layers[0]
    layer.displacement.assign(np.array([[-3.0, 2.0], [0.0, 4.0]]).reshape(2, 2, 1, 1))
    layer.unit_weight.assign(np.array([3.0, -1.0]).reshape(2, 1, 1))
    field = analysis.receptive_field(model)
    assert field.sum() == pytest.approx(1)
    around = {
        name: field[r - 1 : r + 2, c - 1 : c + 2].sum()
        for name, r, c in (("a", 4, 7), ("b", 9, 11))
    }
    assert around["a"] == pytest.approx(0.75, abs=1e-5)
    assert around["b"] == pytest.approx(0.25, abs=1e-5)


def test_contours_enclose_their_share():
    rows, cols = np.mgrid[-30:31, -30:31]
    field = np.exp(-(rows**2 + cols**2) / (2 * 5.0**2))
    field /= field.sum()
    for share, level in zip((0.25, 0.9), analysis.contour_levels(field, (0.25, 0.9)), strict=True):
        inside = field >= level
        assert field[inside].sum() >= share
        assert field[field > level].sum() < share
        # A Gaussian's share lies within r^2 = -2 sigma^2 ln(1 - share); up to 12 pixels of the
        # grid are equally far away, and come in or stay out together.
        area = -2 * np.pi * 25 * np.log(1 - share)
        assert inside.sum() == pytest.approx(area, abs=12)
    assert analysis.side_of_share(field, 0.25) < analysis.side_of_share(field, 0.9) < 61
    assert analysis.side_of_share(field, 1.0) == 61


def test_costs():
    model = network()
    one, two = analysis.layer_costs(model, repeats=2)
    assert (one.units, two.units) == (3, 2)
    reach = int(np.ceil(np.abs(model.layers[0].displacement).max()))
    assert one.side == 2 * (reach + 2) + 1
    assert one.gamma == one.side**2 / 12
    assert one.milliseconds > 0


class Page(html.parser.HTMLParser):
    """The tags of a page, and addresses that a browser would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = [v for k, v in attrs if k in ("src", "href") and v and not v.startswith("data:")]
        self.fetched += found


def test_page_holds_everything_itself(tmp_path, capsys):
    model = network(
        sigma_mode="per_unit", sigma_initializer=keras.initializers.RandomUniform(0.3, 0.8)
    )
    model.name = "<net> & co"
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", np.random.default_rng(0).random((2, 16, 20, 3)))
    code = main(
        [
            *(str(tmp_path / "model.keras"), "--out", str(tmp_path / "out"), "--repeats", "0"),
            *("--before", str(tmp_path / "model.keras"), "--images", str(tmp_path / "images.npy")),
        ]
    )
    assert code == 0
    text = (tmp_path / "out" / "index.html").read_text()
    page = Page(text)
    assert page.fetched == []
    assert "script" not in page.tags
    # Two layers twice, one sigma, one receptive field.
    assert page.tags.count("img") == 6
    assert "&lt;net&gt; &amp; co" in text
    assert str(tmp_path / "out" / "index.html") in capsys.readouterr().out


def test_page_of_a_network_without_units(tmp_path):
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 3)])
    model.save(tmp_path / "model.keras")
    assert main([str(tmp_path / "model.keras"), "--out", str(tmp_path), "--size", "16"]) == 0
    assert Page((tmp_path / "index.html").read_text()).tags.count("img") == 1


def test_command_line_says_what_is_wrong(tmp_path, capsys):
    assert main([str(tmp_path / "missing.keras"), "--out", str(tmp_path)]) == 2
    assert "missing.keras" in capsys.readouterr().err


def test_layers_of_ones_own_are_imported(tmp_path, monkeypatch, capsys):
    (tmp_path / "own.py").write_text(
        "import keras\n\n"
        "@keras.saving.register_keras_serializable('mine')\n"
        "class Twice(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return 2 * x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    layers = [importlib.import_module("own").Twice(), dau_tf.DAUConv2D(2, name="dau")]
    file, out = tmp_path / "model.keras", tmp_path / "out"
    keras.Sequential([keras.Input((16, 16, 3)), *layers]).save(file)
    # As in the process that analyses.
    del sys.modules["own"]
    keras.saving.get_custom_objects().pop("mine>Twice")
    command = [str(file), "--out", str(out), "--repeats", "0"]
    assert main(command) == 2
    assert capsys.readouterr().err == (
        f"error: {file} has a layer of class Twice, which is not registered; where you trust it, "
        "--import own\n"
    )
    assert main([*command, "--import", "own"]) == 0
    assert (out / "index.html").exists()


@pytest.mark.parametrize("ending", ["png", "gif"])
def test_live_view_has_a_frame_an_epoch(ending, tmp_path):
    model = network()
    model.compile(keras.optimizers.SGD(1.0), "mse")
    file = tmp_path / "run" / f"units.{ending}"
    x, y = np.random.default_rng(0).random((4, 16, 20, 3)), np.zeros((4, 16, 20, 4))
    model.fit(x, y, epochs=5, verbose=0, callbacks=[analysis.LiveView(file, ["two"], 4)])
    with Image.open(file) as picture:
        assert picture.n_frames == 4  # of six, every second dropped and the last kept
        assert picture.width > picture.height * 0.7
        picture.seek(0)
        first = np.asarray(picture.convert("RGB"), int)
        picture.seek(3)
        assert np.abs(np.asarray(picture.convert("RGB"), int) - first).max() > 50


def test_summaries_can_be_read_back(tmp_path):
    model = network()
    callback = analysis.UnitSummaries(tmp_path, every=2)
    callback.set_model(model)
    for epoch in range(4):
        callback.on_epoch_end(epoch)
    (file,) = tmp_path.iterdir()
    values: dict[str, list] = {}
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            values.setdefault(value.tag, []).append((event.step, tf.make_ndarray(value.tensor)))
    assert [step for step, _ in values["one/distance"]] == [1, 3]
    units = analysis.layer_units(model)[0]
    size = np.abs(units.weight)
    mean = (size * np.hypot(*units.displacement)).sum() / size.sum()
    assert float(values["one/distance"][0][1]) == pytest.approx(mean, rel=1e-5)
    assert values["two/displacement"][0][1][2].startswith(b"\x89PNG")


def test_refuses():
    units = analysis.layer_units(network())[0]
    with pytest.raises(ValueError, match="`share`"):
        units.strongest(1.1)
    with pytest.raises(ValueError, match="`bin_width`"):
        analysis.displacement_density(units, bin_width=0)
    with pytest.raises(ValueError, match="`layer` must be one of"):
        analysis.receptive_field(network(), "three")
    with pytest.raises(ValueError, match="must be built"):
        analysis.layer_units(dau_tf.DAUConv2D(2))


def test_every_figure_is_a_picture():
    units = analysis.layer_units(network())
    field = analysis.receptive_field(network(), channels=1)
    drawn = [
        figures.density_figure(units[0]),
        figures.map_figure(units[0]),
        figures.sigma_figure(units[0], units[0]),
        figures.receptive_field_figure({"a": field, "flat": np.full((4, 4), 1 / 16)}),
        figures.movement_figure(units, units, "start"),
    ]
    for figure in drawn:
        assert figures.png(figure).startswith(b"\x89PNG")
