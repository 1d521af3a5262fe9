"""Turns a video into the GOPRO layout by averaging consecutive frames.

A blurred picture is the plain mean of the pixel values (no gamma is undone) of an odd number of
consecutive frames; the centre frame is its sharp target. No window crosses a cut or the border of
a selection, and train and test are split by shot or frame range, since windows overlap.

  python -m examples.deblurring.make_dataset --video film.mp4 --out data
      finds the shots; the last one is the test, the others train
  python -m examples.deblurring.make_dataset --video film.mp4 --out data --cuts 116 \\
      --select train/shot1=0:77 --select test/later=82:116 --select test/shot2=116:190
"""

import argparse
import collections
import dataclasses
import hashlib
import itertools
import pathlib
import re

import numpy as np
from PIL import Image

from examples import cli
from examples.deblurring import video


@dataclasses.dataclass(frozen=True)
class Selection:
    """Frames first .. last - 1 go to the folder <split>/<sequence>."""

    split: str
    sequence: str
    first: int
    last: int

    @property
    def argument(self) -> str:
        """As written on the command line."""
        return f"{self.split}/{self.sequence}={self.first}:{self.last}"


Jobs = dict[Selection, dict[int, list[int]]]
"""Selection -> last frame of a window -> window lengths."""


def make_dataset(
    source: pathlib.Path,
    out: pathlib.Path,
    selections: list[Selection] | None = None,
    windows: tuple[int, ...] = (7, 9, 11, 13),
    stride: int = 3,
    cuts: list[int] | None = None,
    test_shots: int = 1,
) -> dict[str, int]:
    """Writes the data set, in a temporary folder first, so that `out` is whole or absent.

    Args:
        source: a video that ffmpeg can read.
        out: folder that does not exist yet, or is empty.
        selections: frame ranges; None: whole shots, the last `test_shots` of them as test.
        windows: numbers of frames averaged, odd, >= 3.
        stride: frames between the first frames of windows of one length.
        cuts: frames with which a shot begins; None finds them.
        test_shots: how many shots at the end are the test, if `selections` is None.

    Returns:
        `<split>/<sequence>` -> number of pairs.

    Raises:
        UserError: names the argument that is wrong.
    """
    for window in windows:
        if window < 3 or window % 2 == 0:
            raise cli.UserError(f"--windows: must be odd and >= 3, received {window}")
    found, count = video.find_cuts(source)
    cuts = found if cuts is None else sorted(set(cuts))
    shots = _shots(cuts, count)
    if selections is None:
        selections = _select_shots(shots, test_shots)
    _check(selections, count)
    jobs = _jobs(selections, shots, windows, stride)
    with cli.new_folder(out, "--out") as temporary:
        _write(source, temporary, jobs, max(windows), count)
        made = {f"{s.split}/{s.sequence}": sum(len(w) for w in jobs[s].values()) for s in jobs}
        description = {
            "video": source.name,
            "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
            "selections": [s.argument for s in selections],
            "windows": list(windows),
            "stride": stride,
            "cuts": cuts,
            "blur": "plain mean of pixel values; the target is the centre frame",
            "pairs": made,
        }
        cli.write_json(temporary / "dataset.json", description)
    return made


def _shots(cuts: list[int], count: int) -> list[tuple[int, int]]:
    if any(not 0 < cut < count for cut in cuts):
        raise cli.UserError(f"--cuts: must be in 1..{count - 1} (frames), received {cuts}")
    return list(itertools.pairwise([0, *cuts, count]))


def _select_shots(shots: list[tuple[int, int]], test_shots: int) -> list[Selection]:
    if not 0 <= test_shots < len(shots):
        raise cli.UserError(
            f"--test-shots: {test_shots} of {len(shots)} shot(s) leaves none to train; give "
            "--cuts, --select or another number"
        )
    first_test = len(shots) - test_shots
    return [
        Selection("train" if i < first_test else "test", f"shot{i + 1}", *shot)
        for i, shot in enumerate(shots)
    ]


def _check(selections: list[Selection], count: int) -> None:
    for s in selections:
        if not 0 <= s.first < s.last <= count:
            raise cli.UserError(
                f"--select: {s.argument}: expected 0 <= FIRST < LAST <= {count} (frames)"
            )
    names = [(s.split, s.sequence) for s in selections]
    for name in names:
        if names.count(name) > 1:
            raise cli.UserError(f"--select: {'/'.join(name)} is given twice")
    for a in selections:
        for b in selections:
            if a.split == "train" and b.split == "test" and a.first < b.last and b.first < a.last:
                raise cli.UserError(
                    f"--select: {a.argument} and {b.argument} share frames; the test would be seen"
                )


def _jobs(
    selections: list[Selection],
    shots: list[tuple[int, int]],
    windows: tuple[int, ...],
    stride: int,
) -> Jobs:
    jobs: Jobs = {}
    for s in selections:
        ends = jobs.setdefault(s, collections.defaultdict(list))
        for begin, end in shots:
            for window in windows:
                for first in range(max(s.first, begin), min(s.last, end) - window + 1, stride):
                    ends[first + window - 1].append(window)
        if not ends:
            raise cli.UserError(
                f"--select: {s.argument}: no window of {min(windows)} frames fits between the cuts"
            )
    return jobs


def _write(source: pathlib.Path, out: pathlib.Path, jobs: Jobs, longest: int, count: int) -> None:
    recent: collections.deque[np.ndarray] = collections.deque(maxlen=longest)
    for number, frame in enumerate(cli.progress(video.frames(source), count, "frame")):
        recent.append(frame)
        for selection, ends in jobs.items():
            for window in ends.get(number, ()):
                _write_pair(out / selection.split / selection.sequence, recent, window, number)


def _write_pair(
    folder: pathlib.Path, recent: collections.deque[np.ndarray], window: int, last: int
) -> None:
    stack = np.stack(list(recent)[-window:])
    name = f"{last - window // 2:06d}_w{window:02d}.png"
    pictures = {"blur": np.rint(stack.mean(axis=0)).astype(np.uint8), "sharp": stack[window // 2]}
    for kind, picture in pictures.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / kind / name, compress_level=1)


def _selection(text: str) -> Selection:
    match = re.fullmatch(r"(train|test)/([\w-]+)=(\d+):(\d+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"expected train|test/NAME=FIRST:LAST, such as train/shot1=0:77, received {text!r}"
        )
    return Selection(match[1], match[2], int(match[3]), int(match[4]))


def main() -> None:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument("--video", type=pathlib.Path, required=True, help="any video for ffmpeg")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="new folder to write")
    parser.add_argument(
        "--select",
        type=_selection,
        action="append",
        metavar="SPLIT/NAME=FIRST:LAST",
        help="frames FIRST .. LAST-1 make the sequence SPLIT/NAME; may be repeated",
    )
    parser.add_argument(
        "--windows",
        type=cli.positive_int,
        nargs="+",
        default=[7, 9, 11, 13],
        help="numbers of frames to average, odd",
    )
    parser.add_argument(
        "--stride", type=cli.positive_int, default=3, help="frames from window to window"
    )
    parser.add_argument(
        "--cuts", type=int, nargs="*", help="frames with which a shot begins; default: found"
    )
    parser.add_argument(
        "--test-shots", type=int, default=1, help="without --select: last shots that are the test"
    )
    args = parser.parse_args()
    made = make_dataset(
        args.video, args.out, args.select, tuple(args.windows), args.stride, args.cuts,
        args.test_shots,
    )  # fmt: skip
    for name, number in made.items():
        print(f"{args.out / name}: {number} pairs")


if __name__ == "__main__":
    cli.run(main)
