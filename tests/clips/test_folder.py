"""vp.clips: listings of folders, search, ids. The Hub itself is tested against a server in tests/hub."""

import contextlib
import json
import os
import re
import time

import pytest
from PIL import Image

from vp.clips import open_clips, opening
from vp.errors import ClipError


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.fixture
def ucf(tmp_path):
    """A small tree in the layout of UCF-101."""
    return touch(
        tmp_path / "ucf",
        "ApplyLipstick/v_ApplyLipstick_g01_c02.avi",
        "ApplyLipstick/v_ApplyLipstick_g01_c01.avi",
        "ApplyEyeMakeup/v_ApplyEyeMakeup_g12_c03.mp4",
        "YoYo/v_YoYo_g25_c01.webm",
        "YoYo/notes.txt",
        "YoYo/.hidden.avi",
        ".git/v_YoYo_g25_c09.avi",
    )


# Folders ------------------------------------------------------------------------------------------------------


def test_the_layout_of_ucf101(ucf):
    source = open_clips(str(ucf))
    assert source.spec == str(ucf)
    assert len(source) == 4
    assert source.labels == {"ApplyEyeMakeup": 1, "ApplyLipstick": 2, "YoYo": 1}
    assert list(source.labels) == sorted(source.labels)
    clip = source.search()[1]
    assert clip.id == "ApplyLipstick/v_ApplyLipstick_g01_c01.avi"
    assert clip.label == "ApplyLipstick"
    assert clip.name == "Apply Lipstick g01 c01"
    assert source.get(clip.id) is clip
    assert source.path(clip.id) == (ucf / clip.id).resolve()


def test_a_folder_around_the_classes(ucf, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    ucf.rename(outer / "UCF-101")
    source = open_clips(str(outer))
    assert source.labels == {"ApplyEyeMakeup": 1, "ApplyLipstick": 2, "YoYo": 1}
    assert source.path(source.search("yo")[0].id).name == "v_YoYo_g25_c01.webm"


def test_a_flat_folder(tmp_path):
    source = open_clips(str(touch(tmp_path / "flat", "b.MOV", "a.mp4", "v_Surfing_g01_c01.avi", "readme.md")))
    assert [(clip.id, clip.label) for clip in source.search()] == [
        ("a.mp4", ""),
        ("b.MOV", ""),
        ("v_Surfing_g01_c01.avi", "Surfing"),
    ]
    assert source.labels == {"Surfing": 1}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("apply lip", 2),
        ("LIPSTICK", 2),
        ("applylipstick", 2),
        ("apply", 3),
        ("makeup eye", 1),
        ("g25", 1),
        ("  ", 4),
        ("lip yoyo", 0),
        ("no such thing", 0),
        ("(.*", 0),
    ],
)
def test_search(ucf, text, found):
    assert len(open_clips(str(ucf)).search(text)) == found


def test_search_by_label_and_page(ucf):
    source = open_clips(str(ucf))
    assert {clip.label for clip in source.search(label="ApplyLipstick")} == {"ApplyLipstick"}
    assert source.search("c01", label="ApplyLipstick")[0].id.endswith("g01_c01.avi")
    assert source.search(label="Nothing") == []
    pages = [source.search(limit=3, offset=offset) for offset in (0, 3, 6)]
    assert [len(page) for page in pages] == [3, 1, 0]
    assert pages[0] + pages[1] == source.search()
    assert source.search(limit=-1) == [] and len(source.search(offset=-5)) == 4


@pytest.mark.parametrize(
    "id", ["", "..", "../ucf/YoYo/v_YoYo_g25_c01.webm", "/etc/passwd", "YoYo/notes.txt", "\0", None, 3]
)
def test_only_ids_of_the_listing_open(ucf, id):
    source = open_clips(str(ucf))
    for call in (source.get, source.path, source.thumbnail):
        with pytest.raises(ClipError, match="no such clip"):
            call(id)


def test_links_that_leave_the_folder_are_told(ucf, tmp_path, capsys):
    outside = touch(tmp_path / "outside", "secret.avi", "Class/secret.avi", "notes.txt")
    open_clips(str(ucf))
    assert capsys.readouterr().err == ""
    for name, target in (("notes.txt", "notes.txt"), ("gone.avi", "nowhere.avi"), (".hidden", "Class")):
        (ucf / name).symlink_to(outside / target)
    open_clips(str(ucf))
    assert capsys.readouterr().err == ""  # these would be left out wherever they led
    (ucf / "YoYo" / "link.avi").symlink_to(outside / "secret.avi")
    open_clips(str(ucf))
    assert re.fullmatch(
        r"warning: a link in .*YoYo/link\.avi\) leads? out of it.*left out.*\n", capsys.readouterr().err
    )
    (ucf / "Class").symlink_to(outside / "Class")
    open_clips(str(ucf))
    assert "2 links in" in capsys.readouterr().err


def test_a_folder_of_nothing_but_links_out_of_it_says_so(tmp_path):
    touch(tmp_path / "outside", "a.avi")
    for name, target in (("Class", "outside"), ("a.avi", "outside/a.avi")):
        folder = tmp_path / f"of {name}"
        folder.mkdir()
        (folder / name).symlink_to(tmp_path / target)
        with pytest.raises(ClipError, match=rf"no videos in .*: a link in .*such as {name}\) leads out of it"):
            open_clips(str(folder))


