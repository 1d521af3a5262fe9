"""The examples in the documents run."""

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("name", ["export.md", "training.md"])
def test_examples_run(name):
    results = doctest.testfile(str(DOCS / name), module_relative=False)
    assert results.attempted > 5
    assert results.failed == 0
