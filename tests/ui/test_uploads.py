"""Uploads that break off or stall."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest
from aside import run_aside
from starlette.formparsers import MultiPartException

from vp import replacing
from vp.ui import uploads
from vp.ui.uploads import UploadGuard

PIECE = {"type": "http.request", "body": b"x", "more_body": True}
LAST = {"type": "http.request", "body": b"x", "more_body": False}
GONE = {"type": "http.disconnect"}


def read(messages: list[dict], path: str = "/gradio_api/upload", *, hang: bool = False) -> list[dict]:
    """What an application behind the guard reads, until the messages are over."""
    left, got = list(messages), []

    async def receive() -> dict:
        if not left and hang:
            await asyncio.sleep(60)
        return left.pop(0)

    async def app(scope: dict, receive: object, send: object) -> None:
        for _ in range(len(messages) + hang):
            got.append(await receive())

    try:
        run_aside(UploadGuard(app)({"type": "http", "path": path}, receive, None))
    except MultiPartException as error:
        got.append({"error": error.message})
    return got


def test_a_whole_upload_passes_and_then_the_sender_may_go() -> None:
    assert read([PIECE, PIECE, LAST, GONE]) == [PIECE, PIECE, LAST, GONE]


def test_a_broken_upload_is_a_malformed_one() -> None:
    assert read([PIECE, GONE]) == [PIECE, {"error": "The upload broke off: try again."}]


def test_a_silent_sender_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "STALLED", 0.01)
    assert read([PIECE], hang=True) == [PIECE, {"error": "The upload stalled: try again."}]


def test_a_full_disk_is_seen_before_the_upload_is_on_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    assert read([PIECE, LAST]) == [PIECE, LAST]
    monkeypatch.setattr(replacing, "LITTLE", 1 << 62)
    (answer,) = read([PIECE, LAST])
    assert "the disk is full. Free some space" in answer["error"]
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "not made yet"))
    assert read([PIECE, LAST]) == [PIECE, LAST]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_is_an_answer_of_one_line(number: int) -> None:
    sent = []

    async def app(scope: dict, receive: object, send: object) -> None:
        raise OSError(number, os.strerror(number))

    async def send(message: dict) -> None:
        sent.append(message)

    run_aside(UploadGuard(app)({"type": "http", "path": "/upload"}, None, send))
    assert [message.get("status") for message in sent] == [507, None] and b"the disk is full" in sent[1]["body"]


def test_other_errors_are_left_alone() -> None:
    async def app(scope: dict, receive: object, send: object) -> None:
        raise PermissionError(errno.EACCES, "no")

    with pytest.raises(PermissionError):
        run_aside(UploadGuard(app)({"type": "http", "path": "/upload"}, None, None))


def test_other_routes_are_left_alone() -> None:
    assert read([PIECE, GONE], "/gradio_api/queue/data") == [PIECE, GONE]
