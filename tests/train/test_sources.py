"""train.sources: UCF101, a subset, one video, the circle."""

import pytest

from train.cache import read_index
from train.sources import prepare

OPTIONS = {"kind": "ucf101", "clips": None, "splits": None, "ready": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, moving, write_video):
    home = tmp_path_factory.mktemp("ucf")
    for label in ("Archery", "YoYo"):
        for group in (1, 8, 9, 10, 11):  # 1 is for test, 8 for validation
            write_video(home / label / f"v_{label}_g{group:02d}_c01.mp4", moving(6, 32, 48, seed=group))
    return home


def test_a_folder_gives_training_and_validation_groups_and_never_the_test_groups(folder, tmp_path):
    source = prepare(folder, tmp_path, **OPTIONS)
    assert len(source.train) == 6 and source.validation == ["v_Archery_g08_c01", "v_YoYo_g08_c01"]
    assert set(read_index(tmp_path)) == {*source.train, *source.validation}


def test_a_subset_is_spread_over_the_classes_and_validated_on_itself(folder, tmp_path):
    source = prepare(folder, tmp_path, **OPTIONS | {"clips": 2})
    assert source.train == source.validation == ["v_Archery_g09_c01", "v_YoYo_g09_c01"]
    assert len(prepare(folder, tmp_path, **OPTIONS | {"clips": 100}).train) == 6


def test_one_video_is_both(folder, tmp_path):
    video = next(folder.rglob("*.mp4"))
    assert prepare(video, tmp_path, **OPTIONS) == ([video.stem], [video.stem])
    assert set(read_index(tmp_path)) == {video.stem}


def test_circles_need_no_data(tmp_path):
    source = prepare(None, tmp_path, **OPTIONS | {"kind": "circle"})
    assert len(source.train) == 5 and source.train == source.validation


def test_a_cache_that_is_ready_is_not_touched(folder, tmp_path):
    prepare(folder, tmp_path / "cache", **OPTIONS | {"ready": True})
    assert not (tmp_path / "cache").exists()


def test_nothing_to_train_on_is_said(folder, tmp_path):
    with pytest.raises(ValueError, match="--data"):
        prepare(None, tmp_path, **OPTIONS)
    (tmp_path / "v_YoYo_g01_c01.mp4").write_bytes(b"")
    with pytest.raises(ValueError, match="no clip of a training group"):
        prepare(tmp_path, tmp_path, **OPTIONS)
