"""The reader of the GOPRO layout: alignment, determinism, and errors that name the file."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from examples.datasets.gopro import find_pairs, read_pair, training_crops
from examples.datasets.pictures import DatasetError


def _take(dataset, count):
    return [(b.numpy(), s.numpy()) for b, s in dataset.take(count)]


@pytest.mark.parametrize("in_memory", [False, True])
def test_crops_are_aligned_and_in_range(dataset, in_memory):
    crops = training_crops(find_pairs(dataset, "train"), 4, 16, seed=1, in_memory=in_memory)
    for blur, sharp in _take(crops, 5):
        assert blur.shape == sharp.shape == (4, 16, 16, 3)
        assert blur.dtype == np.float32
        np.testing.assert_allclose((sharp - blur) * 255, 1.0, atol=1e-4)
        assert 0 <= blur.min() <= sharp.max() <= 1


def test_crops_reach_every_corner(dataset):
    crops = training_crops(find_pairs(dataset, "train"), 64, 44, seed=0)
    rows_columns = {
        tuple(np.rint(b[0, 0, :2] * 255).astype(int)) for bs, _ in _take(crops, 2) for b in bs
    }
    assert rows_columns == {(r, c) for r in range(2) for c in range(7)}


def test_every_pass_sees_every_pair_in_its_own_order(dataset):
    crops = training_crops(find_pairs(dataset, "train"), 3, 16, seed=0)
    passes = [tuple(np.rint(b[:, 0, 0, 2] * 255).astype(int)) for b, _ in _take(crops, 8)]
    assert all(sorted(p) == [0, 10, 20] for p in passes)
    assert len(set(passes)) > 1


@pytest.mark.parametrize("in_memory", [False, True])
def test_same_seed_same_data_from_any_step(dataset, in_memory):
    def batches(seed, first, count):
        pairs = find_pairs(dataset, "train")
        options = {"min_contrast": 0.01, "in_memory": in_memory}
        return _take(training_crops(pairs, 2, 16, seed, 2 * first, **options), count)

    whole = batches(7, 0, 6)
    np.testing.assert_equal(batches(7, 0, 6), whole)
    np.testing.assert_equal(batches(7, 4, 2), whole[4:])
    assert any((a[0] != b[0]).any() for a, b in zip(batches(8, 0, 6), whole, strict=True))


def test_flat_crops_are_avoided(tmp_path):
    picture = np.zeros((64, 128, 3), np.uint8)
    picture[:, 64:] = np.random.default_rng(0).integers(0, 255, (64, 64, 3))
    for kind in ("blur", "sharp"):
        (tmp_path / "train/a" / kind).mkdir(parents=True)
        Image.fromarray(picture).save(tmp_path / "train/a" / kind / "0.png")
    pairs = find_pairs(tmp_path, "train")
    flat = {}
    for contrast in (0.0, 0.05):
        crops = training_crops(pairs, 64, 16, seed=0, min_contrast=contrast)
        flat[contrast] = np.mean([s.std() < 0.05 for _, ss in _take(crops, 2) for s in ss])
    assert flat[0.05] < 0.5 * flat[0.0]


def test_one_sequence_as_split(dataset):
    assert [p.name for p in find_pairs(dataset, "test/b")] == ["b/000000.png", "b/000001.png"]
    blur, sharp = read_pair(find_pairs(dataset, "test/b")[0])
    assert blur.shape == sharp.shape == (45, 50, 3)
    assert blur.dtype == np.uint8


def test_missing_folder(tmp_path):
    with pytest.raises(DatasetError, match=r"train: no such folder"):
        find_pairs(tmp_path, "train")


def test_empty_folder(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(DatasetError, match="holds no"):
        find_pairs(tmp_path, "train")


@pytest.mark.parametrize("kind", ["blur", "sharp"])
def test_unpaired(dataset, kind):
    (dataset / "train/a" / kind / "000001.png").unlink()
    with pytest.raises(DatasetError, match=r"000001\.png: has no partner"):
        find_pairs(dataset, "train")


def test_sizes_differ(dataset):
    Image.new("RGB", (50, 44)).save(dataset / "train/a/sharp/000002.png")
    with pytest.raises(DatasetError, match=r"sharp/000002\.png: is 50x44, but .* is 50x45"):
        find_pairs(dataset, "train")


def test_no_picture(dataset):
    (dataset / "train/a/blur/000000.png").write_bytes(b"not a picture")
    with pytest.raises(DatasetError, match=r"blur/000000\.png: cannot be read"):
        find_pairs(dataset, "train")


def test_truncated_picture_is_named_while_iterating(dataset):
    file = dataset / "train/a/blur/000001.png"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (45, 50, 3), np.uint8)).save(file)
    file.write_bytes(file.read_bytes()[:3000])
    pairs = find_pairs(dataset, "train")
    with pytest.raises(tf.errors.OpError, match=r"blur/000001\.png: cannot be read"):
        _take(training_crops(pairs, 3, 16, seed=0), 1)
    with pytest.raises(DatasetError, match=r"blur/000001\.png: cannot be read"):
        training_crops(pairs, 3, 16, seed=0, in_memory=True)


def test_smaller_than_the_crop(dataset):
    with pytest.raises(DatasetError, match=r"000000\.png: 50x45 is smaller than the crop, 46"):
        training_crops(find_pairs(dataset, "train"), 1, 46, seed=0)


def test_sizes_of_pairs_may_differ_from_disk_only(dataset):
    shutil.copytree(dataset / "train/a", dataset / "train/b")
    for kind in ("blur", "sharp"):
        Image.new("RGB", (64, 64)).save(dataset / "train/b" / kind / "000000.png")
    pairs = find_pairs(dataset, "train")
    assert len(_take(training_crops(pairs, 6, 16, seed=0), 1)) == 1
    with pytest.raises(DatasetError, match="one size"):
        training_crops(pairs, 6, 16, seed=0, in_memory=True)
