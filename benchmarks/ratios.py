"""Paired ratios: each round times both sides, so that what slows the machine slows both."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Median of the ratios of paired times, with its spread.

    Args:
        median, p10, p90: percentiles 50, 10 and 90.
        rounds: pairs it was made of.
    """

    median: float
    p10: float
    p90: float
    rounds: int


def paired_ratio(
    numerator: Sequence[float | None], denominator: Sequence[float | None]
) -> Ratio | None:
    """The ratio numerator / denominator of the rounds in which both were timed.

    Args:
        numerator, denominator: seconds by round; None where a round left the candidate out.

    Returns:
        None if no round timed both.

    Raises:
        ValueError: the numbers of rounds differ.

    Example:
        >>> paired_ratio([2.0, 6.0, None], [1.0, 2.0, 5.0])
        Ratio(median=2.5, p10=2.1, p90=2.9, rounds=2)
    """
    pairs = [
        a / b
        for a, b in zip(numerator, denominator, strict=True)
        if a is not None and b is not None
    ]
    if not pairs:
        return None
    p10, median, p90 = (round(float(p), 6) for p in np.percentile(pairs, [10, 50, 90]))
    return Ratio(median, p10, p90, len(pairs))


def median_seconds(seconds: Sequence[float | None]) -> float:
    """The median of the rounds that were timed; nan if none was."""
    timed = [s for s in seconds if s is not None]
    return float(np.median(timed)) if timed else float("nan")
