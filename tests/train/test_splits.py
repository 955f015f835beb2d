"""train.splits: what is for training, what for choosing, what for the final test."""

import pytest

from train.splits import VALIDATION_GROUPS, find_clips, read_list, select

PARTS = ("train", "validation", "test")


@pytest.fixture
def folder(tmp_path):
    """Three clips of every group of two classes, and files that are no clips."""
    for label in ("YoYo", "HandStand_Up"):
        (tmp_path / label).mkdir()
        for group in range(1, 26):
            for clip in range(1, 4):
                (tmp_path / label / f"v_{label}_g{group:02d}_c{clip:02d}.{'avi' if clip < 3 else 'MP4'}").touch()
    for other in ("README.md", "v_YoYo_g01_c01.txt", "v_YoYo_g1_c1.avi", "v_YoYo.avi", "YoYo_g01_c01.avi"):
        (tmp_path / other).touch()
    return tmp_path


def groups(clips) -> set[int]:
    return {clip.group for clip in clips}


def test_clips_are_found_by_name_and_sorted(folder):
    clips = find_clips(folder)
    assert len(clips) == 2 * 25 * 3
    assert [c.name for c in clips] == sorted(c.name for c in clips)
    first = clips[0]
    assert (first.name, first.label, first.group) == ("v_HandStand_Up_g01_c01", "HandStand_Up", 1)
    assert first.path == folder / "HandStand_Up" / "v_HandStand_Up_g01_c01.avi"


def test_a_folder_without_clips_says_what_it_wants(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"v_CLASS_gXX_cYY.*--data"):
        find_clips(tmp_path)


@pytest.mark.parametrize("split", [1, 2, 3])
def test_the_parts_share_no_group_and_are_everything(folder, split):
    clips = find_clips(folder)
    parts = [select(clips, part, split=split) for part in PARTS]
    assert sorted(c.name for part in parts for c in part) == [c.name for c in clips]
    train, validation, test = map(groups, parts)
    assert test == set(range(7 * split - 6, 7 * split + 1))
    assert validation == set(VALIDATION_GROUPS) - test
    assert train | validation | test == set(range(1, 26))
    assert not (train & validation or train & test or validation & test)


def test_train_and_validation_together_are_the_official_training_part(folder):
    clips = find_clips(folder)
    both = select(clips, "train+validation")
    assert {c.name for c in both} == {c.name for part in PARTS[:2] for c in select(clips, part)}


def test_a_list_decides_where_there_is_one(folder):
    (folder / "testlist01.txt").write_text("YoYo/v_YoYo_g25_c01.avi\n\nYoYo/v_YoYo_g08_c02.avi 3\n")
    clips = find_clips(folder)
    assert [c.name for c in select(clips, "test", folder)] == ["v_YoYo_g08_c02", "v_YoYo_g25_c01"]
    assert "v_YoYo_g08_c02" not in {c.name for c in select(clips, "validation", folder)}
    assert groups(select(clips, "test", folder, split=2)) == set(range(8, 15))  # no list for split 2


def test_an_unknown_part_says_which_there_are(folder):
    with pytest.raises(ValueError, match="train, validation"):
        select(find_clips(folder), "tests")


@pytest.mark.ucf101
@pytest.mark.parametrize("split", [1, 2, 3])
def test_the_groups_decide_as_the_official_lists_do(ucf101, split):
    clips = find_clips(ucf101 / "videos")
    listed = read_list(ucf101 / "splits" / f"testlist{split:02d}.txt")
    assert len(clips) > 2000 and len(listed) > 3000
    by_group = select(clips, "test", split=split)
    assert by_group == select(clips, "test", ucf101 / "splits", split)
    assert {c.name for c in by_group} == {c.name for c in clips} & listed
    trained = read_list(ucf101 / "splits" / f"trainlist{split:02d}.txt")
    assert {c.name for c in select(clips, "train+validation", split=split)} <= trained
