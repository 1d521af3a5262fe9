"""The counts of every network of the paper: what its tables say, and what the builders have."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras

from examples.models import counts
from examples.models.alexnet import alexnet
from examples.models.resnet_v2 import resnet_v2
from examples.models.srn_deblur import srn_deblur


@dataclasses.dataclass(frozen=True)
class Row:
    """One count of one network.

    Args:
        network: for people.
        what: what is counted.
        paper: the paper's figure, rounded as it prints it.
        exact: the count that its description leads to; a test holds the builder to it.
        build: the builder and its arguments; rows with the same ones share a model.
        count: from the model to the number.
    """

    network: str
    what: str
    paper: str
    exact: int
    build: tuple[Callable[..., keras.Model], tuple[Any, ...]]
    count: Callable[[keras.Model], int]


def _alexnet_rows() -> list[Row]:
    standard = Row(
        "AlexNet",
        "convolution weights",
        "3.7 M",
        3_745_824,
        (alexnet, ()),
        counts.convolution_weights,
    )
    sizes = {
        "large": (1_523_712, "1,523,712"),
        "medium": (786_432, "786,432"),
        "small": (393_216, "393,216"),
    }
    return [
        standard,
        *(
            Row(
                f"DAU-AlexNet {size}",
                "DAU units",
                paper,
                exact,
                (alexnet, (f"dau-{size}",)),
                counts.dau_units,
            )
            for size, (exact, paper) in sizes.items()
        ),
    ]


def _resnet_rows() -> list[Row]:
    # depth: 3x3 weights and all parameters, then DAU parameters and all, each as the paper has it.
    figures = {
        50: (11_317_248, "11.3 M", 25_549_352, "25.5 M", 7_544_832, "7.5 M", 21_776_936, "21.7 M"),
        101: (
            *(21_344_256, "21.3 M", 44_541_480, "44.5 M"),
            *(14_229_504, "14.2 M", 37_426_728, "37.4 M"),
        ),
    }
    rows = []
    for depth, (
        size,
        size_text,
        every,
        every_text,
        dau,
        dau_text,
        all_,
        all_text,
    ) in figures.items():
        plain, units = ((resnet_v2, (depth, conv)) for conv in ("standard", "dau"))
        name, total = f"ResNet{depth} v2", "trainable parameters"
        rows += [
            Row(name, "3x3 weights", size_text, size, plain, counts.weights_3x3),
            Row(name, total, every_text, every, plain, counts.trainable_parameters),
            Row(f"DAU-{name}", "DAU parameters", dau_text, dau, units, counts.dau_parameters),
            Row(f"DAU-{name}", total, all_text, all_, units, counts.trainable_parameters),
        ]
    return rows


def _srn_rows() -> list[Row]:
    weights = "weights without biases"
    return [
        Row(
            "SRN-DeblurNet",
            weights,
            "6.878 M",
            6_878_240,
            (srn_deblur, ("standard",)),
            counts.weights_without_biases,
        ),
        Row(
            "DAU-SRN-DeblurNet",
            weights,
            "1.781 M",
            1_780_768,
            (srn_deblur, ("dau",)),
            counts.weights_without_biases,
        ),
        Row("DAU-SRN-DeblurNet", "units", "0.708 M", 707_616, (srn_deblur, ("dau",)), counts.units),
    ]


ROWS: Sequence[Row] = (*_alexnet_rows(), *_resnet_rows(), *_srn_rows())
"""Every count that the paper prints."""


def count(rows: Sequence[Row] = ROWS) -> list[int]:
    """Builds each network once and counts; networks are dropped as soon as they are counted."""
    found: dict[int, int] = {}
    for build in dict.fromkeys(row.build for row in rows):
        function, arguments = build
        model = function(*arguments)
        found |= {i: row.count(model) for i, row in enumerate(rows) if row.build == build}
        del model
        keras.backend.clear_session()
    return [found[i] for i in range(len(rows))]


def text(rows: Sequence[Row], found: Sequence[int]) -> str:
    """The table for people; a count that differs is marked."""
    lines = [f"{'network':22}  {'what':24}  {'paper':>9}  {'exact':>12}  {'here':>12}"]
    for row, here in zip(rows, found, strict=True):
        mark = "" if here == row.exact else "  <- differs"
        lines.append(
            f"{row.network:22}  {row.what:24}  {row.paper:>9}  {row.exact:12,}  {here:12,}{mark}"
        )
    return "\n".join(lines)
