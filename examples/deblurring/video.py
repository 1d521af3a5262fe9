"""Reading a video frame by frame, and finding where its shots change."""

import itertools
import pathlib
from collections.abc import Iterator

import imageio_ffmpeg
import numpy as np
from PIL import Image

from examples.cli import UserError
from examples.datasets.pictures import check_size

_THUMBNAIL = (64, 36)
# A cut changes the thumbnail by many times what the motion inside a shot does.
_CUT_FACTOR = 6.0
_CUT_LEAST = 8.0


def frames(video: pathlib.Path) -> Iterator[np.ndarray]:
    """Yields every frame of a video as [H, W, 3] uint8 RGB.

    Raises:
        UserError: the file is missing or ffmpeg cannot decode it.
        DatasetError: its frames are of more than `pictures.MAX_PIXELS` pixels.
    """
    if not video.is_file():
        raise UserError(f"--video: {video}: no such file")
    # Each decoded frame once: a changed frame rate would repeat or drop some.
    reader = imageio_ffmpeg.read_frames(
        str(video), pix_fmt="rgb24", output_params=["-fps_mode", "passthrough"]
    )
    try:
        width, height = next(reader)["size"]
        check_size(f"--video: {video}", width, height)
        for data in reader:
            yield np.frombuffer(data, np.uint8).reshape(height, width, 3)
    except (OSError, RuntimeError, KeyError) as error:
        line = str(error).strip().splitlines()[-1:] or ["no video stream"]
        raise UserError(f"--video: {video}: cannot be decoded ({line[0]})") from error
    finally:
        reader.close()


def find_cuts(video: pathlib.Path) -> tuple[list[int], int]:
    """Finds the frames with which a new shot begins, and counts the frames.

    A cut is where the mean change of a 64x36 thumbnail is at least 8 grey levels and 6 times the
    median change of the film. Fades are not found: give such cuts by hand.

    Raises:
        UserError: as `frames`.
    """
    thumbnails = [_thumbnail(frame) for frame in frames(video)]
    change = np.array([np.abs(b - a).mean() for a, b in itertools.pairwise(thumbnails)])
    if not change.size:
        return [], len(thumbnails)
    limit = max(_CUT_LEAST, _CUT_FACTOR * float(np.median(change)))
    return [int(i) + 1 for i in np.flatnonzero(change >= limit)], len(thumbnails)


def _thumbnail(frame: np.ndarray) -> np.ndarray:
    small = Image.fromarray(frame).resize(_THUMBNAIL, Image.Resampling.BOX)
    return np.asarray(small, np.float32)
