"""Cityscapes, VOC and SBD from the published layouts, the crops, and errors that name the file."""

import numpy as np
import pytest
import scipy.io
import tensorflow as tf
from PIL import Image

from examples.datasets import masked, order
from examples.datasets.cityscapes import CLASSES, find_cityscapes, read_label_ids
from examples.datasets.masked import IGNORED, scaled_crop, training_crops
from examples.datasets.order import Shard
from examples.datasets.pascal_voc import colours, find_voc, read_sbd_mask
from examples.datasets.pictures import DatasetError
from tests.examples.written import write_cityscapes, write_voc


@pytest.fixture
def cityscapes(tmp_path):
    write_cityscapes(tmp_path, "train", 5)
    write_cityscapes(tmp_path, "val", 2)
    return tmp_path


@pytest.fixture
def voc(tmp_path):
    write_voc(tmp_path)
    return tmp_path


def take(dataset, count):
    return [(x.numpy(), y.numpy()) for x, y in dataset.take(count)]


def test_label_ids_become_train_ids(tmp_path):
    path = tmp_path / "a_gtFine_labelIds.png"
    ids = np.arange(34, dtype=np.uint8)
    Image.fromarray(np.stack([ids, np.full_like(ids, 255)])).save(path)
    mask = read_label_ids(path)
    # cityscapesScripts' table: 15 ids are not learned; the others count up in their order.
    learned = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
    np.testing.assert_array_equal(mask[0, learned], np.arange(19))
    assert (np.delete(mask[0], learned) == IGNORED).all()
    assert (mask[1] == IGNORED).all()


def test_cityscapes_lists_images_with_their_masks(cityscapes):
    train = find_cityscapes(cityscapes, "train")
    assert len(train.images) == 5
    assert train.classes == CLASSES
    assert train.colours.shape == (19, 3)
    for image, mask in zip(train.images, train.masks, strict=True):
        assert mask.name.split("_gtFine")[0] == image.name.split("_leftImg8bit")[0]
        assert mask.parent.name == image.parent.name
    image, mask = train.read(0)
    assert image.shape == (40, 60, 3)
    # `write_cityscapes`: road (7) above, car (26) below, a rim without class.
    assert set(np.unique(mask)) == {0, 13, IGNORED}
    small, small_mask = train.read(0, shrink=3)
    assert small.shape == (13, 20, 3)
    assert small_mask.shape == (13, 20)
    masked.check_files(train)


def test_spread_and_first(cityscapes):
    train = find_cityscapes(cityscapes, "train")
    assert train.first(2).images == train.images[:2]
    assert train.spread(3).masks == train.masks[::2]
    assert train.spread(9) is train


def test_voc_and_sbd(voc):
    assert [p.stem for p in find_voc(voc / "voc", "train").images] == ["2007_000032"]
    val = find_voc(voc / "voc", "val", voc / "sbd")
    assert [p.stem for p in val.images] == ["2007_000033"]
    train = find_voc(voc / "voc", "train", voc / "sbd")
    assert [p.name for p in train.masks] == ["2007_000121.mat", "2008_000002.mat"]
    assert [len(find_voc(voc / "voc", s).images) for s in ("val", "trainval")] == [2, 3]
    np.testing.assert_array_equal(np.unique(val.read(0)[1]), [0, 15, IGNORED])
    np.testing.assert_array_equal(np.unique(train.read(1)[1]), [0, 20])
    # The archives unpack to these folders.
    assert len(find_voc(voc, "train").images) == 1


def test_palette_of_voc():
    # The devkit's colormap: aeroplane, person, tvmonitor and the rim of 255.
    np.testing.assert_array_equal(
        colours(256)[[0, 1, 15, 20, 255]],
        [[0, 0, 0], [128, 0, 0], [192, 128, 128], [0, 64, 128], [224, 224, 192]],
    )


def test_crops_follow_from_seed_and_number_alone(cityscapes):
    data = find_cityscapes(cityscapes, "train")
    whole = take(training_crops(data, 4, 24, seed=7), 5)
    for x, y in whole:
        assert x.shape == (4, 24, 24, 3)
        assert y.shape == (4, 24, 24)
        assert x.dtype == np.float32
        assert y.dtype == np.uint8
        assert -1 <= x.min() < x.max() <= 1
    np.testing.assert_equal(take(training_crops(data, 4, 24, 7, first_step=3), 2), whole[3:])
    np.testing.assert_equal(take(training_crops(data, 4, 24, 7, keep_bytes=0), 5), whole)
    other = take(training_crops(data, 4, 24, 8), 5)
    assert any((a[0] != b[0]).any() for a, b in zip(other, whole, strict=True))


def test_workers_share_the_joint_batches(cityscapes):
    data = find_cityscapes(cityscapes, "train")
    whole = take(training_crops(data, 4, 24, seed=7, first_step=2), 3)
    parts = [take(training_crops(data, 4, 24, 7, 2, shard=Shard(i, 2)), 3) for i in range(2)]
    for step, joint in enumerate(whole):
        for both, one, other in zip(joint, parts[0][step], parts[1][step], strict=True):
            np.testing.assert_array_equal(np.concatenate([one, other]), both)
    with pytest.raises(ValueError, match="multiple of the number of workers, 3"):
        training_crops(data, 4, 24, 7, shard=Shard(0, 3))
    with pytest.raises(ValueError, match="`index` must be in"):
        Shard(2, 2)


def test_each_pass_takes_everything_once():
    places = [int(order.place(tf.constant(i, tf.int64), 5, seed=3)) for i in range(30)]
    passes = [places[i : i + 5] for i in range(0, 30, 5)]
    assert all(sorted(one) == [0, 1, 2, 3, 4] for one in passes)
    assert len({tuple(one) for one in passes}) > 1


