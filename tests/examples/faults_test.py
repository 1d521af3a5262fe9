"""What a training does when its disk, its data or its numbers fail: a message, and no loss."""

import errno
import math
import os
import random
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from dau_tf.files import temporary_name
from examples import cli, picture
from examples.cli import UserError
from examples.deblurring.export import export
from examples.training import checkpoints
from examples.training.callbacks import Checkpoint, RoundLog
from examples.training.folder import Folder
from examples.training.loop import fit
from examples.training.optimizers import not_finite, steps_done
from examples.training.trained import read_model
from tests.full_disk import no_file_beyond

SECOND = "model-previous.keras"


@pytest.fixture(scope="module")
def four_steps(tmp_path_factory):
    """A folder with the checkpoints of steps 2 and 4."""
    folder = tmp_path_factory.mktemp("four") / "out"
    train(folder, 4)
    return folder


@pytest.fixture
def out(four_steps, tmp_path):
    """A copy of it."""
    return shutil.copytree(four_steps, tmp_path / "out")


def train(folder, steps, data=None, rate=0.01):
    """A linear layer, or what the folder holds of one, in rounds of two steps."""
    kept = Folder(folder, {"net": "linear"})
    model = checkpoints.load(kept.checkpoint)
    if model is None:
        keras.utils.set_random_seed(0)
        # Named: in a process with other models Keras would count on.
        layer = keras.layers.Dense(8, name="dense")
        model = keras.Sequential([keras.Input((8,)), layer], name="net")
        model.compile(keras.optimizers.Adam(rate, name="adam"), "mse", jit_compile=False)
    kept.claim()
    callbacks = [RoundLog(folder, steps_done(model)), Checkpoint(kept.checkpoint, kept.add_seconds)]
    fit(model, data or batches(), steps, 2, callbacks, 0)
    return model


def batches(wrong_from=None, value=math.nan):
    """Batches that follow from their number; from `wrong_from` on they hold `value`."""

    def one(number):
        x = tf.random.stateless_normal([4, 8], [number, 0])
        wrong = number >= (1000 if wrong_from is None else wrong_from)
        return tf.where(wrong, tf.constant(value, tf.float32), x), x

    return lambda first, shard: tf.data.Dataset.range(first, 10**6).map(one)


def variables(model):
    return [np.asarray(v).tobytes() for v in (*model.variables, *model.optimizer.variables)]


def files(folder):
    names = ("model.keras", SECOND)
    return {name: (folder / name).read_bytes() for name in names if (folder / name).exists()}


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_no_room_for_a_checkpoint(out, share):
    model, before = checkpoints.load(out / "model.keras"), files(out)
    said = r"out/model\.keras: cannot be written \(File too large\)"
    room = int(share * len(before["model.keras"]))
    with pytest.raises(UserError, match=said), no_file_beyond(room):
        checkpoints.save(model, out / "model.keras")
    assert files(out) == before
    assert not list(out.glob(".tmp-*"))


@pytest.mark.parametrize("place", ["fsync", "replace", "link"])
def test_a_full_disk_at_each_place_takes_no_checkpoint(out, monkeypatch, place):
    """Each call of a save fails in turn, until one has none left to fail."""
    work, calls, fails_at = getattr(os, place), 0, 0

    def full(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return work(*arguments, **options)

    def no_copy(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    model = checkpoints.load(out / "model.keras")
    monkeypatch.setattr(os, place, full)
    monkeypatch.setattr(shutil, "copyfile", no_copy)
    while calls >= fails_at:
        calls, fails_at, said = 0, fails_at + 1, ""
        try:
            checkpoints.save(model, out / "model.keras")
        except UserError as error:
            said = str(error)
        failed = calls >= fails_at
        assert failed == ("keras: cannot be written (No space left on device)" in said), said
        assert not list(out.glob(".tmp-*"))
        for name in ("model.keras", SECOND):
            assert steps_done(read_model(out / name, compile=True)) in (2, 4)
        assert steps_done(checkpoints.load(out / "model.keras")) == 4
    assert fails_at == 1 + {"fsync": 4, "replace": 2, "link": 1}[place]


def test_no_room_for_an_export(tmp_path):
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(3, 3, name="c")])
    out = tmp_path / "saved"
    with (
        pytest.raises(UserError, match=r"--out: .*/saved: cannot be written \(.*File too large"),
        no_file_beyond(1000),
    ):
        export(model, out)
    assert not list(tmp_path.iterdir())


def test_no_room_in_a_new_folder(tmp_path):
    said = r"--out: .*/data: cannot be written \(File too large\)"
    with (
        pytest.raises(UserError, match=said),
        no_file_beyond(1000),
        cli.new_folder(tmp_path / "data", "--out") as folder,
    ):
        (folder / "picture").write_bytes(bytes(2000))
    assert not list(tmp_path.iterdir())


def test_what_else_fails_in_a_new_folder_is_not_called_a_write(tmp_path):
    with pytest.raises(FileNotFoundError), cli.new_folder(tmp_path / "data", "--out"):
        (tmp_path / "video").read_bytes()
    assert not list(tmp_path.iterdir())


