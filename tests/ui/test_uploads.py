"""Uploads that break off or stall."""

from __future__ import annotations

import asyncio

import pytest
from aside import run_aside
from starlette.formparsers import MultiPartException

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


def test_other_routes_are_left_alone() -> None:
    assert read([PIECE, GONE], "/gradio_api/queue/data") == [PIECE, GONE]
