"""Writes docs/reference.md from the docstrings of the public names: python tools/reference.py."""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent.parent / "docs" / "reference.md"
MODULES = ["", "initializers", "regularizers", "constraints", "optimizers", "replacement"]
MODULES += ["pruning", "export", "analysis", "analysis.figures", "ops.dense"]
HEAD = """# Reference

Every public name, made from the docstrings by `python tools/reference.py`; a test holds it to them.
"""


def main() -> None:
    """Writes the file."""
    FILE.write_text(reference(), encoding="utf-8")


def reference() -> str:
    """Returns the whole document."""
    sections, seen = [HEAD], set()
    for name in MODULES:
        path = ".".join(filter(None, ["dau_tf", name]))
        module = importlib.import_module(path)
        sections.append(f"## `{path}`\n\n{_first_line(module)}\n")
        for thing_name, thing in _public(module):
            if id(thing) not in seen:
                seen.add(id(thing))
                sections.append(_entry(f"{path}.{thing_name}", thing))
    return "\n".join(sections)


def _public(module: Any) -> Iterator[tuple[str, Any]]:
    names = getattr(module, "__all__", None)
    if names is None:
        own = inspect.getmembers(module, inspect.isfunction)
        names = [n for n, f in own if f.__module__ == module.__name__ and not n.startswith("_")]
    for name in sorted(names):
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            yield name, thing


def _entry(path: str, thing: Any) -> str:
    text = [f"### `{path}`", "", "```python", _signature(path.rsplit(".", 1)[1], thing), "```"]
    text += ["", "```text", inspect.getdoc(thing) or "", "```", ""]
    if inspect.isclass(thing):
        text += [f"* `.{n}`: {_first_line(m)}" for n, m in _methods(thing)]
        text += [""]
    return "\n".join(text)


def _signature(name: str, thing: Any) -> str:
    """The arguments, one a line, as `ruff format` leaves them."""
    lines, keyword_only = [], inspect.Parameter.KEYWORD_ONLY
    for parameter in inspect.signature(thing).parameters.values():
        default, text = parameter.default, str(parameter).split(":")[0].split("=")[0].strip()
        if parameter.kind == keyword_only and "*" not in lines:
            lines.append("*")
        if default is not inspect.Parameter.empty:
            shown = f'"{default}"' if isinstance(default, str) else str(default)
            text += "=" + getattr(default, "__name__", shown)
        lines.append(text)
    arguments = "".join(f"    {line},\n" for line in lines)
    if inspect.isclass(thing):
        return f"{name}(\n{arguments})" if lines else f"{name}()"
    return f"def {name}(\n{arguments}): ..." if lines else f"def {name}(): ..."


def _methods(cls: type) -> Iterator[tuple[str, Any]]:
    for name, member in sorted(vars(cls).items()):
        member = getattr(member, "__func__", member)
        if not name.startswith("_") and (
            inspect.isfunction(member) or isinstance(member, property)
        ):
            yield name, member


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]


if __name__ == "__main__":
    main()