def test_no_room_for_a_picture(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    path = tmp_path / "picture.png"
    with (
        pytest.raises(UserError, match=r"picture\.png: cannot be written \(File too large\)"),
        no_file_beyond(1000),
    ):
        picture.save([picture.Row("noise", (("x", noise),))], path)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_elsewhere_is_one_line(capsys):
    def full():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/scratch/x")

    with pytest.raises(SystemExit) as ended:
        cli.run(full)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: /scratch/x: No space left on device\n"


def test_without_second_names_checkpoints_are_copied(out, monkeypatch):
    def refused(*arguments):
        raise PermissionError(errno.EPERM, "no such names")

    model, before = checkpoints.load(out / "model.keras"), files(out)
    monkeypatch.setattr(os, "link", refused)
    checkpoints.save(model, out / "model.keras")
    assert (out / SECOND).read_bytes() == before["model.keras"]


@pytest.mark.parametrize(
    ("size", "name"), [(20, r"recipe\.json"), (80, "tensorboard"), (10_000, r"model\.keras")]
)
def test_after_a_full_disk_the_same_command_reaches_the_same_weights(out, tmp_path, size, name):
    said = rf"{name}.* cannot be written"
    with pytest.raises(UserError, match=said), no_file_beyond(size):
        train(out, 8)
    assert variables(train(out, 8)) == variables(train(tmp_path / "whole", 8))
    assert (out / "log.csv").read_text() == (tmp_path / "whole" / "log.csv").read_text()


def test_a_nan_stops_at_its_step(out):
    before = files(out)
    with pytest.raises(UserError, match=r"the loss is nan at step 7: lower --rate.*keras stays"):
        train(out, 20, batches(wrong_from=6))
    assert steps_done(checkpoints.load(out / "model.keras")) == 6
    assert files(out)[SECOND] == before["model.keras"]
    train(out, 20)  # with better data it goes on


def test_weights_that_the_last_step_of_a_round_broke_are_not_saved(out):
    """The loss of that step was finite yet: 1e19 squared is, and Adam squares the gradient."""
    before = files(out)
    with pytest.raises(UserError, match=r"adam/\S+ is not finite at step 6: lower --rate"):
        train(out, 20, batches(wrong_from=5, value=1e18))
    assert files(out) == before


def test_displacements_that_are_not_finite_are_named():
    """The op refuses them before there is a loss."""
    layer = dau_tf.DAUConv2D(2, name="dau", displacement_constraint=None)
    model = keras.Sequential([keras.Input((8, 8, 1)), layer], name="net")
    model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=False)

    def ones(first, shard):
        return tf.data.Dataset.from_tensors((tf.ones([1, 8, 8, 1]), tf.ones([1, 8, 8, 2]))).repeat()

    layer.displacement.assign(np.full(layer.displacement.shape, math.nan))
    with pytest.raises(UserError, match=r"net/dau/displacement is not finite after step 0: lower"):
        fit(model, ones, 4, 2, [], 0)


def torn(content):
    return content[: len(content) // 2]


def flipped(content):
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :]


DAMAGE = {
    "torn": torn,
    "flipped": flipped,
    "empty": lambda _: b"",
    "zeros": lambda c: bytes(len(c)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_set_aside(out, tmp_path, capsys, damage):
    broken = DAMAGE[damage]((out / "model.keras").read_bytes())
    (out / "model.keras").write_bytes(broken)
    reached = train(out, 8)
    message = capsys.readouterr().err
    assert "out/model.keras: holds no model of train" in message
    assert f"going on from {out / SECOND}, step 2" in message
    assert (out / "model-damaged.keras").read_bytes() == broken
    assert variables(reached) == variables(train(tmp_path / "whole", 8))


def test_no_flipped_bit_is_taken_for_weights(out):
    """Of a file of 30 kB, each flip in its own place: found, or of no consequence."""
    content, random_places = (out / "model.keras").read_bytes(), random.Random(0)
    expected = variables(checkpoints.load(out / "model.keras"))
    found = 0
    for _ in range(16):
        place = random_places.randrange(len(content))
        changed = bytearray(content)
        changed[place] ^= 1 << random_places.randrange(8)
        (out / "model.keras").write_bytes(changed)
        model = checkpoints.load(out / "model.keras", writes=False)
        if steps_done(model) == 2:
            found += 1
        else:
            assert variables(model) == expected, place
    assert found > 8


def test_where_no_checkpoint_can_be_read_both_are_named(out):
    for name in ("model.keras", SECOND):
        (out / name).write_bytes(b"no zip")
    before = files(out)
    with pytest.raises(UserError, match=rf"no checkpoint can be read: .*model\.keras.*{SECOND}"):
        train(out, 8)
    assert files(out) == before


def test_a_missing_checkpoint_is_replaced_by_the_one_before(out, capsys):
    (out / "model.keras").unlink()
    train(out, 6)
    assert "model.keras is missing; going on from" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("recipe.json", b"{", "cannot be read as what a training computes"),
        ("recipe.json", b"[]", "cannot be read as what a training computes"),
        ("log.csv", b"step\nmany\n", "cannot be read as the log of a training"),
        ("log.csv", b"\xff\x00", "cannot be read as the log of a training"),
    ],
)
def test_other_files_that_cannot_be_read_are_named(out, name, content, message):
    (out / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}: {message}"):
        train(out, 8)


def test_a_kill_in_the_first_writing_leaves_a_folder_that_is_ours(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / temporary_name(tmp_path / "recipe.json")).write_text("{")
    assert not_finite(train(tmp_path / "out", 2)) is None
