"""Every command on tiny shapes: tables, JSON, plots, and errors that name the argument."""

import functools
import json
import sys

import keras
import pytest
import tensorflow as tf

import dau_tf
from benchmarks import machine, network, networks, planner, scaling
from benchmarks.dcls_operation import NOT_INSTALLED, available
from benchmarks.networks import VARIANTS
from benchmarks.operations import conv, dau
from benchmarks.shapes import Shape, reach
from benchmarks.targets import BACKWARD, FORWARD, LAYER, layer_target, verdict
from benchmarks.timing import Samples

TINY = ["--shape", "1x5x6x2x3", "--units", 1, "--max-displacement", 1, "--rounds", 2]
MAX_PLOT_BYTES = 100_000


def _report(folder, name):
    plot = folder / f"{name}.png"
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert plot.stat().st_size < MAX_PLOT_BYTES
    report = json.loads((folder / f"{name}.json").read_text())
    assert report["benchmark"] == name
    assert report["command"].startswith(f"python -m benchmarks.{name} ")
    assert {"cpu", "cores", "versions", "threads"} <= set(report["machine"])
    return report


def test_learned_sigma(run_program, tmp_path):
    code, text = run_program(
        "learned_sigma", "--shape", "1x5x6x2x3", "--rounds", 2, "--batch", 1, "--out", tmp_path
    )
    assert code == 0, text
    report = json.loads((tmp_path / "learned_sigma.json").read_text())
    assert [result["label"] for result in report["results"]] == [
        "1x5x6 2->3 forward",
        "1x5x6 2->3 backward",
        "network, 1 images",
    ]
    layers, network = report["results"][1]["candidates"], report["results"][2]["candidates"]
    assert set(layers["per_unit"]["times"]) == {"fixed", "fixed_wide"}
    assert layers["fixed"]["times"]["fixed"]["median"] == 1
    assert network["dense"]["times"]["compiled"]["rounds"] == 2


def test_pruned(run_program, tmp_path):
    code, text = run_program(
        "pruned", "--shape", "1x5x6x2x3", "--units", 4, "--removed", 0.5, "--rounds", 2,
        "--out", tmp_path,
    )  # fmt: skip
    assert code == 0, text
    (result,) = json.loads((tmp_path / "pruned.json").read_text())["results"]
    assert [(row["removed"], row["units"]) for row in result["rows"]] == [(0.0, 24), (0.5, 12)]
    assert result["rows"][0]["times_as_fast"]["median"] == 1


def test_pruned_keeps_some(run_program):
    code, text = run_program("pruned", "--removed", 1)
    assert code == 2
    assert "--removed: expected shares below 1, received 1" in text


@pytest.fixture
def without_dcls(monkeypatch):
    """As where neither is installed."""
    for name in ("torch", "DCLS", "DCLS.construct", "DCLS.construct.modules"):
        monkeypatch.setitem(sys.modules, name, None)


def test_layer_without_dcls(run_program, tmp_path, without_dcls):
    code, text = run_program("layer", *TINY, "--out", tmp_path)
    assert code == 0, text
    assert f"against dcls: {NOT_INSTALLED}" in text
    report = _report(tmp_path, "layer")
    assert report["missing"] == {"dcls": NOT_INSTALLED}
    assert [case["pass"] for case in report["cases"]] == [FORWARD, BACKWARD]
    for case in report["cases"]:
        for candidate in case["candidates"].values():
            assert len(candidate["seconds"]) == len(candidate["cpu_seconds"]) == 2
            assert candidate["median_seconds"] > 0
        for comparison in case["comparisons"]:
            assert comparison["ours"] in case["candidates"]
            assert comparison["against"] in case["candidates"]
            assert set(comparison["ratio"]) == {"median", "p10", "p90", "rounds"}
    names = {c["ours"] for c in report["cases"][1]["comparisons"]}
    assert names == {"dau K=1 |mu|<=1 exact", "dau K=1 |mu|<=1 gaussian"}
    rivals = {c["against"] for c in report["cases"][0]["comparisons"]}
    assert rivals == {"conv3x3", "conv5x5", "dense3x3"}


@pytest.mark.skipif(not available(), reason=f"dcls is {NOT_INSTALLED}")
def test_layer_against_dcls(run_program, tmp_path):
    code, text = run_program("layer", *TINY, "--against", "dcls", "--out", tmp_path)
    assert code == 0, text
    for case in _report(tmp_path, "layer")["cases"]:
        assert {c["against"] for c in case["comparisons"]} == {"dcls3x3 K=1"}


def test_scaling(run_program, tmp_path):
    options = ["--base", "1x4x4x2x2", "--largest", 2e4, "--rounds", 1, "--out", tmp_path]
    code, text = run_program("scaling", "--study", "displacement", "pixels", *options)
    assert code == 0, text
    displacement, pixels = _report(tmp_path, "scaling")["studies"]
    assert [p["value"] for p in displacement["points"][::2]] == [0.5, 1, 2, 4, 8, 16, 32]
    assert set(displacement["points"][0]["candidates"]) == {"dau", "conv3x3", "dense"}
    # 9 * 2 * 2 * H * W <= 2e4
    assert [p["value"] for p in pixels["points"][::2]] == [64, 256]


