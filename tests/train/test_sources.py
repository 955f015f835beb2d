"""train.data.sources: UCF101, a subset, one video, the circle."""

import pytest

from train.data.frame_cache import read_index
from train.data.sources import prepare

OPTIONS = {"kind": "ucf101", "clips": None, "splits": None}


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


def test_two_videos_of_one_name_are_two_sources(moving, write_video, tmp_path):
    one, two = (write_video(tmp_path / at / "IMG_1.mp4", moving(n, 32, 48), 25) for at, n in (("a", 4), ("b", 6)))
    sources = [prepare(video, tmp_path / "cache", **OPTIONS) for video in (one, two)]
    for source, video, count in zip(sources, (one, two), (4, 6)):
        assert source == prepare(video, tmp_path / "cache", **OPTIONS)
        assert source.train == source.validation and read_index(tmp_path / "cache")[source.train[0]][0] == count
    write_video(two, moving(8, 32, 48), 25)
    assert prepare(two, tmp_path / "cache", **OPTIONS) == sources[1]
    assert read_index(tmp_path / "cache")[sources[1].train[0]][0] == 8


def test_lists_that_do_not_match_stop_a_run(folder, tmp_path):
    for splits, error in ((tmp_path / "nowhere", FileNotFoundError), (folder, FileNotFoundError)):
        with pytest.raises(error, match="--splits"):
            prepare(folder, tmp_path, **OPTIONS | {"splits": splits})
    (tmp_path / "testlist01.txt").write_text(
        "Archery\\v_Archery_g09_c01.avi\nYoYo\\v_YoYo_g09_c01.avi\n", encoding="utf-8"
    )
    source = prepare(folder, tmp_path, **OPTIONS | {"splits": tmp_path})
    assert not any("g09" in name for name in (*source.train, *source.validation)) and len(source.train) == 6


def test_circles_need_no_data(tmp_path):
    source = prepare(None, tmp_path, **OPTIONS | {"kind": "circle"})
    assert len(source.train) == 5 and source.train == source.validation


def test_a_cache_that_is_ready_is_not_touched(folder, tmp_path, monkeypatch):
    source = prepare(folder, tmp_path, **OPTIONS)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    monkeypatch.setattr("train.data.frame_cache._build_one", None)  # to decode would fail
    assert prepare(folder, tmp_path, **OPTIONS) == source
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_nothing_to_train_on_is_said(folder, tmp_path):
    with pytest.raises(ValueError, match="--data"):
        prepare(None, tmp_path, **OPTIONS)
    (tmp_path / "v_YoYo_g01_c01.mp4").write_bytes(b"")
    with pytest.raises(ValueError, match="no clip of a training group"):
        prepare(tmp_path, tmp_path, **OPTIONS)
