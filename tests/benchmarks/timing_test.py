"""Rounds: who takes part, how often, and in which."""

import pytest

from benchmarks.timing import Candidate, Plan, rounds_within, spread_ranks, time_interleaved


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.001, 15), (1.0, 10), (4.0, 3), (100.0, 3), (0.0, 15)]
)
def test_a_slow_candidate_takes_part_in_fewer_rounds(seconds, expected):
    assert rounds_within(seconds, Plan(rounds=15, budget=10.0)) == expected


def test_never_more_rounds_than_asked_for():
    assert rounds_within(100.0, Plan(rounds=2, budget=1.0)) == 2


@pytest.mark.parametrize("rounds", [1, 2, 7, 15, 16])
def test_ranks_are_a_permutation(rounds):
    assert sorted(spread_ranks(rounds)) == list(range(rounds))


def test_few_rounds_are_spread_over_the_run():
    ranks = spread_ranks(16)
    assert [i for i, rank in enumerate(ranks) if rank < 4] == [0, 4, 8, 12]


def test_every_candidate_in_every_round_in_changing_order():
    calls = []
    candidates = [Candidate(name, lambda name=name: calls.append(name)) for name in "abc"]
    samples = time_interleaved(candidates, Plan(rounds=8, budget=10.0), "test")
    assert set(samples) == set("abc")
    for sample in samples.values():
        assert len(sample.seconds) == len(sample.cpu_seconds) == 8
        assert all(s > 0 for s in sample.seconds)
    firsts = [name for i, name in enumerate(calls) if i == 0 or calls[i - 1] != name]
    assert len(set(map(tuple, zip(*[iter(firsts[-24:])] * 3, strict=True)))) > 1
