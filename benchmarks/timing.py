"""Times candidates in interleaved rounds."""

import dataclasses
import math
import random
import time
from collections.abc import Callable, Sequence

from benchmarks import cli

# A shorter sample than this is repeated: the clock and the call from Python take some µs.
_MIN_SAMPLE_SECONDS = 2e-3
_MIN_ROUNDS = 3


@dataclasses.dataclass(frozen=True)
class Candidate:
    """Something to time.

    Args:
        name: unique among those timed together.
        call: does the work once and returns when its results are there.
    """

    name: str
    call: Callable[[], object]


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much to time.

    Args:
        rounds: of each candidate that fits into the budget.
        budget: seconds for one candidate; a slow one takes part in fewer rounds, at least 3.
        seed: of the order within the rounds.
    """

    rounds: int
    budget: float
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Samples:
    """Seconds of one call, by round; None in the rounds that left the candidate out."""

    seconds: list[float | None]
    cpu_seconds: list[float | None]


def time_interleaved(candidates: Sequence[Candidate], plan: Plan, label: str) -> dict[str, Samples]:
    """Times every candidate once a round, in an order drawn anew for each round.

    Args:
        candidates: what to time; a call that raises ends the run.
        plan: rounds, budget and seed.
        label: for the progress bar.

    Returns:
        Samples by name. The rounds of a slower candidate are among those of every faster one.
    """
    counts, repeats = {}, {}
    for candidate in cli.progress(candidates, len(candidates), "call", desc=f"{label}: warm-up"):
        seconds = _warm_up(candidate)
        counts[candidate.name] = rounds_within(seconds, plan)
        repeats[candidate.name] = max(1, math.ceil(_MIN_SAMPLE_SECONDS / max(seconds, 1e-7)))
    samples = {c.name: Samples([], []) for c in candidates}
    order = random.Random(plan.seed)
    ranks = spread_ranks(plan.rounds)
    for round_number in cli.progress(range(plan.rounds), plan.rounds, "round", desc=label):
        for candidate in order.sample(list(candidates), len(candidates)):
            timed: tuple[float | None, float | None] = (None, None)
            if ranks[round_number] < counts[candidate.name]:
                timed = _time(candidate, repeats[candidate.name])
            samples[candidate.name].seconds.append(timed[0])
            samples[candidate.name].cpu_seconds.append(timed[1])
    return samples


def rounds_within(seconds: float, plan: Plan) -> int:
    """Rounds for a candidate whose call takes `seconds`."""
    affordable = int(plan.budget / max(seconds, 1e-7))
    return min(plan.rounds, max(_MIN_ROUNDS, affordable))


def spread_ranks(rounds: int) -> list[int]:
    """A rank for each round such that the rounds of ranks 0..n-1 are spread over the run.

    By the digits of the round's number in base 2, mirrored (van der Corput's sequence).
    """

    def mirrored(number: int) -> int:
        return int(f"{number:032b}"[::-1], 2)

    by_rank = sorted(range(rounds), key=mirrored)
    return [by_rank.index(r) for r in range(rounds)]


def _warm_up(candidate: Candidate) -> float:
    """Traces, fills caches and pools; returns the seconds of the last call."""
    seconds = 0.0
    for _ in range(3):
        seconds, _ = _time(candidate, 1)
        # Tracing takes less than a second: this call was slow because its work is.
        if seconds > 2:
            break
    return seconds


def _time(candidate: Candidate, repeats: int) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    cpu = time.process_time()
    start = time.perf_counter()
    for _ in range(repeats):
        candidate.call()
    wall = time.perf_counter() - start
    return wall / repeats, (time.process_time() - cpu) / repeats