def test_every_study_changes_its_quantity():
    base = Shape.parse("2x64x32x16x8")
    assert scaling.STUDIES["units"].point(base, 3) == scaling.Point(base, 3)
    assert scaling.STUDIES["displacement"].point(base, 0.5) == scaling.Point(base, 2, 0.5)
    assert scaling.STUDIES["pixels"].point(base, 256).shape.text == "1x16x16x16x8"
    assert scaling.STUDIES["channels"].point(base, 4).shape.text == "2x64x32x4x4"


def test_planner(run_program, tmp_path):
    options = ["--shapes", 2, "--largest", 1e5, "--rounds", 1, "--out", tmp_path]
    code, text = run_program("planner", *options)
    assert code == 0, text
    report = _report(tmp_path, "planner")
    assert len(report["shapes"]) == 4
    for shape in report["shapes"]:
        assert shape["multiply_adds"] <= 1e5
        assert "chosen" in shape["median_seconds"]


def test_planner_draws_within_its_bounds():
    draws, excluded = planner.sample(300, 1e9, seed=3)
    assert excluded > 0
    assert draws == planner.sample(300, 1e9, seed=3)[0]
    assert draws != planner.sample(300, 1e9, seed=4)[0]
    for d in draws:
        assert 1 <= d.shape.images * d.shape.height * d.shape.width <= 1.5e6
        assert 1 <= d.shape.channels <= 512
        assert 1 <= d.shape.filters <= 512
        assert 1 <= d.units <= 8
        assert 0.5 <= d.max_displacement <= 32
        assert d.multiply_adds <= 1e9


def test_chosen_over_best_is_against_the_faster_engine():
    def samples(*seconds):
        return Samples(list(seconds), list(seconds))

    timed = {"chosen": samples(2, 2, 2), "direct": samples(2, 2, 2), "spectral": samples(1, 1, 1)}
    assert planner.chosen_over_best(timed) == 2.0
    assert planner.chosen_over_best({"chosen": samples(1)}) is None


def test_engine_sets_the_variable_and_puts_it_back(monkeypatch):
    monkeypatch.setenv("DAU_ENGINE", "reference")
    with planner.engine("direct"):
        assert planner.os.environ["DAU_ENGINE"] == "direct"
    with planner.engine(planner.CHOSEN):
        assert "DAU_ENGINE" not in planner.os.environ
    assert planner.os.environ["DAU_ENGINE"] == "reference"


def _small_network(conv, width):
    """In place of the real one, which takes 10 s to trace: one layer, three outputs."""
    image = keras.Input((None, None, 3))
    layer = dau_tf.DAUConv2D(3, 1) if conv == "dau" else keras.layers.Conv2D(3, 3, padding="same")
    outputs = {"full": layer(image)}
    for name, scale in (("half", 2), ("quarter", 4)):
        outputs[name] = keras.layers.AveragePooling2D(scale)(outputs["full"])
    return keras.Model(image, outputs)


def _small_segmentation(conv, context, decoder, depth, classes, width, filters):
    """Looks like the real one, which takes a minute to trace."""
    assert (context, decoder, filters) == ("dau" if conv == "dau" else "aspp", conv, 4 * width)
    image = keras.Input((None, None, 3))
    layer = (
        dau_tf.DAUConv2D
        if conv == "dau"
        else functools.partial(keras.layers.Conv2D, padding="same")
    )
    return keras.Model(image, layer(classes, 3)(image))


def test_network(run_program, tmp_path, monkeypatch):
    # The processes that measure memory would take 15 s each.
    peaks = iter(
        2 * ['{"before_bytes": 1, "peak_bytes": 2}', '{"before_bytes": 1, "peak_bytes": 3}']
    )

    def run(command, **options):
        assert command[2] == "benchmarks.network_memory"
        return network.subprocess.CompletedProcess(command, 0, next(peaks) + "\n", "")

    monkeypatch.setattr(network.subprocess, "run", run)
    monkeypatch.setattr(networks, "srn_deblur", _small_network)
    monkeypatch.setattr(networks, "deeplab_v3plus", _small_segmentation)
    options = ["--width", 1, "--crop", 16, "--frame", "20x16", "--rounds", 1, "--out", tmp_path]
    code, text = run_program("network", "--network", "srn", "deeplab50", *options)
    assert code == 0, text
    results = _report(tmp_path, "network")["results"]
    assert [r["kind"] for r in results] == 2 * ["step", "inference", "memory"]
    assert results[4]["name"] == "deeplab50 inference 20x16"
    assert results[2]["ratio"]["median"] == 1.5
    assert all(r["target"] is None for r in results)


