"""Uploads that break off or stall: what has arrived of them is thrown away, quietly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping

from starlette.formparsers import MultiPartException

STALLED = 60  # seconds without a byte

Message = MutableMapping[str, object]


class UploadGuard:
    """ASGI middleware around Gradio's upload route.

    Gradio removes what it has stored of an upload when its form is malformed, but leaves it on the disk, with a
    traceback in the log, when the sender hangs up; and it waits for ever for a sender who falls silent. Both are turned
    into the malformed form here.
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
            complete = not message.get("more_body", False)
            return message

        await self.app(scope, guarded, send)
