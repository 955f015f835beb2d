"""A source on the Hub that may be out of reach for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from .errors import ExplorerError

Source = TypeVar("Source")
# Seconds after which a source that could not be opened is tried again, when somebody asks for it.
PAUSE = 5.0


class Reopening(Generic[Source]):
    """Opens a source now, or when it is asked for and the Hub is there again.

    spec: what to open; opener: opens it, raising ExplorerError. remote: whether it is on the Hub. What is not must open
    at once: a folder that is not there is a slip of whoever starts the app, and raises here. later: leave what is
    remote alone until it is asked for.
    """

    def __init__(self, spec: str, opener: Callable[[str], Source], *, remote: bool, later: bool = False) -> None:
        self.spec, self._opener = spec, opener
        self._source: Source | None = None
        self._error: ExplorerError | None = None
        self._tried = 0.0
        self._lock = threading.Lock()
        if remote and later:
            return
        try:
            self.get()
        except ExplorerError:
            if not remote:
                raise

    def get(self) -> Source:
        """The source. Raises the ExplorerError of the last try."""
        with self._lock:
            if self._source is not None:
                return self._source
            if self._error is None or time.monotonic() - self._tried > PAUSE:
                try:
                    self._source, self._error = self._opener(self.spec), None
                    return self._source
                except ExplorerError as error:
                    self._error = error
                self._tried = time.monotonic()
            raise self._error

    @property
    def opened(self) -> Source | None:
        """The source if it was opened before. Asks nobody for it, so it never waits."""
        return self._source

    @property
    def trouble(self) -> str | None:
        """Why it cannot be used at the moment, None if it can."""
        try:
            self.get()
        except ExplorerError as error:
            return str(error)
        return None
