"""Measures PSNR and SSIM of the blurred input and of the output against the sharp target.

Per image and their means, on RGB, outputs clipped and cut to uint8, as in the paper. Writes into
--out: metrics.json and picture.png (blurred, restored, target; of the image with the median gain).

  python -m examples.deblurring.evaluate --data GOPRO --split test --model runs/dau/model.keras \\
      --out runs/dau/test
"""

import dataclasses
import os
import pathlib

import keras
import numpy as np
import tensorflow as tf

from examples import cli, picture
from examples.datasets.gopro import Pair, find_pairs, read_pair, spread
from examples.deblurring import metrics
from examples.models.srn_deblur import restorer
from examples.training import trained

_PICTURE_CUT = (150, 220)


@dataclasses.dataclass(frozen=True)
class Score:
    """One image: PSNR in dB and SSIM, of the blurred input and of the restored output."""

    name: str
    psnr_blurred: float
    psnr_restored: float
    ssim_blurred: float
    ssim_restored: float

    @property
    def gain(self) -> float:
        """dB won."""
        return self.psnr_restored - self.psnr_blurred


def load_model(path: pathlib.Path) -> keras.Model:
    """Loads a trained model, [N, H, W, 3] -> [N, H, W, 3].

    Raises:
        UserError: the file is missing or holds no model of `train`.
    """
    model = trained.load_model(path)
    try:
        return restorer(model)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise cli.UserError(f"--model: {path}: holds no model of train ({error})") from error


def evaluate(
    model: keras.Model,
    data: pathlib.Path,
    split: str,
    out: pathlib.Path,
    images: int | None = None,
    title: str = "",
) -> tuple[list[Score], picture.Row]:
    """Restores the images of a split and scores them.

    Args:
        model: [N, H, W, 3] float32 in 0..1 -> the same.
        data: GOPRO layout.
        split: "test", "train", or one sequence such as "test/shot2".
        out: folder for metrics.json and picture.png; those of an earlier run are replaced.
        images: at most so many, spread evenly over the split; None: all.
        title: what the picture is called; default: the split.

    Returns:
        The scores, and the picture's row.

    Raises:
        DatasetError: names the file that is wrong.
    """
    pairs = spread(find_pairs(data, split), images)
    restore = tf.function(model, reduce_retracing=True)
    scores, triples = [], {}
    for pair in cli.progress(pairs, len(pairs), "image", desc=f"evaluating {split}"):
        blurred, sharp = read_pair(pair)
        batch = blurred[np.newaxis].astype(np.float32) / 255.0
        restored = metrics.to_uint8(restore(batch, training=False).numpy()[0])
        scores.append(_score(pair, blurred, restored, sharp))
        triples[pair.name] = picture.cut_most_detailed([blurred, restored, sharp], *_PICTURE_CUT)
    shown = sorted(scores, key=lambda s: s.gain)[len(scores) // 2]
    row = _row(title or split, shown, triples[shown.name])
    cli.make_folder(out, "--out")
    picture.save([row], out / "picture.png")
    cli.write_json(out / "metrics.json", _summary(split, scores))
    return scores, row


def mean_score(scores: list[Score]) -> Score:
    """The mean over images of each figure."""
    names = [f.name for f in dataclasses.fields(Score)][1:]
    return Score("mean", *(float(np.mean([getattr(s, n) for s in scores])) for n in names))


def table(scores: list[Score]) -> str:
    """The scores and their mean as text."""
    wide = max(len(s.name) for s in scores)
    lines = [f"{'image':{wide}}  PSNR blurred  restored    gain  SSIM blurred  restored"]
    for s in [*scores, mean_score(scores)]:
        lines.append(
            f"{s.name:{wide}}  {s.psnr_blurred:12.2f}  {s.psnr_restored:8.2f}  {s.gain:+6.2f}  "
            f"{s.ssim_blurred:12.4f}  {s.ssim_restored:8.4f}"
        )
    return "\n".join(lines)


def _score(pair: Pair, blurred: np.ndarray, restored: np.ndarray, sharp: np.ndarray) -> Score:
    return Score(
        pair.name,
        metrics.psnr(blurred, sharp),
        metrics.psnr(restored, sharp),
        metrics.ssim(blurred, sharp),
        metrics.ssim(restored, sharp),
    )


def _row(title: str, score: Score, triple: list[np.ndarray]) -> picture.Row:
    labels = (
        f"blurred input  {score.psnr_blurred:.2f} dB",
        f"restored  {score.psnr_restored:.2f} dB",
        "sharp target",
    )
    heading = f"{title}: {score.name}, the image with the median gain ({score.gain:+.2f} dB)"
    return picture.Row(heading, tuple(zip(labels, triple, strict=True)))


def _summary(split: str, scores: list[Score]) -> dict:
    return {
        "split": split,
        "images": len(scores),
        "mean": {**dataclasses.asdict(mean_score(scores)), "gain": mean_score(scores).gain},
        "per_image": [{**dataclasses.asdict(s), "gain": s.gain} for s in scores],
    }


def claim_folder(out: pathlib.Path) -> None:
    """Refuses a folder that holds something else than an earlier evaluation.

    Raises:
        UserError: names --out.
    """
    ours = {"metrics.json", "picture.png"}
    if out.exists() and (not out.is_dir() or set(os.listdir(out)) - ours):
        raise cli.UserError(f"--out: {out} exists and holds no evaluation of ours")


def main() -> None:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="GOPRO layout")
    parser.add_argument("--split", default="test", help="test, train, or test/<sequence>")
    parser.add_argument("--model", type=pathlib.Path, required=True, help="model.keras of train")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the results")
    parser.add_argument(
        "--images", type=cli.positive_int, help="at most so many, spread evenly; default: all"
    )
    args = parser.parse_args()
    claim_folder(args.out)
    scores, _ = evaluate(load_model(args.model), args.data, args.split, args.out, args.images)
    print(table(scores))
    print(args.out / "picture.png")


if __name__ == "__main__":
    cli.run(main)
