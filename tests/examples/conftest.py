"""Small data sets and a small trained model, made once."""

import functools
import importlib
import pathlib

import numpy as np
import pytest
from PIL import Image

from examples import cli
from examples.deblurring.recipe import Recipe
from examples.deblurring.train import train

TINY = Recipe(
    width=2, input_skip=True, steps=6, batch=2, crop=16, rate=1e-3, displacement_rate=2e-3,
    motion=0.5, colours=0.5, negatives=0.5, min_contrast=0.01,
)  # fmt: skip


def write_pairs(folder: pathlib.Path, count: int = 3, height: int = 45, width: int = 50) -> None:
    """Pixels tell their place: blur = (row, column, 10 x number), sharp = blur + 1."""
    rows, columns = np.mgrid[:height, :width]
    for number in range(count):
        blur = np.stack([rows, columns, np.full_like(rows, 10 * number)], -1).astype(np.uint8)
        for kind, picture in (("blur", blur), ("sharp", blur + 1)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(folder / kind / f"{number:06d}.png")


@pytest.fixture
def dataset(tmp_path) -> pathlib.Path:
    """Three pairs in train/a, two in test/b."""
    write_pairs(tmp_path / "data" / "train" / "a")
    write_pairs(tmp_path / "data" / "test" / "b", count=2)
    return tmp_path / "data"


@pytest.fixture(scope="session")
def tiny() -> Recipe:
    """A recipe of six steps with everything switched on."""
    return TINY


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> dict[str, pathlib.Path]:
    """A tiny DAU training and its data."""
    folder = tmp_path_factory.mktemp("trained")
    write_pairs(folder / "data" / "train" / "a")
    write_pairs(folder / "data" / "test" / "b", count=2)
    train(folder / "data", folder / "run", TINY, steps_per_round=2)
    return {"data": folder / "data", "run": folder / "run", "model": folder / "run/model.keras"}


@pytest.fixture
def run_example(monkeypatch, capsys):
    """(study, name, *arguments) -> exit code and what was printed, as the command line would."""

    def run(study, name, *arguments):
        monkeypatch.setattr("sys.argv", [name, *map(str, arguments)])
        code = 0
        try:
            cli.run(importlib.import_module(f"examples.{study}.{name}").main)
        except SystemExit as stop:
            code = stop.code or 0
        return code, capsys.readouterr()

    return run


@pytest.fixture
def run_program(run_example):
    """`run_example` for de-blurring."""
    return functools.partial(run_example, "deblurring")
