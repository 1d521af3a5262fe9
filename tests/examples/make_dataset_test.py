"""A tiny film with one cut, written here, and turned into pairs."""

import json
import subprocess
import sys

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from examples.cli import UserError
from examples.datasets.gopro import find_pairs, read_pair
from examples.deblurring.make_dataset import Selection, make_dataset
from examples.deblurring.video import find_cuts, frames

# imageio-ffmpeg leaves the pipes of the ended process to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

_HEIGHT, _WIDTH = 48, 64


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """24 frames, lossless: a bright bar moves right; from frame 14 on, a dark one on grey."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    writer = imageio_ffmpeg.write_frames(
        str(path), (_WIDTH, _HEIGHT), codec="ffv1", pix_fmt_out="bgr0", macro_block_size=1
    )
    writer.send(None)
    for number in range(24):
        frame = np.full((_HEIGHT, _WIDTH, 3), 20 if number < 14 else 140, np.uint8)
        frame[:, 2 * number : 2 * number + 8] = 200 if number < 14 else 60
        writer.send(frame.tobytes())
    writer.close()
    return path


def test_frames_and_cuts(film):
    decoded = list(frames(film))
    assert len(decoded) == 24
    assert decoded[0].shape == (_HEIGHT, _WIDTH, 3)
    assert find_cuts(film) == ([14], 24)


def test_blur_is_the_mean_and_the_target_the_centre_frame(film, tmp_path):
    made = make_dataset(film, tmp_path / "data", windows=(3, 5), stride=2)
    decoded = np.stack(list(frames(film)))
    assert made == {"train/shot1": 6 + 5, "test/shot2": 4 + 3}
    for split, begin, end in (("train", 0, 14), ("test", 14, 24)):
        pairs = find_pairs(tmp_path / "data", split)
        assert len(pairs) == made[f"{split}/shot{1 if split == 'train' else 2}"]
        for pair in pairs:
            centre, window = (int(n) for n in pair.blur.stem.split("_w"))
            first = centre - window // 2
            assert begin <= first
            assert first + window <= end
            blur, sharp = read_pair(pair)
            np.testing.assert_array_equal(sharp, decoded[centre])
            mean = decoded[first : first + window].mean(axis=0)
            np.testing.assert_array_equal(blur, np.rint(mean))
    description = json.loads((tmp_path / "data/dataset.json").read_text())
    assert description["cuts"] == [14]
    assert description["pairs"] == made


def test_windows_cross_neither_cuts_nor_selections(film, tmp_path):
    selections = [Selection("train", "all", 2, 20), Selection("test", "end", 20, 24)]
    make_dataset(film, tmp_path / "data", selections, windows=(3,), stride=1)
    names = [p.blur.stem for p in find_pairs(tmp_path / "data", "train")]
    assert names == [f"{c:06d}_w03" for c in [*range(3, 13), *range(15, 19)]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"windows": (4,)}, "--windows"),
        ({"windows": (99,)}, "--select: train/shot1=0:14: no window"),
        ({"cuts": [99]}, "--cuts"),
        ({"test_shots": 2}, "--test-shots"),
        ({"selections": [Selection("train", "a", 0, 25)]}, "--select: train/a=0:25"),
        (
            {"selections": [Selection("train", "a", 0, 9), Selection("test", "b", 8, 14)]},
            "share frames",
        ),
        ({"selections": [Selection("train", "a", 0, 9)] * 2}, "given twice"),
    ],
)
def test_refuses(film, tmp_path, arguments, message):
    with pytest.raises(UserError, match=message):
        make_dataset(film, tmp_path / "data", **arguments)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten_and_nothing_half_written(film, tmp_path, monkeypatch):
    out = tmp_path / "data"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=r"--out: .* exists already"):
        make_dataset(film, out, windows=(3,))
    assert [p.name for p in out.rglob("*")] == ["mine.txt"]

    def fail(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(UserError, match=r"--out: .*other: cannot be written .no space left"):
        make_dataset(film, tmp_path / "other", windows=(3,))
    assert [p.name for p in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--video", "missing.mp4", "--out", "x"], "--video: missing.mp4: no such file"),
        (["--video", __file__, "--out", "x"], "cannot be decoded"),
        (["--video", "a", "--out", "x", "--select", "train=1"], "--select: expected train|test/"),
        (["--video", "a", "--out", "x", "--stride", "0"], "--stride: expected an integer >= 1"),
    ],
)
def test_command_line_errors(arguments, message, run_program):
    code, printed = run_program("make_dataset", *arguments)
    assert code == 2
    assert message in printed.err
    assert "Traceback" not in printed.err


def test_the_program_itself(tmp_path):
    """As a user types it: one line on stderr and exit code 2."""
    command = [sys.executable, "-m", "examples.deblurring.make_dataset"]
    command += ["--video", str(tmp_path / "missing.mp4"), "--out", str(tmp_path / "data")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert f"error: --video: {tmp_path / 'missing.mp4'}: no such file" in result.stderr
    assert "Traceback" not in result.stderr
