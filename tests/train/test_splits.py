"""train.data.splits: what is for training, what for choosing, what for the final test."""

import os

import pytest

from train.data.clip_files import find_clips
from train.data.splits import VALIDATION_GROUPS, read_list, select

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
    (folder / "testlist01.txt").write_text("YoYo/v_YoYo_g25_c01.avi\n\nYoYo/v_YoYo_g08_c02.avi 3\n", encoding="utf-8")
    clips = find_clips(folder)
    assert [c.name for c in select(clips, "test", folder)] == ["v_YoYo_g08_c02", "v_YoYo_g25_c01"]
    assert "v_YoYo_g08_c02" not in {c.name for c in select(clips, "validation", folder)}


NAMES = ("v_YoYo_g25_c01", "v_HandStand_Up_g08_c02")
LINES = {
    "as published": "YoYo/v_YoYo_g25_c01.avi\nHandStand_Up/v_HandStand_Up_g08_c02.avi\n",
    "with class numbers": "YoYo/v_YoYo_g25_c01.avi 2\nHandStand_Up/v_HandStand_Up_g08_c02.avi 1\n",
    "backslashes": "YoYo\\v_YoYo_g25_c01.avi\r\nHandStand_Up\\v_HandStand_Up_g08_c02.avi\r\n",
    "a drive and spaces": "D:\\My v_ideos\\v_YoYo_g25_c01.avi 2\nC:/U C F/v_HandStand_Up_g08_c02.avi\n",
    "other capitals": "yoyo/v_Yoyo_g25_c01.avi\nHandstand_Up/V_HANDSTAND_UP_G08_C02.AVI\n",
    "spaces in and around": "  Yo Yo/v_Yo Yo_g25_c01.avi  \n\n\tv_HandStand_ Up_g08_c02.avi\t1\n",
    "no type": "v_YoYo_g25_c01\nv_HandStand_Up_g08_c02",
    "a table": '"YoYo/v_YoYo_g25_c01.avi",2\n"v_HandStand_Up_g08_c02.mp4",1\n',
}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("lines", LINES.values(), ids=LINES.keys())
def test_a_list_matches_whichever_system_wrote_it(folder, lines, encoding):
    (folder / "testlist01.txt").write_bytes(lines.encode(encoding))
    clips = find_clips(folder)
    assert {c.name for c in select(clips, "test", folder)} == set(NAMES)
    trained = {c.name for part in ("train", "validation") for c in select(clips, part, folder)}
    assert trained == {c.name for c in clips} - set(NAMES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"YoYo/v_YoYo_g25_c01.avi\nYoYo/another.avi\n", "line 2 names no clip: 'YoYo/another.avi'"),
        (b"YoYo/v_YoYo_g25_c01.avi\nv_YoYo_g251_c01.avi", "line 2 names no clip"),
        (b"YoYo/v_YoYo_g25_c011.avi", "line 1 names no clip"),
        (b"\n\n", "names no clip: it is empty"),
        (b"", "names no clip: it is empty"),
        (b"YoYo/v_YoYo_g25_c01.avi\n\xff\xfe\x80", "not text in UTF-8 or UTF-16"),
        (b"YoYo/v_YoYo_g25_c07.avi", "names none of the 150 clips"),
        (b"YoYo/v_YoYo_g25_c01.avi\nv_HandStandUp_g25_c01.avi", "class handstandup, .* handstand_up: call both alike"),
    ],
    ids=[
        "another name", "three digits", "three digits of a clip", "empty lines", "nothing", "no text",
        "no clip of these", "a class by another name",
    ],
)  # fmt: skip
def test_a_list_that_does_not_match_is_an_error(folder, content, message):
    (folder / "testlist01.txt").write_bytes(content)
    for part in PARTS:
        with pytest.raises(ValueError, match=message):
            select(find_clips(folder), part, folder)


