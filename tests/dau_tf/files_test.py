"""Files that are written whole or not at all."""

import pytest

from dau_tf.files import in_one_step
from tests.full_disk import no_file_beyond


def write(path, text):
    with in_one_step(path) as temporary:
        temporary.write_text(text)


def test_without_room_what_was_there_stays_and_is_named(tmp_path):
    path = tmp_path / "index.html"
    write(path, "good")
    with pytest.raises(OSError, match=r"File too large: .*index\.html"), no_file_beyond(100):
        write(path, "x" * 1000)
    assert path.read_text() == "good"
    assert list(tmp_path.iterdir()) == [path]


def write_half(path):
    with in_one_step(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("half way")


def test_what_fails_in_between_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="half way"):
        write_half(tmp_path / "new")
    assert not list(tmp_path.iterdir())
