"""Links between the Markdown files lead somewhere, on a code host as on the site."""

import itertools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
LISTED = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True)
FILES = LISTED.stdout.split() or [
    str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("[det]*/**/*.md")]
]


def tokens(text: str) -> Iterator[Token]:
    for block in MarkdownIt("commonmark").enable("table").parse(text):
        yield block
        yield from block.children or []


def links(text: str) -> list[str]:
    found = [token.attrs.get("href") or token.attrs.get("src") for token in tokens(text)]
    return [str(link) for link in found if link and not re.match(r"[a-z]+:", str(link))]


def anchors(text: str) -> set[str]:
    """Of the headings, as code hosts make them."""
    blocks, found = list(tokens(text)), []
    for heading, content in itertools.pairwise(blocks):
        if heading.type == "heading_open":
            words = "".join(part.content for part in content.children or [])
            slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return set(found)


def broken(file: Path) -> list[str]:
    """The links of a file that lead nowhere."""
    return [link for link in links(file.read_text(encoding="utf-8")) if not leads(file, link)]


def leads(file: Path, link: str) -> bool:
    path, _, anchor = unquote(link).partition("#")
    target = (file.parent / path).resolve() if path else file
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or anchor in anchors(target.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FILES)
def test_links_lead_somewhere(name):
    assert broken(ROOT / name) == []


def test_there_are_links_to_follow():
    assert len(FILES) > 10
    assert sum(len(links((ROOT / name).read_text(encoding="utf-8"))) for name in FILES) > 20


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (
            "[a](other.md#a--b) [b](other.md) [c](#here) ![d](x.png) [e](https://e.org/f)\n# Here",
            [],
        ),
        ("[a](other.md#a-b)", ["other.md#a-b"]),
        ("[a](#here)", ["#here"]),
        ("[a](#the-rate-of-μ)\n# The rate of μ", []),
        ("![a](y.png)", ["y.png"]),
        ("| t |\n|---|\n| [a](gone.md) |", ["gone.md"]),
        ("```\n[a](gone.md)\n```\n`[a](gone.md)`", []),
    ],
)
def test_finds_what_is_broken(tmp_path, monkeypatch, text, wrong):
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "other.md").write_text("# `A` & b")
    (tmp_path / "x.png").touch()
    (tmp_path / "file.md").write_text(text)
    assert broken(tmp_path / "file.md") == wrong
