"""All figures of a network on one HTML page, which holds them itself and can be read offline."""

import base64
import dataclasses
import pathlib
from typing import Any

import keras
import numpy as np

from dau_tf import files
from dau_tf.analysis import figures
from dau_tf.analysis.cost import layer_costs
from dau_tf.analysis.layer_units import LayerUnits, layer_units
from dau_tf.analysis.receptive_field import SHARES, contour_levels, receptive_field, side_of_share

_TEMPLATE = pathlib.Path(__file__).with_name("page.html")


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A figure with what stands above it."""

    title: str
    data: str


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page; the first row of a table is its head."""

    title: str
    note: str
    table: list[list[str]] = dataclasses.field(default_factory=list)
    figures: list[Drawing] = dataclasses.field(default_factory=list)


def write_page(
    model: keras.Model,
    folder: pathlib.Path,
    *,
    before: keras.Model | None = None,
    images: Any = None,
    repeats: int = 5,
    size: int | None = None,
) -> pathlib.Path:
    """Writes index.html into a folder.

    Args:
        model: A built model with DAU layers, or without: then the receptive field alone.
        folder: Made where it does not exist.
        before: The same network before it was trained, for sigma before and after.
        images: For `receptive_field`.
        repeats: For `layer_costs`.
        size: Height and width of images in pixels, where the model leaves them open.

    Returns:
        The file.

    Raises:
        ImportError: jinja2 or matplotlib is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise ImportError(
            "The page needs matplotlib, Pillow and jinja2: pip install dau-tf[analysis]"
        ) from error
    units = layer_units(model)
    sections = []
    if units:
        sections += [_costs(model, units, repeats, size or 64), *_displacements(units)]
        sections += _sigmas(units, layer_units(before) if before is not None else None)
    sections.append(_receptive_field(model, images, size))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "index.html"
    with files.in_one_step(file) as temporary:
        page = template.render(title=f"Units of {model.name}", sections=sections)
        temporary.write_text(page, encoding="utf-8")
    return file


def _costs(model: keras.Model, units: list[LayerUnits], repeats: int, size: int) -> Section:
    head = ["layer", "units", "a pair", "mean |μ|, px", "dense side, px", "γ", "ms, one image"]
    rows = []
    for cost, part in zip(layer_costs(model, repeats=repeats, size=size), units, strict=True):
        mass = np.abs(part.weight)
        mean = (mass * np.hypot(*part.displacement)).sum() / max(mass.sum(), 1e-300)
        time = "–" if cost.milliseconds is None else f"{cost.milliseconds:.2f}"
        rows.append(
            [
                cost.name,
                f"{part.weight.size:,}",
                f"{cost.units:.2f}",
                f"{mean:.2f}",
                str(cost.side),
                f"{cost.gamma:.1f}",
                time,
            ]
        )
    note = (
        "γ: multiply-adds of the dense kernel that would hold the same units, over four a unit. "
        "The time is of this machine, all threads, one image, forward. |μ| is weighted by |w|."
    )
    return Section("Layers", note, [head, *rows])


def _displacements(units: list[LayerUnits]) -> list[Section]:
    note = (
        "Weighted by |w|; of all units and of those with the largest |w| (the paper's Figure {})."
    )
    return [
        Section(
            title,
            note.format(number),
            figures=[_drawing(part.name, draw(part)) for part in units],
        )
        for title, number, draw in (
            ("Displacements along each axis", 6, figures.density_figure),
            ("Displacements in the plane", 7, figures.map_figure),
        )
    ]


def _sigmas(units: list[LayerUnits], before: list[LayerUnits] | None) -> list[Section]:
    learned = [i for i, part in enumerate(units) if np.ptp(part.sigma) > 0]
    if not learned:
        return []
    note = "The paper's Figure 4. Give --before to see what learning changed."
    drawings = [
        _drawing(units[i].name, figures.sigma_figure(units[i], before[i] if before else None))
        for i in learned
    ]
    return [Section("Perimeters σ of the units", note, figures=drawings)]


def _receptive_field(model: keras.Model, images: Any, size: int | None) -> Section:
    shape = None if size is None else (size, size)
    field = receptive_field(model, images=images, shape=shape)
    levels = contour_levels(field)
    head = ["share of the error", "pixels", "of the image", "centred square, px", "of the image"]
    rows = []
    for share, level in zip(SHARES, levels, strict=True):
        inside, side = int((field >= level).sum()), side_of_share(field, share)
        square = min(1.0, side**2 / field.size)
        rows.append(
            [
                f"{share:.1%}",
                f"{inside:,}",
                f"{inside / field.size:.1%}",
                str(side),
                f"{square:.1%}",
            ]
        )
    at = "Gaussian noise" if images is None else "the given images"
    note = (
        "An error of 1 in the centre of the last layer with images, propagated back to the input, "
        f"|error| averaged over channels, at {at} of {field.shape[0]} x {field.shape[1]} px. "
        "Contours of 25 to 99.9 % (the paper's Figure 8); brightness is the root of the error."
    )
    drawing = _drawing("", figures.receptive_field_figure({model.name: field}))
    return Section("Effective receptive field", note, [head, *rows], [drawing])


def _drawing(title: str, figure: figures.Figure) -> Drawing:
    return Drawing(title, base64.b64encode(figures.png(figure)).decode())
