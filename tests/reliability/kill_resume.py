"""Kills a training of the de-blurring example at random moments, again and again, and compares.

The same command is started and killed (SIGKILL, with its whole process group) `--kills` times and
then left alone; another copy of it is never interrupted. Every variable of both last checkpoints,
the optimizer's included, and both logs must be equal bit for bit. After each kill one of the two
checkpoints must be whole, and no step that one held before may be missing.

Six kills in ten are aimed at the writing of a checkpoint, which takes some 0.2 s; three fall
anywhere into the training, one into the start. Each line of the table says what the kill left.

  python -m tests.reliability.kill_resume --kills 50 --seed 0
"""

import argparse
import collections
import dataclasses
import io
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

import h5py
import numpy as np

from tests.dau_tf.subprocesses import REPOSITORY
from tests.examples.conftest import write_pairs

WHOLE = "model.keras"
PREVIOUS = "model-previous.keras"
_WRITING = ".tmp-model.keras"
_NEXT_LINK = ".tmp-model-previous.keras"
_ITERATIONS = "optimizer/vars/iteration"
# What a write takes, its renames included; moments are drawn from a little more.
_WRITE_SECONDS = 0.25
_LONGEST_START = 6.0
# Minutes where nothing else runs; on a machine with ten times too much to do, hours.
_TIMEOUT = 7200.0


@dataclasses.dataclass(frozen=True)
class Kill:
    """What one kill found and left.

    Args:
        aim: "writing", "training" or "start".
        writing: whether it fell into the writing of a checkpoint: a temporary file was left.
        steps: of the newest whole checkpoint.
    """

    aim: str
    writing: bool
    steps: int


def command(data: pathlib.Path, out: pathlib.Path, steps: int) -> list[str]:
    """A checkpoint after each step of a small DAU network; half of the examples augmented."""
    options = f"--config small --width 4 --crop 32 --batch 2 --steps {steps} --round 1"
    augmentation = "--motion 0.5 --colours 0.5 --negatives 0.5"
    words = ["--data", str(data), "--out", str(out), *options.split(), *augmentation.split()]
    return [sys.executable, "-m", "examples.deblurring.train", *words]


def start(words: list[str]) -> subprocess.Popen:
    """Starts it in a process group of its own."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TF_CPP_MIN_LOG_LEVEL": "2"}
    return subprocess.Popen(
        words, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finish(process: subprocess.Popen) -> None:
    """Waits for a run that nobody kills.

    Raises:
        RuntimeError: it failed.
    """
    try:
        error = process.communicate(timeout=_TIMEOUT)[1]
    finally:
        process.kill()
    if process.returncode:
        raise RuntimeError(f"the training failed:\n{error}")


def kill(words: list[str], out: pathlib.Path, draw: random.Random) -> Kill | None:
    """Starts the command and kills it; None where it came to its end before.

    Raises:
        RuntimeError: it failed by itself, or left no whole checkpoint where there was one.
    """
    before, aim = _steps(out), draw.choices(["writing", "training", "start"], [6, 3, 1])[0]
    left_by_last_kill = _unfinished(out)
    process = start(words)
    if aim == "start":
        time.sleep(draw.uniform(0, _LONGEST_START))
    else:
        _await_writings(process, out, draw.randint(1, 3))
        time.sleep(draw.uniform(0, _WRITE_SECONDS if aim == "writing" else 1.0))
    if process.poll() is not None:
        finish(process)
        return None
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    after = _steps(out)
    if after < before:
        raise RuntimeError(f"a checkpoint of step {before} was lost; {after} is left in {out}")
    return Kill(aim, not _unfinished(out) <= left_by_last_kill, after)


def _await_writings(process: subprocess.Popen, out: pathlib.Path, count: int) -> None:
    """Until the `count`-th checkpoint begins to be written."""
    left_by_last_kill = last = _changed(out / _WRITING)
    end = time.monotonic() + _TIMEOUT
    while process.poll() is None and time.monotonic() < end:
        now = _changed(out / _WRITING)
        begins = now is not None and last in (None, left_by_last_kill) and now != last
        if begins:
            count, left_by_last_kill = count - 1, None
        if count == 0:
            return
        last = now
        time.sleep(0.001)


def _changed(file: pathlib.Path) -> int | None:
    """When a file that is being written was changed last; None where there is none."""
    try:
        return file.stat().st_ctime_ns
    except FileNotFoundError:
        return None


def _unfinished(out: pathlib.Path) -> set[tuple[str, int | None]]:
    """What a kill left, and when it was changed last."""
    return {(name, _changed(out / name)) for name in (_WRITING, _NEXT_LINK)}


def _steps(out: pathlib.Path) -> int:
    """Of the newest whole checkpoint; 0 where there has been none."""
    files = [out / WHOLE, out / PREVIOUS]
    found = [read(file) for file in files if file.exists()]
    return max((int(variables[_ITERATIONS]) for variables in found), default=0)


def read(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Every variable of a .keras file; zipfile checks sums, so a torn file fails here."""
    variables: dict[str, np.ndarray] = {}

    def keep(name: str, thing: object) -> None:
        if isinstance(thing, h5py.Dataset):
            variables[name] = np.asarray(thing)

    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as file:
        file.visititems(keep)
    return variables


def differences(one: pathlib.Path, other: pathlib.Path) -> list[str]:
    """Names of what differs in two trainings' folders: variables, and the logs."""
    a, b = read(one / WHOLE), read(other / WHOLE)
    wrong = sorted(a.keys() ^ b.keys())
    wrong += [name for name in a.keys() & b.keys() if a[name].tobytes() != b[name].tobytes()]
    if (one / "log.csv").read_bytes() != (other / "log.csv").read_bytes():
        wrong.append("log.csv")
    return wrong


def check(folder: pathlib.Path, kills: int, seed: int) -> tuple[list[Kill], list[str]]:
    """Runs both trainings in `folder`.

    Returns:
        What the kills left; names of what differs at the end.

    Raises:
        RuntimeError: a run failed, or a kill lost a checkpoint.
    """
    write_pairs(folder / "data" / "train" / "a", height=64, width=64)
    steps = 3 * kills + 4
    words = command(folder / "data", folder / "killed", steps)
    uninterrupted = start(command(folder / "data", folder / "whole", steps))
    draw, left = random.Random(seed), []
    try:
        while len(left) < kills:
            one = kill(words, folder / "killed", draw)
            if one is None:
                break
            left.append(one)
            print(f"{len(left):4}  {one.aim:8}  {'writing' if one.writing else '-':8} {one.steps}")
        finish(start(words))
        finish(uninterrupted)
    finally:
        uninterrupted.kill()
        uninterrupted.wait()
    return left, differences(folder / "killed", folder / "whole")


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        left, wrong = check(pathlib.Path(folder), args.kills, args.seed)
    aims = dict(collections.Counter(one.aim for one in left))
    during = sum(one.writing for one in left)
    print(f"{len(left)} kills {aims}, {during} of them during the writing of a checkpoint")
    print(f"differs from the uninterrupted run: {', '.join(wrong) or 'nothing, bit for bit'}")
    return 1 if wrong or len(left) < args.kills else 0


if __name__ == "__main__":
    sys.exit(main())
