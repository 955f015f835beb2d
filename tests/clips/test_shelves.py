"""vp.clips.shelves: names of sources, ids across them, the order for looking around."""

import pytest

from vp.clips import Clip
from vp.clips.shelves import find_clip, open_shelves, varied
from vp.errors import ClipError


@pytest.fixture
def folders(tmp_path):
    for name in ("mine", "Circle", "mine too"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.mp4").touch()
    return [str(tmp_path / name) for name in ("mine", "Circle", "mine too")]


def test_each_source_is_a_shelf_and_the_hub_is_left_alone(folders, monkeypatch):
    monkeypatch.setattr("vp.hub.open_repository", lambda address: pytest.fail("the Hub was asked"))
    shelves = open_shelves(["bundled", "ucf101", "hf://datasets/me/clips", *folders])
    titles = ["Drawn", "UCF101", "clips", "mine", "Circle (2)", "mine too"]
    assert [shelf.title for shelf in shelves] == titles
    assert [shelf.prefix for shelf in shelves] == ["", "ucf101:", "clips:", "mine:", "circle-2:", "mine-too:"]
    assert "research data" in shelves[1].about and "hf://datasets/me/clips" in shelves[2].about
    assert not shelves[0].about and not shelves[3].about


def test_a_clip_is_found_on_its_shelf(folders):
    shelves = open_shelves(["bundled", folders[0]])
    clip = shelves[1].clips.search()[0]
    assert shelves[1].id(clip) == "mine:a.mp4"
    assert find_clip(shelves, "mine:a.mp4") == (shelves[1], clip)
    drawn = shelves[0].clips.search()[0]
    assert find_clip(shelves, drawn.id) == (shelves[0], drawn)
    for id in ("a.mp4", "mine:b.mp4", "yours:a.mp4", "mine:../mine/a.mp4"):
        with pytest.raises(ClipError, match="no such clip"):
            find_clip(shelves, id)


def test_the_same_source_twice_is_one_shelf_and_the_same_name_two(folders, tmp_path):
    other = tmp_path / "other" / "mine"
    other.mkdir(parents=True)
    (other / "b.mp4").touch()
    shelves = open_shelves([folders[0], folders[0], str(other)])
    assert [shelf.title for shelf in shelves] == ["mine", "mine (2)"]
    assert find_clip(shelves, "mine-2:b.mp4")[0] is shelves[1]


def test_slips_are_told_at_once(tmp_path):
    for specs, message in (
        ([str(tmp_path / "gone")], "no folder"),
        ([], "at least one"),
        (["hf://me/model"], "not a dataset"),
    ):
        with pytest.raises(ClipError, match=message):
            open_shelves(specs)


def test_the_order_varies_classes_and_videos():
    clips = [
        Clip(f"{label}{group}{piece}", label, "", group) for label in "AB" for group in (1, 8) for piece in (1, 2)
    ] + [Clip("X11", "X", "", 1)]
    order = varied(clips, lambda clip: (clip.label == "X", clip.group > 7))
    assert [clip.id for clip in order] == ["A11", "B11", "A12", "B12", "A81", "B81", "A82", "B82", "X11"]
    plain = [Clip(name, "", name) for name in "cab"]
    assert varied(plain, lambda clip: 0) == plain