def test_the_real_networks_are_built():
    dau, standard = (networks.build("srn", variant, 1, seed=0) for variant in VARIANTS)
    assert dau.output.keys() == standard.output.keys() == {"quarter", "half", "full"}
    assert dau.count_params() < standard.count_params()
    assert set(dau.optimizer.learning_rates) == {"displacement$", "default"}
    dau, standard = (networks.build("deeplab50", variant, 1, seed=0) for variant in VARIANTS)
    assert dau.count_params() < standard.count_params()


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("layer", ["--shape", "8x32x32"], "--shape: expected NxHxWxSxF, or one of A, B, C1, C2"),
        ("layer", ["--shape", "0x1x1x1x1"], "received '0x1x1x1x1'"),
        ("layer", ["--units", "0"], "--units: expected an integer >= 1, received '0'"),
        ("layer", ["--max-displacement", "-1"], "--max-displacement: expected"),
        ("layer", ["--max-displacement", "inf"], "--max-displacement: expected"),
        ("layer", ["--against", "torch"], "--against: invalid choice: 'torch'"),
        ("layer", ["--threads", "two"], "--threads: expected an integer >= 1, received 'two'"),
        ("scaling", ["--study", "sigma"], "--study: invalid choice: 'sigma'"),
        ("planner", ["--largest", "10"], "--largest: expected at least 1e4, received 10"),
        ("planner", ["--shapes", "1.5"], "--shapes: expected an integer >= 1, received '1.5'"),
        ("network", ["--frame", "720p"], "--frame: expected WxH in pixels, received '720p'"),
        ("network", ["--budget", "nan"], "--budget: expected a number > 0, received 'nan'"),
    ],
)
def test_errors_name_the_argument(run_program, name, arguments, expected):
    code, text = run_program(name, *arguments)
    assert code == 2
    assert expected in text


def test_out_must_be_a_folder(run_program, tmp_path):
    (tmp_path / "file").write_text("")
    code, text = run_program("layer", *TINY, "--out", tmp_path / "file")
    assert code == 2
    assert text.startswith("error: --out: ")


def test_targets_are_those_of_the_shapes():
    assert layer_target("conv3x3", 2, 4.0, FORWARD, "A") == 1.5
    assert layer_target("conv3x3", 6, 4.0, FORWARD, "C1") is None
    assert layer_target("dense33x33", 2, 16.0, BACKWARD, "B") == 60
    # As many as the table has; its 9x9 has no C2 for forward + backward.
    assert sum(len(t) for (_, _, _, d), t in LAYER.items() if d == FORWARD) == 18
    assert sum(len(t) for (_, _, _, d), t in LAYER.items() if d == BACKWARD) == 17
    assert verdict(1.5, 1.5) == "reached"
    assert verdict(1.49, 1.5) == "missed"
    assert verdict(1.49, None) == verdict(None, 1.5) == ""


@pytest.mark.parametrize(("limit", "side"), [(4, 9), (16, 33), (3.5, 9), (0, 1)])
def test_reach(limit, side):
    assert reach(limit) == side


@pytest.mark.parametrize("backward", [False, True])
def test_the_graph_computes_all_that_is_timed(backward):
    """Each op that a pass is about runs: none was folded into a constant or pruned."""
    shape = Shape(1, 4, 5, 2, 3)
    for call, ops in (
        (dau(shape, 2, 1.0, "exact" if backward else None, 0), {"Dau>Conv2D"}),
        (conv(shape, 3, backward, 0), {"Conv2D"}),
    ):
        kinds = {op.type for op in call.__closure__[0].cell_contents.graph.get_operations()}
        assert ops <= kinds
        assert any("Backprop" in kind for kind in kinds) == backward
        assert isinstance(float(call()), float)


def test_peak_without_the_compiled_loop(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "_FMA_PEAK", tmp_path / "missing")
    peak = machine.fma_peak(1, milliseconds=1)
    assert peak["gfma_per_second"] > 0
    assert "matrix product" in peak["method"]


def test_peak_with_the_compiled_loop(monkeypatch, tmp_path):
    program = tmp_path / "fma_peak"
    program.write_text('#!/bin/sh\necho "{\\"target\\": \\"$1-$2\\", \\"gfma_per_second\\": 5}"\n')
    program.chmod(0o755)
    monkeypatch.setattr(machine, "_FMA_PEAK", program)
    peak = machine.fma_peak(3, milliseconds=7)
    assert peak == {"gfma_per_second": 5, "method": "cc/bench/fma_peak, 3-7"}


def test_machine_says_what_it_is():
    assert machine.describe(2)["versions"]["numpy"]
    assert machine.describe(2)["threads"] == 2
    assert tf.__version__ in machine.describe(2)["versions"].values()


def test_export_routes(run_program, tmp_path):
    code, text = run_program(
        "export_routes", "--width", 1, "--size", 32, "--rounds", 2, "--out", tmp_path
    )
    assert code == 0, text
    report = json.loads((tmp_path / "export_routes.json").read_text())
    dau_route, standard = report["results"][:2]
    assert dau_route["largest_difference"] == 0
    assert 0 < standard["largest_difference"] <= 1e-5
    assert min(standard["bytes"], dau_route["bytes"]) > 1000
    for name, why in report["missing"].items():
        assert f"{name}: {why}" in text
        assert why.startswith("not installed: ")
