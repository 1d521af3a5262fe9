"""Shapes of layers, and how the command line writes them."""

import dataclasses
import math
import re


@dataclasses.dataclass(frozen=True)
class Shape:
    """Images (N, H, W, S) and F filters, stride 1, zero padding.

    Example:
        >>> Shape.parse("8x32x32x192x192").label
        'A 8x32x32 192->192'
    """

    images: int
    height: int
    width: int
    channels: int
    filters: int

    @classmethod
    def parse(cls, text: str) -> "Shape":
        """Reads NxHxWxSxF, or one of the names A, B, C1 and C2.

        Raises:
            ValueError: neither.
        """
        text = NAMED_SHAPES.get(text, text)
        if not re.fullmatch(r"[1-9][0-9]*(x[1-9][0-9]*){4}", text):
            names = ", ".join(NAMED_SHAPES)
            raise ValueError(f"expected NxHxWxSxF, or one of {names}, received {text!r}")
        return cls(*map(int, text.split("x")))

    @property
    def text(self) -> str:
        """As `parse` reads it."""
        return "x".join(map(str, dataclasses.astuple(self)))

    @property
    def name(self) -> str:
        """Its name in the issue's table, else NxHxWxSxF."""
        return next((n for n, text in NAMED_SHAPES.items() if text == self.text), self.text)

    @property
    def label(self) -> str:
        """For people."""
        size = f"{self.images}x{self.height}x{self.width} {self.channels}->{self.filters}"
        return size if self.name == self.text else f"{self.name} {size}"

    def multiply_adds(self, taps: int) -> int:
        """Of one forward with `taps` taps for each channel and filter."""
        pixels = self.images * self.height * self.width
        return taps * self.channels * self.filters * pixels

    def image_shape(self, channels: int) -> list[int]:
        """(N, H, W, channels)."""
        return [self.images, self.height, self.width, channels]


NAMED_SHAPES = {
    "A": "8x32x32x192x192",
    "B": "1x64x64x256x256",
    "C1": "1x256x256x32x32",
    "C2": "1x128x128x64x64",
}


def reach(max_displacement: float) -> int:
    """Side in pixels of the dense kernel with the reach of |mu| <= max_displacement, unblurred."""
    return 2 * math.ceil(max_displacement) + 1
