"""app.py: its command line."""

import pytest

import app
from vp.clips.shelves import open_shelves


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.delenv("VP_CLIPS", raising=False)


def test_both_shelves_without_a_word():
    assert app.parse([]).clips == ["bundled", "ucf101"]
    assert [shelf.title for shelf in open_shelves(app.parse([]).clips)] == ["Drawn", "UCF101"]


def test_several_sources(monkeypatch, tmp_path):
    assert app.parse(["--clips", "a", "b", "--clips", "c"]).clips == ["a", "b", "c"]
    monkeypatch.setenv("VP_CLIPS", "bundled, hf://datasets/me/clips,")
    assert app.parse([]).clips == ["bundled", "hf://datasets/me/clips"]
    assert app.parse(["--clips", "a"]).clips == ["a"]
    folder = tmp_path / "mine, and more"
    folder.mkdir()
    monkeypatch.setenv("VP_CLIPS", str(folder))
    assert app.parse([]).clips == [str(folder)]
