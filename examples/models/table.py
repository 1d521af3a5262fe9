"""The counts of every network of the paper: what its tables say, and what the builders have."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras

from examples.models import counts
from examples.models.alexnet import alexnet
from examples.models.deeplab_v3plus import deeplab_v3plus
from examples.models.fcn_alexnet import fcn_alexnet
from examples.models.resnet_v2 import resnet_v2
from examples.models.srn_deblur import srn_deblur


@dataclasses.dataclass(frozen=True)
class Row:
    """One count of one network.

    Args:
        table: number of the paper's table.
        network: for people.
        what: what is counted.
        paper: the paper's figure, rounded as it prints it; empty where it was not at hand.
        exact: the count that its description leads to; a test holds the builder to it.
        build: the builder and its arguments; rows with the same ones share a model.
        count: from the model to the number.
    """

    table: str
    network: str
    what: str
    paper: str
    exact: int
    build: tuple[Callable[..., keras.Model], tuple[Any, ...]]
    count: Callable[[keras.Model], int]


_ALEXNET_UNITS = {"dau-large": 1_523_712, "dau-medium": 786_432, "dau-small": 393_216}


def _alexnet_rows() -> list[Row]:
    standard = Row(
        "2",
        "AlexNet",
        "convolution weights",
        "3.7 M",
        3_745_824,
        (alexnet, ()),
        counts.convolution_weights,
    )
    return [
        standard,
        *(
            Row("2", _titled(conv), "DAU units", f"{n:,}", n, (alexnet, (conv,)), counts.dau_units)
            for conv, n in _ALEXNET_UNITS.items()
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
            Row("3, 4", name, "3x3 weights", size_text, size, plain, counts.weights_3x3),
            Row("3, 4", name, total, every_text, every, plain, counts.trainable_parameters),
            Row(
                "3, 4", f"DAU-{name}", "DAU parameters", dau_text, dau, units, counts.dau_parameters
            ),
            Row("3, 4", f"DAU-{name}", total, all_text, all_, units, counts.trainable_parameters),
        ]
    return rows


def _fcn_rows() -> list[Row]:
    def layers_1_to_5(model: keras.Model) -> int:
        return counts.weights_of(model, *(f"conv{number}" for number in range(1, 6)))

    what, build = "weights of layers 1 to 5", (fcn_alexnet, ())
    return [
        Row("5", "FCN-AlexNet", what, "", 3_745_824, build, layers_1_to_5),
        *(
            Row("5", f"FCN-{_titled(conv)}", "DAU units", "", n, (fcn_alexnet, (conv,)),
                counts.dau_units)
            for conv, n in _ALEXNET_UNITS.items()
        ),
    ]  # fmt: skip


def _deeplab_rows() -> list[Row]:
    """All parts, and without each; of ASPP and DAU-6U the paper gives parameters a filter."""

    def aspp(model: keras.Model) -> int:
        return counts.weights_of(model, *(f"context_aspp{number}" for number in (1, 2, 3)))

    def dau_6u(model: keras.Model) -> int:
        return counts.weights_of(model, "context_dau")

    rows = []
    for conv, network, context, part, a_filter, exact, count_context, totals in (
        ("standard", "DeepLabv3+", "aspp", "ASPP", "27/filter", 14_155_776, aspp,
         (59_336_115, 58_032_467, 58_745_779, 44_982_195)),
        ("dau", "DAU-DeepLabv3+", "dau", "DAU-6U", "18/filter", 9_437_184, dau_6u,
         (46_940_595, 46_067_027, 46_350_259, 37_437_363)),
    ):  # fmt: skip
        variants = {
            "all parameters": (conv, context, True, conv),
            "without decoder": (conv, context, True, None),
            "without image pooling": (conv, context, False, conv),
            f"without {part}": (conv, None, True, conv),
        }
        full = (deeplab_v3plus, variants["all parameters"])
        rows.append(
            Row("7", network, f"parameters of {part}", a_filter, exact, full, count_context)
        )
        rows += [
            Row("7", network, what, "", total, (deeplab_v3plus, arguments),
                counts.trainable_parameters)
            for (what, arguments), total in zip(variants.items(), totals, strict=True)
        ]  # fmt: skip
    return rows


def _srn_rows() -> list[Row]:
    plain, units = ((srn_deblur, (conv,)) for conv in ("standard", "dau"))
    weights, without_biases = "weights without biases", counts.weights_without_biases
    name = "SRN-DeblurNet"
    return [
        Row("8", name, weights, "6.878 M", 6_878_240, plain, without_biases),
        Row("8", f"DAU-{name}", weights, "1.781 M", 1_780_768, units, without_biases),
        Row("8", f"DAU-{name}", "units", "0.708 M", 707_616, units, counts.units),
    ]


def _titled(conv: str) -> str:
    return f"DAU-AlexNet {conv.removeprefix('dau-')}"


ROWS: Sequence[Row] = (
    *_alexnet_rows(), *_resnet_rows(), *_fcn_rows(), *_deeplab_rows(), *_srn_rows()
)  # fmt: skip
"""Every network of the paper's tables, with the paper's counts where they were at hand."""


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
    lines = [_line("table", "network", "what", "paper", "exact", "here")]
    for row, here in zip(rows, found, strict=True):
        numbers = (row.paper or "-", f"{row.exact:,}", f"{here:,}")
        mark = "" if here == row.exact else "  <- differs"
        lines.append(_line(row.table, row.network, row.what, *numbers) + mark)
    return "\n".join(lines)


def _line(table: str, network: str, what: str, *numbers: str) -> str:
    paper, exact, here = numbers
    return f"{table:5}  {network:22}  {what:24}  {paper:>9}  {exact:>12}  {here:>12}"
