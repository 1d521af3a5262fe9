"""Two kills of the 50 that docs/reliability.md reports, the same program."""

from tests.reliability.kill_resume import check


def test_killed_and_continued_is_the_same_as_uninterrupted(tmp_path):
    left, wrong = check(tmp_path, kills=2, seed=1)
    assert not wrong
    assert len(left) == 2
