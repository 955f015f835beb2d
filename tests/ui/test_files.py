"""vp.ui.files: results go after an hour, uploads that went are told, clips from anywhere can be served."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from inspect import signature
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.context import LocalContext
from gradio.exceptions import InvalidPathError
from gradio.processing_utils import move_files_to_cache

from vp.errors import RequestError
from vp.explorer import Explorer, Window
from vp.ui import build, files
from vp.ui.downloads import KINDS
from vp.ui.files import KEPT, given_video, new_file
from vp.ui.handlers import Handlers
from vp.ui.store import Request

CLIPS = Path(__file__).resolve().parents[2] / "assets" / "clips"


@pytest.fixture
def served(monkeypatch, tmp_path) -> Path:
    """The folder that Gradio serves. What lies elsewhere in `tmp_path` is in no temporary folder."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "served"))
    return tmp_path / "served"


def request(path: Path, clip_id: str | None = None, title: str = "your video") -> Request:
    return Request(str(path), 1.0, title, clip_id, Window("one_frame"))


def test_results_go_after_an_hour_with_their_folders(served):
    old, young = new_file("old.npz"), new_file("young.npz")
    for path, age in ((old, KEPT + 60), (young, KEPT - 60)):
        path.write_bytes(b"x")
        os.utime(path.parent, (time.time() - age,) * 2)
    newest = new_file("newest.png")
    assert young.exists() and newest.parent.exists() and not old.parent.exists()
    assert {path.parent.parent for path in (young, newest)} == {served / "results"}


def test_a_result_that_cannot_be_removed_is_no_reason_to_make_none(served, monkeypatch):
    path = new_file("old.npz")
    os.utime(path.parent, (0, 0))

    def refuse(folder):
        raise PermissionError(13, "in use", str(folder))

    monkeypatch.setattr(files.shutil, "rmtree", refuse)
    assert new_file("new.npz").parent.exists()


@pytest.mark.parametrize(
    ("clip_id", "title", "message"),
    [
        (None, "your video", "Your video is no longer here, as uploads are deleted after an hour: upload it again"),
        ("circle:1", "Your circle", "Your circle is no longer here: choose it again"),
        ("walk.mp4", "Walk", "Walk is no longer here: choose it again"),
    ],
)
def test_a_video_that_was_deleted_is_asked_for_again(tmp_path, clip_id, title, message):
    handlers = Handlers(Explorer())
    handlers.explorer.classifier = lambda: SimpleNamespace(relevant=lambda parts: ())
    gone = request(tmp_path / "gone.mp4", clip_id, title)
    key = handlers.store.remember(gone)
    for use in (
        lambda: handlers.predict(gone),
        lambda: handlers.playable(gone),
        lambda: handlers.store.get(key),
        lambda: next(handlers.classify(key)),
    ):
        with pytest.raises(RequestError, match=message):
            use()
    for answer in (
        handlers.activations(key, "C1", "3x3", "h"),
        handlers.life(key, "C1", "3x3", 0),
        handlers.download(key, "png"),
        *handlers.compare(key)["results"],
    ):
        assert message in answer["error"]
    with pytest.raises(RequestError, match=message):
        handlers.inspect("importance", key, {})


def test_the_api_says_so_too(tmp_path):
    with pytest.raises(RequestError, match="uploads are deleted after an hour: upload it again"):
        given_video(str(tmp_path / "gone.mp4"))
    for nothing in (None, ""):
        with pytest.raises(RequestError, match="No video given"):
            given_video(nothing)


@pytest.mark.parametrize("kind", ["file", "link", "hub"])
def test_a_clip_from_anywhere_can_be_played(served, moving, write_video, tmp_path, kind):
    """The Hub's client keeps a link with the name of a file beside the content, whose own name is a hash."""
    clip = write_video(tmp_path / "elsewhere" / "clip.mp4", moving(4, 32, 48))
    if kind == "link":
        clip = tmp_path / "elsewhere" / "link.mp4"
        clip.symlink_to(tmp_path / "elsewhere" / "clip.mp4")
    elif kind == "hub":
        blob = clip.rename(tmp_path / "elsewhere" / "0f3a")
        clip.symlink_to(blob)
    handlers, player = Handlers(Explorer()), gr.Video()

    def serve(path: str) -> None:
        """What Gradio does with the result of a handler, once the page is launched."""
        page = gr.Blocks()
        page.has_launched, page.allowed_paths, page.blocked_paths = True, [], []
        token = LocalContext.blocks.set(page)
        try:
            move_files_to_cache(player.postprocess(path).model_dump(), player, postprocess=True)
        finally:
            LocalContext.blocks.reset(token)

    with pytest.raises(InvalidPathError):
        serve(str(clip))
    chosen = request(clip, "clip.mp4", "Clip")
    played = [Path(handlers.playable(chosen)) for _ in range(3)]
    assert set(played) == {played[0]} and played[0].is_relative_to(served)  # one copy for all who look at it
    assert played[0].read_bytes() == clip.read_bytes() and not played[0].is_symlink()
    serve(str(played[0]))
    another = write_video(tmp_path / "another.mp4", moving(5, 32, 48, seed=1))
    clip.write_bytes(another.read_bytes())
    assert Path(handlers.playable(chosen)).read_bytes() == another.read_bytes()


@pytest.fixture
def full_disk():
    """A limit on the length of files, which is answered as a full disk is, while the block is entered."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    @contextmanager
    def full(size: int = 1000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    return full


FULL_DISK = "cannot be written: the disk is full. Free some space, or start the app with GRADIO_TEMP_DIR"


def test_a_full_disk_is_told_by_what_the_page_asks_for_and_nothing_is_left_there(
    served, full_disk, moving, write_video, tmp_path
):
    handlers = Handlers(Explorer())
    chosen = replace(request(CLIPS / "walk.mp4", "walk.mp4", "Walk"), window=Window("one_frame", seen=2, horizon=1))
    key, _ = handlers.store.run(chosen)
    avi = request(write_video(tmp_path / "clip.avi", moving(8, 64, 96)))
    with full_disk():
        messages = {kind: handlers.download(key, kind).get("error", "") for kind in KINDS}
        for name, use in {
            "played": lambda: handlers.playable(chosen),
            "transcoded": lambda: handlers.playable(avi),
            "circle": lambda: handlers.pick("circle:0,9,14,ffffff"),
        }.items():
            with pytest.raises(RequestError) as refused:
                use()
            messages[name] = str(refused.value)
    assert {name: words for name, words in messages.items() if FULL_DISK not in words} == {}
    assert [path for path in served.rglob("*") if path.is_file()] == []
    assert all("url" in handlers.download(key, kind) for kind in KINDS)


def test_a_full_disk_is_told_by_the_api(served, full_disk):
    page = build(Explorer())
    clip = str(CLIPS / "walk.mp4")
    functions = {f.api_name: f.fn for f in page.fns.values() if f.api_visibility == "public"}
    short = {"model": "one_frame", "seen": 2, "horizon": 1}
    for name in ("predict", "activations", "silence", "saliency", "spectrum", "motion", "ladder_map"):
        parameters = signature(functions[name])
        given = parameters.bind(clip, **{key: short[key] for key in short if key in parameters.parameters})
        given.apply_defaults()
        with full_disk(), pytest.raises(gr.Error, match=FULL_DISK):
            functions[name](*given.args)
    assert [path for path in served.rglob("*") if path.is_file()] == []