def test_links_that_leave_the_folder_are_not_followed(ucf, tmp_path):
    outside = touch(tmp_path / "outside", "secret.avi", "Class/secret.avi")
    (ucf / "link.avi").symlink_to(outside / "secret.avi")
    (ucf / "Class").symlink_to(outside / "Class")
    (ucf / "gone.avi").symlink_to(tmp_path / "nowhere.avi")
    (ucf / "inside.avi").symlink_to(ucf / "YoYo" / "v_YoYo_g25_c01.webm")
    (ucf / "loop").symlink_to(ucf)
    source = open_clips(str(ucf))
    assert not source.search("secret") and not source.search("link") and not source.search("gone")
    assert source.search("inside")
    target = ucf / "YoYo" / "v_YoYo_g25_c01.webm"  # swapped after the listing
    target.unlink()
    target.symlink_to(outside / "secret.avi")
    with pytest.raises(ClipError, match="gone"):
        source.path("YoYo/v_YoYo_g25_c01.webm")


def test_a_root_that_is_a_link_works(ucf, tmp_path):
    (tmp_path / "link").symlink_to(ucf)
    source = open_clips(str(tmp_path / "link"))
    assert source.path(source.search()[0].id).is_file()


def test_names_that_cannot_be_shown_are_left_out(tmp_path):
    root = touch(tmp_path / "odd", "好 clip.mp4", "two\nlines.mp4")
    with contextlib.suppress(OSError):  # some file systems allow only names in UTF-8
        (root / os.fsdecode(b"broken\xff.mp4")).touch()
    assert [clip.id for clip in open_clips(str(root)).search()] == ["好 clip.mp4"]


def test_a_clip_that_is_gone(ucf):
    source = open_clips(str(ucf))
    (ucf / "YoYo/v_YoYo_g25_c01.webm").unlink()
    with pytest.raises(ClipError, match="gone"):
        source.path("YoYo/v_YoYo_g25_c01.webm")


def test_sources_that_cannot_be_opened(tmp_path):
    with pytest.raises(ClipError, match="no folder"):
        open_clips(str(tmp_path / "missing"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ClipError, match="no videos"):
        open_clips(str(tmp_path / "empty"))
    for spec in (
        "hf://owner/name",
        "hf://datasets/name",
        "hf://datasets/a/b/c",
        "hf://datasets/a/b@",
        "hf://models/a/b",
    ):
        with pytest.raises(ClipError, match="hf://datasets/owner/name"):
            open_clips(spec)


def test_all_of_ucf101_lists_in_under_a_second(tmp_path):
    root = tmp_path / "UCF-101"
    for number in range(101):
        label = f"Class{chr(65 + number % 26)}Number{number}"
        (root / label).mkdir(parents=True)
        for index in range(132 if number < 89 else 131):
            name = f"v_{label}_g{index // 6 + 1:02}_c{index % 6 + 1:02}.avi"
            os.close(os.open(root / label / name, os.O_CREAT))
    seconds = []
    for _ in range(3):  # of the processor and the best of three, for other programs run beside the tests
        begin = time.process_time()
        source = open_clips(str(tmp_path))
        listed = time.process_time()
        assert len(source) == 13320 and len(source.labels) == 101
        assert len(source.search("number100 g21", limit=100)) == 6
        seconds.append((listed - begin, time.process_time() - listed))
    assert min(listing for listing, _ in seconds) < 1
    assert min(searching for _, searching in seconds) < 0.2


# Bundled clips and their manifest -----------------------------------------------------------------------------


def test_the_manifest_names_and_orders_the_clips(tmp_path, monkeypatch):
    root = touch(tmp_path / "clips", "a.mp4", "moving_circle.mp4", "z.mp4")
    entry = {
        "file": "moving_circle.mp4",
        "title": "Moving circle",
        "motion": ["translation"],
        "about": "A disc drifts.",
    }
    manifest = {"clips": [entry, {"file": "a.mp4", "label": "Toys"}, {"file": "../missing.mp4"}]}
    (root / "clips.json").write_text(json.dumps(manifest), encoding="utf-8")
    monkeypatch.setattr(opening, "BUNDLED", root)
    source = open_clips("bundled")
    assert [clip.id for clip in source.search()] == ["moving_circle.mp4", "a.mp4", "z.mp4"]
    clip = source.get("moving_circle.mp4")
    assert (clip.name, clip.motion, clip.about) == ("Moving circle", ("translation",), "A disc drifts.")
    assert source.search("translation disc") == [clip]
    assert source.labels == {"Toys": 1}


@pytest.mark.parametrize("content", ["{", "[]", '{"clips": [{"title": "x"}]}', '{"clips": ["x"]}'])
def test_a_broken_manifest_says_so(tmp_path, content):
    root = touch(tmp_path / "clips", "a.mp4")
    (root / "clips.json").write_text(content, encoding="utf-8")
    with pytest.raises(ClipError, match=r"clips\.json"):
        open_clips(str(root))


# UCF101 -------------------------------------------------------------------------------------------------------


@pytest.mark.ucf101
def test_ucf101(ucf101):
    source = open_clips(str(ucf101 / "videos"))
    assert len(source) == 2193 and len(source.labels) == 24
    clip = source.search("basketball dunk", limit=1)[0]
    assert clip.label == "BasketballDunk"
    assert Image.open(source.thumbnail(clip.id)).size == (160, 128)
    assert len(open_clips(str(ucf101 / "original"))) == 12
