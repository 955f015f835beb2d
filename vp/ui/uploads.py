"""Uploads that break off, stall or find no room: what has arrived of them is thrown away, quietly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping

from gradio.utils import get_upload_folder
from starlette.formparsers import MultiPartException
from starlette.responses import PlainTextResponse

from vp.replacing import FULL, disk_is_full

from .files import MAKE_ROOM

STALLED = 60  # seconds without a byte
NO_ROOM = f"The upload cannot be stored: the disk is full. {MAKE_ROOM}"

Message = MutableMapping[str, object]


class UploadGuard:
    """ASGI middleware around Gradio's upload route.

    Gradio removes what it has stored of an upload when its form is malformed, but leaves it on the disk, with a
    traceback in the log, when the sender hangs up or the disk is full; and it waits for ever for a sender who falls
    silent. All three are turned into the malformed form here.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable) -> None:
        """Serve one request, as every ASGI application does."""
        if scope["type"] != "http" or not str(scope["path"]).endswith("/upload"):
            await self.app(scope, receive, send)
            return
        complete = False

        async def guarded() -> Message:
            nonlocal complete
            if complete:  # nothing to read any more: this waits for the sender to hang up
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), STALLED)
            except asyncio.TimeoutError:  # not the built-in one before Python 3.11
                raise MultiPartException("The upload stalled: try again.") from None
            if message["type"] == "http.disconnect":
                raise MultiPartException("The upload broke off: try again.")
            if disk_is_full(get_upload_folder()):
                raise MultiPartException(NO_ROOM)
            complete = not message.get("more_body", False)
            return message

        try:
            await self.app(scope, guarded, send)
        except OSError as error:  # no room for other reasons, such as a quota
            if error.errno not in FULL:
                raise
            await PlainTextResponse(NO_ROOM, status_code=507)(scope, receive, send)
