"""The examples in the documents run."""

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
# reference.md repeats the docstrings, whose examples docstrings_test.py runs.
FLAGS = doctest.REPORT_ONLY_FIRST_FAILURE | doctest.ELLIPSIS
PAGES = [
    path.name
    for path in sorted(DOCS.glob("*.md"))
    if ">>> " in path.read_text(encoding="utf-8") and path.name != "reference.md"
]


@pytest.mark.parametrize("name", PAGES)
def test_examples_run(name):
    results = doctest.testfile(str(DOCS / name), module_relative=False, optionflags=FLAGS)
    assert results.failed == 0


def test_pages_have_examples():
    assert {"export.md", "training.md", "tutorial.md"} <= set(PAGES)
