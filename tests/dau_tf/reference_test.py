"""docs/reference.md is what the docstrings say, and has every public name."""

import importlib.util
from pathlib import Path

import dau_tf

TOOL = Path(__file__).resolve().parents[2] / "tools" / "reference.py"


def tool():
    spec = importlib.util.spec_from_file_location("reference", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_is_up_to_date():
    written = tool().FILE.read_text(encoding="utf-8")
    assert written == tool().reference(), "run .venv/bin/python tools/reference.py"


def test_signatures():
    text = tool().reference()
    assert (
        "    units=2,\n    *,\n    fit_weights=False,\n    print_fn=print,\n    **options,\n"
        in text
    )
    assert '    padding="same",\n    data_format=None,\n' in text


def test_has_every_public_name():
    text = tool().reference()
    for module in ("initializers", "regularizers", "constraints", "optimizers", "replacement"):
        for name in getattr(dau_tf, module).__all__:
            assert f".{name}`\n" in text
    for name in ("DAUConv2D", "dau_conv2d", "op_library_path", "scale_displacements"):
        assert f"### `dau_tf.{name}`" in text
