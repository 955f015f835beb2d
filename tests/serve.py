"""The real app in a process of its own, for the tests of the API and of the page.

The weights and clips are the bundled ones unless VP_CHECKPOINTS and VP_CLIPS name others, as for the app itself.
A pytest plugin: `config.pluginmanager.import_plugin("serve")` gives the fixtures `server` and `untroubled`.
"""

from __future__ import annotations

import concurrent.futures
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from gradio_client import Client

ROOT = Path(__file__).resolve().parents[1]
START = 180  # seconds for imports, weights and thumbnails on a busy machine
ANSWER = 150  # seconds for an answer there


class Visitor(Client):
    """gradio_client, each of whose requests is a session of its own.

    When the stream of one answer ends, the server drops what it holds for that session (Gradio 6.31): a request that
    comes at that moment is never answered, one of many hundreds on a busy machine. What is not answered is asked once
    more, with a warning.
    """

    def __init__(self, url: str, **options: object) -> None:
        super().__init__(url, verbose=False, analytics_enabled=False, **options)

    def predict(self, *args: object, **kwargs: object) -> object:
        """As `Client.predict`, but raises TimeoutError after twice `ANSWER` seconds."""
        try:
            return self._ask(*args, **kwargs)
        except concurrent.futures.TimeoutError:
            warnings.warn(f"no answer in {ANSWER} s: asked again", stacklevel=2)
            return self._ask(*args, **kwargs)

    def _ask(self, *args: object, **kwargs: object) -> object:
        try:
            return self.submit(*args, **kwargs).result(timeout=ANSWER)
        finally:
            end = time.monotonic() + 10
            while self.stream_open and time.monotonic() < end:
                time.sleep(0.01)
            self.reset_session()


@dataclass(frozen=True)
class Server:
    """A running app. url: without a slash at the end; folder: its temporary files and its log."""

    url: str
    folder: Path
    process: subprocess.Popen

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return (self.folder / "log.txt").read_text(errors="replace", encoding="utf-8")


@contextmanager
def serve(*arguments: str, poll: float = 0.2, **environment: str) -> Iterator[Server]:
    """Run `python app.py` on a free port with its own temporary folder, until the block is left.

    poll: seconds between two looks whether it is there.
    """
    folder = Path(tempfile.mkdtemp(prefix="lvln-served-"))
    port = _free_port()
    own = {
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "VP_CACHE": str(folder / "cache"),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "app.py", "--no-browser", "--host", "127.0.0.1", "--port", str(port), *arguments]
    with open(folder / "log.txt", "wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | own | environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    running = Server(f"http://127.0.0.1:{port}", folder, process)
    try:
        _wait(running, poll)
        yield running
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(server: Server, poll: float) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise RuntimeError(f"app.py ended with {server.process.returncode}:\n{server.log[-3000:]}")
        try:
            with direct.open(f"{server.url}/config", timeout=30):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(poll)
    raise RuntimeError(f"app.py did not answer within {START} s:\n{server.log[-3000:]}")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The app, started once for all tests of the API and of the page."""
    try:
        with serve() as running:
            yield running
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def untroubled(server: Server) -> Iterator[None]:
    """Fails a test during which the app printed a traceback."""
    before = len(server.log)
    yield
    printed = server.log[before:]
    assert "Traceback" not in printed, printed[-5000:]
