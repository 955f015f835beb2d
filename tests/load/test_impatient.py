"""Visitors who are slow, who leave in the middle, and who change their mind: the next one is served all the same."""

from __future__ import annotations

import http.client
import json
import socket
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from gradio_client import Client, handle_file

if TYPE_CHECKING:
    from serve import Server

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("untroubled")]

PATIENCE = 60  # seconds: the cores are shared
BOUNDARY = "a-boundary"


@pytest.fixture
def served(visitor: Client, good: Path) -> Callable[[], float]:
    """Ask for a small prediction: returns the seconds that it took."""

    def ask() -> float:
        start = time.monotonic()
        answer = visitor.predict(
            video=handle_file(str(good)), model="one_frame", seen=2, horizon=1, api_name="/predict"
        )
        assert len(answer[1]["psnr"]) == 1
        return time.monotonic() - start

    return ask


def connect(server: Server) -> socket.socket:
    address = urllib.parse.urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port), timeout=PATIENCE)


def upload_of(good: Path, *, claim: int | None = None) -> bytes:
    """An upload as a browser sends it; claim: the length that it states, where that is not the true one."""
    body = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="walk.mp4"\r\n'
        "Content-Type: video/mp4\r\n\r\n"
    ).encode()
    body += good.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()
    head = (
        "POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {claim or len(body)}\r\n\r\n"
    )
    return head.encode() + body


def begin(server: Server, good: Path, endpoint: str, **settings: object) -> str:
    """Start an endpoint over plain HTTP: returns the address that its events come from."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with connect(server) as line:
        line.sendall(upload_of(good))
        response = http.client.HTTPResponse(line)
        response.begin()
        path = json.loads(response.read())[0]
    info = json.loads(direct.open(f"{server.url}/gradio_api/info", timeout=PATIENCE).read())
    values = {"video": {"path": path, "meta": {"_type": "gradio.FileData"}}, **settings}
    data = [
        values.get(p["parameter_name"], p.get("parameter_default"))
        for p in info["named_endpoints"][endpoint]["parameters"]
    ]
    place = f"{server.url}/gradio_api/call{endpoint}"
    request = urllib.request.Request(place, json.dumps({"data": data}).encode(), {"Content-Type": "application/json"})
    return f"{place}/{json.loads(direct.open(request, timeout=PATIENCE).read())['event_id']}"


def test_an_upload_by_drops_holds_nobody_up(server: Server, good: Path, served: Callable[[], float]) -> None:
    data = upload_of(good)
    with connect(server) as line:
        for at in range(0, 5000, 1000):
            line.sendall(data[at : at + 1000])
            served()
        line.sendall(data[5000:])
        response = http.client.HTTPResponse(line)
        response.begin()
        assert response.status == 200 and json.loads(response.read())[0].endswith("walk.mp4")


def test_an_upload_that_never_ends_leaves_no_file(server: Server, good: Path, served: Callable[[], float]) -> None:
    def kept() -> set[Path]:
        return {path for path in (server.folder / "gradio").rglob("*") if path.is_file()}

    before = kept()
    for claim in (None, 10**8):
        line = connect(server)
        line.sendall(upload_of(good, claim=claim)[:20_000])
        line.close()
    served()  # which leaves the clip that it sends, and a film
    deadline = time.monotonic() + PATIENCE
    while {path.suffix for path in kept() - before} - {".mp4"}:
        assert time.monotonic() < deadline, ([(p, p.stat().st_size) for p in kept() - before], server.log[-2000:])
        time.sleep(0.1)


def test_a_visitor_who_leaves_before_the_answer(server: Server, good: Path, served: Callable[[], float]) -> None:
    for _ in range(3):
        events = begin(server, good, "/seen_sweep", model="lvln", most=5)
        address = urllib.parse.urlsplit(events)
        line = connect(server)
        line.sendall(f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        line.recv(100)  # the answer has begun
        line.close()
    assert served() < PATIENCE


def test_a_question_taken_back(server: Server, good: Path, served: Callable[[], float]) -> None:
    """What one visitor takes back, nobody else loses. Two sessions: Gradio (6.31) stops whatever an endpoint does for
    the session that takes a question of it back, also another question."""
    from serve import Visitor  # here: a plugin's asserts are rewritten only if nothing imported it before

    stays, leaves = (Visitor(server.url, download_files=False) for _ in range(2))
    asked, *taken_back = [
        client.submit(video=handle_file(str(good)), model="lvln", seen=6, api_name="/importance")
        for client in (stays, leaves, leaves, leaves)
    ]
    for job in taken_back:
        job.cancel()
    assert served() < PATIENCE
    assert len(asked.result(timeout=PATIENCE)) == 16  # twelve ConvGRUs, four blocks


def test_beyond_the_queue_the_words_are_clear(server: Server, good: Path, served: Callable[[], float]) -> None:
    """The queue is for 32. Whoever comes when it is full is told so, and the others are answered."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    addresses, refused = [], []
    for _ in range(45):
        try:
            addresses.append(begin(server, good, "/predict", model="one_frame", seen=1, horizon=1))
        except urllib.error.HTTPError as error:
            refused.append((error.code, error.read().decode()))
    texts = [direct.open(address, timeout=PATIENCE).read().decode() for address in addresses]
    assert sum("event: complete" in text for text in texts) >= 32
    messages = [words for _, words in refused] + [text for text in texts if "event: complete" not in text]
    assert all("full" in words for words in messages), messages
    served()
