"""The Hub fixture and real clients of it.

`huggingface_hub` reads HF_ENDPOINT and the rest of its environment when it is imported, so client code runs in
processes of its own. One such process serves many snippets, because importing torch takes seconds.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from .hub_server import Hub

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120

# For a client: a full disk, as a limit of `size` bytes on the length of files; 0 lifts it.
LIMIT_FILES = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (size if size > 0 else hard, hard))
"""

# Reads {"code", "values"} a line, runs the code, answers {"result"} or {"error", "message"} a line.
WORKER = """
import json, os, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # whatever is printed goes to the log
for line in sys.stdin:
    job = json.loads(line)
    scope = dict(job["values"])
    try:
        exec(job["code"], scope)
        answer = {"result": scope.get("result")}
    except Exception as error:
        chain = []
        while error is not None and len(chain) < 20:
            chain.append(f"{type(error).__name__}: {error}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        answer = {"error": chain[0].partition(":")[0], "message": chain[0].partition(": ")[2], "chain": chain}
    print(json.dumps(answer), file=answers, flush=True)
"""


class Failed(Exception):
    """What a snippet raised. kind: class name; message: its text; chain: the same of all its causes."""

    def __init__(self, answer: dict) -> None:
        super().__init__(f"{answer['error']}: {answer['message']}")
        self.kind, self.message, self.chain = answer["error"], answer["message"], answer["chain"]


class Client:
    """A Python process whose huggingface_hub talks to the fixture."""

    def __init__(self, hub: Hub, home: Path, **environment: str) -> None:
        self.log = home / f"client-{len(list(home.glob('client-*')))}.log"
        with open(self.log, "w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env=_environment(hub, home) | environment,
            )

    def __call__(self, code: str, **values: object) -> object:
        """Run code that sees `values` (JSON types); returns what it left in `result`, raises Failed."""
        print(json.dumps({"code": textwrap.dedent(code), "values": values}), file=self._process.stdin, flush=True)
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            raise AssertionError(f"the client died or hung:\n{self.log.read_text(encoding='utf-8')[-4000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer)
        return answer["result"]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.terminate()
        self._process.wait(10)
        self._process.stdout.close()


def _environment(hub: Hub, home: Path) -> dict[str, str]:
    # The machine's own token, cache, proxies or offline switch must not take part.
    foreign = ("HF_", "HUGGING", "VP_", "XDG_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign) and not k.lower().endswith("_proxy")}
    return kept | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home / "hf"),
        "HF_TOKEN": hub.token,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_ETAG_TIMEOUT": "3",
        "HF_HUB_DOWNLOAD_TIMEOUT": "3",
        "VP_CACHE": str(home / "vp"),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture(scope="module")
def module_hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


@pytest.fixture
def hub(module_hub: Hub) -> Iterator[Hub]:
    """A running Hub without faults or log; it keeps its repositories within a module."""
    module_hub.faults.clear()
    module_hub.log.clear()
    yield module_hub
    module_hub.faults.clear()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the clients of a module keep their caches."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def client(module_hub: Hub, home: Path) -> Iterator[Client]:
    """The client of a module, logged in: `client("result = 1 + n", n=2) == 3`."""
    client = Client(module_hub, home)
    yield client
    client.close()


@pytest.fixture(scope="module")
def offline(module_hub: Hub, home: Path) -> Iterator[Client]:
    """A client with the same cache that is told to stay offline."""
    client = Client(module_hub, home, HF_HUB_OFFLINE="1")
    yield client
    client.close()
