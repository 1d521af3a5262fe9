"""Sphinx: the Markdown files of the repository as a site, by `make docs`.

The sources' root is the repository's, so that a link between two files is the same on the site and
on a code host.
"""

from typing import Any

project = "DAU for TensorFlow"
copyright = "the authors of DAU for TensorFlow, Apache-2.0"
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "examples/*/README.md"]
# Not walked into; Bazel's links lead to folders of a hundred thousand files.
exclude_patterns = [".*", "bazel-*", "build", "cc", "dau_tf", "data", "node_modules", "runs"]

# Headings get the anchors that code hosts give them.
myst_heading_anchors = 3

html_theme = "furo"
html_title = project
html_static_path = ["site/style"]
html_css_files = ["width.css"]
html_extra_path = ["site/root"]  # index.html, which leads to docs/index.html
html_copy_source = False


def _end_code_blocks(app: Any, name: str, source: list[str]) -> None:
    """Drops the empty line before a fence: doctest needs it, readers do not."""
    source[0] = source[0].replace("\n\n```\n", "\n```\n")


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _end_code_blocks)