def gradients(height, width):
    """An image whose pixel says where it is, and a mask that says the same: 10 x 10 px fields."""
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([rows, columns, 0 * rows], -1).astype(np.uint8)
    return tf.constant(image), tf.constant((rows // 10 * 8 + columns // 10).astype(np.uint8))


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(4))
def test_image_and_mask_are_cut_scaled_and_mirrored_alike(factor, seed):
    image, mask = gradients(70, 80)
    seeds = [tf.constant([seed, i], tf.int64) for i in range(3)]
    x, y = scaled_crop(image, mask, 32, (factor, factor), True, seeds)
    places = (np.asarray(x)[..., :2] + 1) * 127.5
    valid = np.asarray(y) != IGNORED
    # A pixel of the result lies between pixels of the image: fields may differ within 1 px of an
    # edge, nowhere else.
    inside = valid & (np.abs((places + 0.5) % 10 - 5).max(-1) < 4)
    assert inside.sum() > 300
    fields = places[..., 0] // 10 * 8 + places[..., 1] // 10
    np.testing.assert_array_equal(fields[inside], np.asarray(y)[inside])
    step = np.abs(np.diff(places[4:12, 4:12, 1], axis=1))
    np.testing.assert_allclose(step, 1 / factor, atol=1e-3)
    assert valid.all() == (32 / factor <= 70)


def test_small_images_are_padded_with_ignored_grey():
    image, mask = gradients(20, 30)
    x, y = scaled_crop(image, mask, 40, (1.0, 1.0), False, [tf.constant([1, 2], tf.int64)] * 3)
    np.testing.assert_array_equal(y[:20, :30], mask)
    assert (np.asarray(y)[20:] == IGNORED).all()
    assert (np.asarray(y)[:, 30:] == IGNORED).all()
    assert not np.asarray(x)[20:].any()


def test_scales_and_mirrors_cover_their_range(cityscapes):
    data = find_cityscapes(cityscapes, "train")
    wide = take(training_crops(data, 32, 48, 0, scale=(0.5, 2.0)), 1)[0][1]
    padded = (wide == IGNORED).mean(axis=(1, 2))
    # 40 rows: all crops of 48 with a scale below 1.2 are padded; at 0.5 by three quarters.
    assert 0.2 < (padded > 0.05).mean() < 0.8
    assert padded.max() > 0.5


@pytest.mark.parametrize("kind", ["images", "masks"])
def test_a_broken_file_is_named_by_the_pipeline(cityscapes, kind):
    data = find_cityscapes(cityscapes, "val")
    file = getattr(data, kind)[1]
    file.write_bytes(b"nothing")
    with pytest.raises(tf.errors.OpError, match=f"{file.name}: cannot be read as a picture"):
        take(training_crops(data, 2, 16, 0), 2)


def test_errors_name_the_file(cityscapes):
    data = find_cityscapes(cityscapes, "val")
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(data.masks[0])
    with pytest.raises(DatasetError, match=r"_labelIds\.png: labels must be .* mode 'RGB'"):
        data.read(0)
    Image.fromarray(np.full((40, 60), 34, np.uint8)).save(data.masks[0])
    with pytest.raises(DatasetError, match=r"_labelIds\.png: label ids must be 0 ... 33, found 34"):
        data.read(0)
    Image.fromarray(np.zeros((9, 60), np.uint8)).save(data.masks[0])
    with pytest.raises(DatasetError, match=r"labelIds\.png: is 60x9, but .* is 60x40"):
        data.read(0)
    data.masks[0].unlink()
    with pytest.raises(DatasetError, match=r"has no mask .*labelIds\.png"):
        find_cityscapes(cityscapes, "val")
    with pytest.raises(DatasetError, match="no such file"):
        masked.check_files(data)
    with pytest.raises(DatasetError, match="nowhere: no such folder"):
        find_cityscapes(cityscapes, "nowhere")
    (cityscapes / "leftImg8bit" / "empty").mkdir()
    with pytest.raises(DatasetError, match="holds no <city>"):
        find_cityscapes(cityscapes, "empty")


def test_errors_of_voc_name_the_file(voc):
    mask = voc / "sbd" / "cls" / "2007_000121.mat"
    for content, message in (
        (b"MATLAB 5.0 MAT-file", "cannot be read as a mask of the SBD"),
        ({"GTcls": {"Boundaries": [1]}}, "cannot be read as a mask of the SBD"),
        ({"GTcls": {"Segmentation": np.zeros((2, 2))}}, "expected .H, W. uint8"),
        ({"GTcls": {"Segmentation": np.full((2, 2), 21, np.uint8)}}, "classes must be 0 ... 20"),
    ):
        if isinstance(content, bytes):
            mask.write_bytes(content)
        else:
            scipy.io.savemat(mask, content)
        with pytest.raises(DatasetError, match=rf"2007_000121\.mat: {message}"):
            read_sbd_mask(mask)
    mask.unlink()
    with pytest.raises(DatasetError, match=r"2007_000121\.mat: no such file, but a list names it"):
        find_voc(voc / "voc", "train", voc / "sbd")
    (voc / "voc" / "VOC2011" / "ImageSets" / "Segmentation" / "train.txt").write_text("\n")
    with pytest.raises(DatasetError, match=r"train\.txt: names no image"):
        find_voc(voc / "voc", "train")
    with pytest.raises(DatasetError, match="has no split 'test'"):
        find_voc(voc / "voc", "test")
    with pytest.raises(DatasetError, match="expected one folder with JPEGImages, found 0"):
        find_voc(voc / "sbd", "train")
