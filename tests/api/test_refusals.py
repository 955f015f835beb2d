"""What cannot be done is refused in words, with nothing of the server's inside in them, and harms nobody after."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from serve import ROOT, Server

NO_NUMBER = "whole number is needed|must be"
SETTINGS = [
    ({"model": "alexnet"}, "no model 'alexnet'.*one_frame"),
    ({"model": ""}, "no model"),
    ({"model": None}, "no model"),
    ({"model": "../one_frame"}, "no model"),
    ({"fps": 7}, "frame rate must be one of 25, 15, 10, 5"),
    ({"fps": 0}, "frame rate must be"),
    ({"fps": 10.5}, NO_NUMBER),
    ({"fps": "fast"}, NO_NUMBER),
    ({"fps": None}, NO_NUMBER),
    ({"seen": 0}, "seen must be from 1 to 20"),
    ({"seen": 21}, "seen must be from 1 to 20"),
    ({"seen": -5}, "seen must be from 1 to 20"),
    ({"seen": 2.5}, NO_NUMBER),
    ({"seen": "5"}, NO_NUMBER),
    ({"seen": [5]}, NO_NUMBER),
    ({"horizon": 0}, "horizon must be from 1 to 10"),
    ({"horizon": 11}, "horizon must be from 1 to 10"),
    ({"horizon": 1e300}, NO_NUMBER),
    ({"horizon": None}, NO_NUMBER),
    ({"start": 50}, "2.0 s long.*before 50 s"),
    ({"start": 1e9}, "start must"),
    ({"start": -1}, "start must"),
    ({"start": "soon"}, "start must"),
    ({"start": None}, "start must"),
    ({"start": 1.9}, "earlier start"),
    ({"size": "huge"}, "size must be one of own, fine, not 'huge'"),
    ({"size": None}, "size must be one of own, fine"),
    ({"size": 2}, "size must be one of own, fine"),
    ({"size": "fine", "seen": 10}, "at most 12 frames.*not 10 \\+ 3.*own size"),
]
FILES = {
    "text": "not a video that can be read",
    "empty": "is empty",
    "cut": "its end is missing",
    "sound": "no pictures|only sound",
    "one frame": "1 frame|is a picture",
}


def check(message: str, server: Server) -> None:
    """A message for people: short, one sentence or more, nothing about the machine that wrote it."""
    assert 20 < len(message) < 400, message
    assert message.rstrip().endswith("."), message
    assert "upstream Gradio app" not in message, f"no reason given: {message}"
    for secret in ("Traceback", 'File "', "site-packages", str(ROOT), str(server.folder), "/tmp/", ".py"):
        assert secret not in message


def refused(server: Server, message: str, ask: Callable, endpoint: str, path: Path | None, **settings: object) -> None:
    """A request that gets this message, fit for people."""
    with pytest.raises(AppError) as caught:
        ask(endpoint, path, **settings)
    check(str(caught.value), server)
    assert re.search(message, str(caught.value))


@pytest.mark.parametrize(("settings", "message"), SETTINGS, ids=[json.dumps(s) for s, _ in SETTINGS])
@pytest.mark.usefixtures("untroubled")
def test_settings(ask: Callable, waves: Path, server: Server, settings: dict, message: str) -> None:
    refused(server, message, ask, "/predict", waves, **settings)


@pytest.mark.parametrize("what", FILES)
@pytest.mark.usefixtures("untroubled")
def test_files(ask: Callable, spoilt: dict[str, Path], waves: Path, server: Server, what: str) -> None:
    refused(server, FILES[what], ask, "/predict", spoilt[what])
    _, numbers = ask("/predict", waves, seen=2, horizon=1)
    assert len(numbers["psnr"]) == 1


@pytest.mark.parametrize("endpoint", ["/predict", "/activations", "/compare"])
@pytest.mark.usefixtures("untroubled")
def test_no_file(ask: Callable, server: Server, endpoint: str) -> None:
    refused(server, "No video", ask, endpoint, None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"block": "C5"}, "C5.*C1, C2, C3, C4"),
        ({"kernel": "9x9"}, "9x9.*3x3"),
        ({"quantity": "c"}, "one of h, dh, z, r, n"),
        ({"block": None}, "C1"),
        ({"step": 7}, "from 0 to 6"),
        ({"step": -1}, "from 0 to 6"),
        ({"step": 0.5}, "whole number"),
        ({"step": None}, "whole number"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("untroubled")
def test_activations(ask: Callable, waves: Path, server: Server, settings: dict, message: str) -> None:
    refused(server, message, ask, "/activations", waves, **settings)


def post(server: Server, endpoint: str, data: list) -> str:
    """Call an endpoint as a stranger's script would, past gradio_client. Returns what the server streams back."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    body = json.dumps({"data": data}).encode()  # NaN and Infinity too: Python writes them
    url = f"{server.url}/gradio_api/call{endpoint}"
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with direct.open(request, timeout=60) as answer:
            event = json.load(answer)["event_id"]
        with direct.open(f"{url}/{event}", timeout=60) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode(errors='replace')}"


@pytest.mark.parametrize("start", [float("nan"), float("inf"), True], ids=str)
def test_numbers_that_are_none(ask: Callable, waves: Path, client: Client, server: Server, start: float) -> None:
    uploaded = upload(server, waves)
    answer = post(server, "/predict", [uploaded, "one_frame", start, 10, 5, 3])
    assert "event: complete" not in answer
    assert_quiet(answer, server)
    ask("/predict", waves, seen=1, horizon=1)


@pytest.mark.parametrize("place", ["/etc/passwd", "app.py", "assets/clips/../../app.py", "{folder}/log.txt"])
def test_files_of_the_server_are_out_of_reach(ask: Callable, waves: Path, server: Server, place: str) -> None:
    path = place.format(folder=server.folder)
    if not path.startswith("/"):
        path = f"{ROOT}/{path}"
    data = {"path": path, "meta": {"_type": "gradio.FileData"}}
    answer = post(server, "/predict", [data, "one_frame", 0, 10, 5, 3])
    assert "event: complete" not in answer
    assert "root:" not in answer
    assert_quiet(answer, server)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError) as caught:
        direct.open(f"{server.url}/gradio_api/file={path}", timeout=60)
    assert caught.value.code in (403, 404)


def assert_quiet(answer: str, server: Server) -> None:
    for secret in ("Traceback", "site-packages", str(server.folder)):
        assert secret not in answer


def upload(server: Server, path: Path) -> dict:
    """Upload a file by hand. Returns Gradio's description of it."""
    boundary = "lvln-boundary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'
    body = head.encode() + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(
        f"{server.url}/gradio_api/upload", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=60) as answer:
        [place] = json.load(answer)
    return {"path": place, "meta": {"_type": "gradio.FileData"}}
