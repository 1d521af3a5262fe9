"""Paired ratios on numbers worked out by hand."""

import doctest
import math

import pytest

from benchmarks import ratios, shapes
from benchmarks.ratios import Ratio, median_seconds, paired_ratio


@pytest.mark.parametrize("module", [ratios, shapes])
def test_examples_run(module):
    assert doctest.testmod(module).failed == 0


def test_pairs_cancel_what_slows_both():
    # The second half of the run is ten times slower; the ratio does not know it.
    assert paired_ratio([4.0, 4.0, 40.0, 40.0], [2.0, 2.0, 20.0, 20.0]) == Ratio(2.0, 2.0, 2.0, 4)


def test_median_and_spread():
    ratio = paired_ratio([float(i) for i in range(11)], [1.0] * 11)
    assert ratio == Ratio(median=5.0, p10=1.0, p90=9.0, rounds=11)


def test_rounds_without_a_pair_do_not_count():
    assert paired_ratio([1.0, None, 3.0], [None, 2.0, 1.0]) == Ratio(3.0, 3.0, 3.0, 1)
    assert paired_ratio([1.0, None], [None, 2.0]) is None


def test_different_numbers_of_rounds_are_an_error():
    with pytest.raises(ValueError, match="shorter"):
        paired_ratio([1.0, 2.0], [1.0])


def test_median_of_what_was_timed():
    assert median_seconds([3.0, None, 1.0, 2.0]) == 2.0
    assert math.isnan(median_seconds([None]))
