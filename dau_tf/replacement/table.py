"""The table of what was replaced, and of what it saved."""

from typing import Any, NamedTuple


class Row(NamedTuple):
    """A replaced layer."""

    path: str
    kernel: str
    before: int
    after: int


def table(rows: list[Row], total_before: int, total_after: int, kept: int) -> str:
    """Returns the table as text: a line a layer, their sum, and the whole model."""
    lines = [
        *rows,
        Row("replaced layers", "", sum(r.before for r in rows), sum(r.after for r in rows)),
        Row("whole model", "", total_before, total_after),
    ]
    width = max(len("layer"), *(len(line.path) for line in lines))
    text = [f"{'layer':{width}}  {'kernel':>8} {'parameters':>13}  {'with DAU':>13}  {'saved':>7}"]
    for number, line in enumerate(lines):
        if number == len(rows):
            text.append("-" * len(text[0]))
        text.append(
            f"{line.path:{width}}  {line.kernel:>8} {line.before:>13,}  {line.after:>13,}  "
            f"{1 - line.after / max(line.before, 1):>7.1%}"
        )
    text.append(f"{len(rows)} convolutions replaced, {kept} with larger kernels than 1 x 1 kept")
    return "\n".join(text)


def parameters(layer: Any) -> int:
    """Weights without sigma, which is one number a layer and does not learn."""
    return sum(int(v.value.shape.num_elements()) for v in layer.weights if v.name != "sigma")