def test_lists_that_are_not_there_are_an_error(folder):
    clips = find_clips(folder)
    (folder / "testlist01.txt").write_text(LINES["as published"], encoding="utf-8")
    for place, split in ((folder / "nowhere", 1), (folder / "testlist01.txt", 1), (folder, 2), (folder / "YoYo", 1)):
        with pytest.raises(FileNotFoundError, match="there is no .*point --splits"):
            select(clips, "train", place, split)


def test_with_both_lists_every_clip_is_in_one_of_them(folder):
    clips = find_clips(folder)
    tested = [c for c in clips if c.group < 8]
    trained = [c for c in clips if c.group >= 8]
    for name, some in (("testlist01.txt", tested), ("trainlist01.txt", trained)):
        (folder / name).write_text("".join(f"{c.label}\\{c.name.upper()}.avi 1\n" for c in some), encoding="utf-8")
    assert select(clips, "test", folder) == tested and select(clips, "train+validation", folder) == trained
    (folder / "testlist01.txt").write_text(
        "\n".join(c.name for c in tested[:-1]), encoding="utf-8"
    )  # a download that broke off
    with pytest.raises(ValueError, match=f"neither trainlist01.txt and testlist01.txt .* {tested[-1].name}"):
        select(clips, "train", folder)
    (folder / "testlist01.txt").write_text("\n".join(c.name for c in (*tested, trained[0])), encoding="utf-8")
    with pytest.raises(ValueError, match=f"both trainlist01.txt and testlist01.txt .* {trained[0].name}"):
        select(clips, "train", folder)


def test_names_on_a_disk_may_have_other_capitals(folder):
    (folder / "YOYO").mkdir()
    for path in (folder / "YoYo").iterdir():
        path.rename(folder / "YOYO" / path.name.upper())
    (folder / "testlist01.txt").write_text(LINES["as published"], encoding="utf-8")
    clips = find_clips(folder)
    assert len(clips) == 2 * 25 * 3
    assert {c.name for c in select(clips, "test", folder)} == {"V_YOYO_G25_C01", NAMES[1]}


def test_links_are_followed(folder, tmp_path_factory):
    away = tmp_path_factory.mktemp("linked")
    (away / "YoYo").symlink_to(folder / "YoYo")  # a class
    (away / "one").mkdir()
    (away / "one" / "v_HandStand_Up_g01_c01.avi").symlink_to(folder / "HandStand_Up" / "v_HandStand_Up_g01_c01.avi")
    (away / "YoYo" / "back").symlink_to(away)  # and round in circles
    (away / "self").symlink_to(away)
    assert [c.name for c in find_clips(away)] == ["v_HandStand_Up_g01_c01", *(
        c.name for c in find_clips(folder) if c.label == "YoYo"
    )]  # fmt: skip
    whole = tmp_path_factory.mktemp("home") / "UCF-101"
    whole.symlink_to(away)
    assert len(find_clips(whole)) == 76


def test_two_clips_of_one_name_are_an_error_unless_they_are_the_same(folder):
    first = folder / "YoYo" / "v_YoYo_g01_c01.avi"
    first.write_bytes(b"one")
    (folder / "more").mkdir()
    for name in ("v_YoYo_g01_c01.avi", "v_YoYo_g01_c01.mp4", "V_YOYO_g01_c01.avi"):
        second = folder / "more" / name
        second.write_bytes(b"one")
        assert len(find_clips(folder)) == 2 * 25 * 3
        second.write_bytes(b"two")
        with pytest.raises(ValueError, match=f"two different clips.*{name}") as error:
            find_clips(folder)
        assert str(first) in str(error.value) and str(second) in str(error.value)
        second.unlink()


def test_a_class_that_may_not_be_read_is_an_error(folder, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if os.path.basename(path) == "YoYo":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError, match="YoYo"):
        find_clips(folder)


def test_a_folder_that_is_not_there_says_so(folder):
    for place in (folder / "nowhere", folder / "README.md"):
        with pytest.raises(FileNotFoundError, match=r"no folder .*--data"):
            find_clips(place)


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
