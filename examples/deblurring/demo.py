"""Learns to de-blur a real film with displaced aggregation units, in minutes on two cores.

Fetches a film of 190 frames from PyPI, blurs it by averaging 7 to 13 consecutive frames, trains a
narrow DAU-SRN-DeblurNet on the first shot up to frame 76, and measures it on two tests:

  later frames of the same shot   frames 83-115, at least 6 frames away from the training frames
  unseen second shot              frames 116-189 of the same film

Then exports the network as a SavedModel and loads that in a fresh process. Ends with a table and
a picture. A run that was stopped continues with the same command.

  python -m examples.deblurring.demo --out demo_out
"""

import dataclasses
import os
import pathlib
import shutil
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras

from examples import cli, picture
from examples.deblurring import demo_video
from examples.deblurring.evaluate import Score, evaluate, load_model, mean_score
from examples.deblurring.export import export, verify
from examples.deblurring.make_dataset import Selection, make_dataset
from examples.deblurring.recipe import RECIPES, Recipe
from examples.deblurring.train import train
from examples.models.counts import units, weights_without_biases
from examples.models.srn_deblur import srn_deblur

_MARKER = "demo.json"
_SELECTIONS = [
    Selection("train", "first_shot", 0, 77),
    Selection("test", "later_frames", 83, 116),
    Selection("test", "second_shot", 116, 190),
]
_TESTS = {
    "test/later_frames": "later frames of the same shot",
    "test/second_shot": "unseen second shot",
}
_STEPS_PER_ROUND = 50


def demo(out: pathlib.Path, recipe: Recipe, images: int) -> str:
    """Runs the demo.

    Args:
        out: folder for everything; new, or of an earlier run.
        recipe: of the training.
        images: measured in each of the two tests.

    Returns:
        The table.

    Raises:
        UserError: names what is wrong.
    """
    started = time.monotonic()
    _claim(out)
    _say("1/5", f"the film, into {out / 'film'}")
    film = demo_video.fetch(out / "film")
    data = out / "data"
    if not data.exists():
        _say("2/5", f"blurred and sharp pictures, into {data}")
        make_dataset(film, data, _SELECTIONS, stride=3, cuts=[116])
    _say("3/5", f"training, {recipe.steps} steps, into {out / 'training'}; the first takes a while")
    training = train(data, out / "training", recipe, _STEPS_PER_ROUND)
    _say("4/5", "measuring")
    model = load_model(pathlib.Path(training["model"]))
    means, rows = {}, []
    for split, title in _TESTS.items():
        scores, row = evaluate(model, data, split, out / split, images, title)
        means[title] = mean_score(scores)
        rows.append(row)
    picture.save(rows, out / "picture.png")
    _say("5/5", f"export to {out / 'saved_model'}, loaded again in a fresh process")
    difference = _export(model, out / "saved_model")
    seconds = {"training": training["seconds"], "this run in all": time.monotonic() - started}
    report = _report(recipe, means, difference, seconds, out / "picture.png")
    with cli.in_one_step(out / "report.txt") as temporary:
        temporary.write_text(report + "\n")
    return report


def _claim(out: pathlib.Path) -> None:
    if not (out / _MARKER).exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise cli.UserError(f"--out: {out} exists and holds no demo of ours")
        cli.make_folder(out, "--out")
        cli.write_json(out / _MARKER, {"made by": "python -m examples.deblurring.demo"})


def _export(model: keras.Model, out: pathlib.Path) -> float:
    if out.exists():
        shutil.rmtree(out)
    return verify(model, out, export(model, out))


def _say(number: str, text: str) -> None:
    print(f"[{number}] {text}", flush=True)


def _report(
    recipe: Recipe, means: dict[str, Score], difference: float, seconds: dict, path: pathlib.Path
) -> str:
    lines = ["", f"{'weights without biases':34}{'standard 5x5':>14}{'DAU':>12}{'DAU units':>12}"]
    for width, what in ((recipe.width, "this demo's"), (32, "the paper's")):
        standard, dau = srn_deblur("standard", width), srn_deblur("dau", width, units=recipe.units)
        lines.append(
            f"{f'  {what} network, width {width}':34}{weights_without_biases(standard):14,}"
            f"{weights_without_biases(dau):12,}{units(dau):12,}"
        )
    lines += ["", f"{'test (blurred -> restored)':34}{'PSNR, dB':>20}{'gain':>8}{'SSIM':>20}"]
    for title, mean in means.items():
        psnr = f"{mean.psnr_blurred:.2f} -> {mean.psnr_restored:.2f}"
        ssim = f"{mean.ssim_blurred:.4f} -> {mean.ssim_restored:.4f}"
        lines.append(f"  {title:32}{psnr:>20}{mean.gain:+8.2f}{ssim:>20}")
    lines += ["", *(f"{name + ', seconds':34}{value:20.0f}" for name, value in seconds.items())]
    lines.append(f"{'export in a fresh process, max diff':36}{difference:18.1e}")
    return "\n".join([*lines, "", f"picture: {path}"])


def main() -> None:
    """The command line."""
    parser = cli.parser(__doc__)
    recipe = RECIPES["demo"]
    parser.add_argument("--out", type=pathlib.Path, default="demo_out", help="folder to write")
    parser.add_argument(
        "--steps", type=cli.positive_int, default=recipe.steps, help="training steps"
    )
    parser.add_argument("--images", type=cli.positive_int, default=12, help="measured in each test")
    parser.add_argument("--seed", type=int, default=recipe.seed, help="of the training")
    args = parser.parse_args()
    recipe = dataclasses.replace(recipe, steps=args.steps, seed=args.seed)
    print(demo(args.out, recipe, args.images))


if __name__ == "__main__":
    cli.run(main)
