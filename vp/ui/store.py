"""Rollouts that a page may still ask about, kept in memory within a bound.

A page holds only a key. Keys are random, so one visitor cannot ask for another's clip. When a rollout was dropped
to make room, it is computed again from its request.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from vp.errors import RequestError
from vp.explorer import Window
from vp.rollout import Rollout

from .files import still_there

MAX_BYTES = 150_000_000  # about a dozen: one that was dropped is there again in a blink
MAX_REQUESTS = 2_000


@dataclass(frozen=True)
class Request:
    """What was predicted: a file on this machine, its length, its title and id in the gallery (None for an upload).

    label: the class it shows, as its name tells, "" where it does not. trained_on: whether clips cut from the same
    video were used to train the networks.
    """

    path: str
    seconds: float
    title: str
    clip_id: str | None
    window: Window
    label: str = ""
    trained_on: bool = False

    @property
    def file(self) -> str:
        """`path` for reading. Raises RequestError once it was deleted, as uploads are after a while."""
        return still_there(self.path, self.title[:1].upper() + self.title[1:], uploaded=self.clip_id is None)


class RolloutStore:
    """Least-recently-used rollouts by key. Thread-safe."""

    def __init__(self, compute: Callable[[Request], Rollout], max_bytes: int = MAX_BYTES) -> None:
        self._compute, self._max_bytes = compute, max_bytes
        self._requests: OrderedDict[str, Request] = OrderedDict()
        self._rollouts: OrderedDict[str, Rollout] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def run(self, request: Request) -> tuple[str, Rollout]:
        """Compute a rollout and keep it. Returns its new key and it."""
        rollout = self._compute(request)
        key = self.remember(request)
        self._keep(key, rollout)
        return key, rollout

    def remember(self, request: Request, key: str | None = None) -> str:
        """Keep a request whose rollout will be computed when somebody asks for it. Returns its key."""
        key = key or secrets.token_urlsafe(12)
        with self._lock:
            self._requests[key] = request
            while len(self._requests) > MAX_REQUESTS:
                self._requests.popitem(last=False)
        return key

    def request(self, key: str) -> Request:
        """The request of a key. Raises RequestError if it is unknown or long gone."""
        with self._lock:
            request = self._requests.get(key) if isinstance(key, str) else None
        if request is None:
            raise RequestError("This prediction is no longer in memory. Choose the clip again.")
        return request

    def get(self, key: str) -> Rollout:
        """The rollout of a key, computed again if it was dropped. Raises RequestError for an unknown key."""
        request = self.request(key)
        with self._lock:
            if key in self._rollouts:
                self._rollouts.move_to_end(key)
                return self._rollouts[key]
        rollout = self._compute(request)
        self._keep(key, rollout)
        return rollout

    def _keep(self, key: str, rollout: Rollout) -> None:
        with self._lock:
            if key in self._rollouts:
                return
            self._rollouts[key] = rollout
            self._bytes += rollout.nbytes
            while self._bytes > self._max_bytes and len(self._rollouts) > 1:
                self._bytes -= self._rollouts.popitem(last=False)[1].nbytes
