"""Sheets: pictures side by side, labelled, one row an example."""

import dataclasses
import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from examples import cli

_LABEL = 26
_GAP = 6


@dataclasses.dataclass(frozen=True)
class Row:
    """What is written above a row, and its three pictures with a label each.

    Args:
        title: text.
        cells: (label, [H, W, 3] uint8), of one size.
    """

    title: str
    cells: tuple[tuple[str, np.ndarray], ...]


def cut_most_detailed(images: list[np.ndarray], height: int, width: int) -> list[np.ndarray]:
    """Cuts all images at the place where the last one, the target, varies most.

    Args:
        images: [H, W, 3] uint8, of one size.
        height, width: of the cut, pixels; smaller images stay whole.
    """
    target = images[-1].astype(np.float32).mean(axis=-1)
    height, width = min(height, target.shape[0]), min(width, target.shape[1])
    places = [
        (float(target[y : y + height, x : x + width].std()), y, x)
        for y in range(0, target.shape[0] - height + 1, 16)
        for x in range(0, target.shape[1] - width + 1, 16)
    ]
    _, y, x = max(places)
    return [image[y : y + height, x : x + width] for image in images]


def save(rows: list[Row], path: pathlib.Path, zoom: int = 2) -> None:
    """Writes the rows as one PNG, every pixel enlarged without smoothing."""
    font = ImageFont.load_default(size=15)
    strips = [_strip(row, font, zoom) for row in rows]
    sheet = Image.new("RGB", (max(s.width for s in strips), sum(s.height for s in strips)), "white")
    y = 0
    for strip in strips:
        sheet.paste(strip, (0, y))
        y += strip.height
    with cli.in_one_step(path) as temporary:
        sheet.save(temporary, "PNG")


def _strip(row: Row, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, zoom: int) -> Image.Image:
    height, width = (n * zoom for n in row.cells[0][1].shape[:2])
    total = len(row.cells) * (width + _GAP) + _GAP
    strip = Image.new("RGB", (total, height + 2 * _LABEL + _GAP), "white")
    draw = ImageDraw.Draw(strip)
    draw.text((_GAP, 4), row.title, "black", font)
    for i, (label, pixels) in enumerate(row.cells):
        x = _GAP + i * (width + _GAP)
        draw.text((x, _LABEL + 4), label, "black", font)
        enlarged = Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST)
        strip.paste(enlarged, (x, 2 * _LABEL))
    return strip
