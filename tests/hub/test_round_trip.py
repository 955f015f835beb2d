"""Checkpoints and clips through the real Hub client and back, and what happens when that fails."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vp.checkpoints import open_checkpoints, save_encoder, save_predictor
from vp.models import build, preset

from .conftest import LIMIT_FILES, Failed
from .hub_server import Hub

TINY = {"gru_widths": (2, 2, 2, 2), "decoder_width": 16, "lateral_width": 4, "height": 32, "width": 32}

# A fingerprint of everything in a loaded network, so that only a number has to leave the process.
LOAD = """
import hashlib
from vp.checkpoints import open_checkpoints
source = open_checkpoints(spec)
digest = hashlib.sha256()
for key, tensor in sorted(source.load(name).state_dict().items()):
    digest.update(key.encode() + tensor.numpy().tobytes())
result = {"names": source.names(), "revision": source.revision, "card": source.card(), "weights": digest.hexdigest()}
"""
OPEN = "from vp.checkpoints import open_checkpoints\n"
UPLOAD = """
from huggingface_hub import HfApi
api = HfApi()
url = api.create_repo(repo, repo_type=kind, private=private, exist_ok=True)
result = [str(url), api.upload_folder(repo_id=repo, repo_type=kind, folder_path=folder).oid]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint repository with one tiny predictor and a full encoder."""
    folder = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(0)
    model = build(replace(preset("one_frame"), **TINY))
    save_encoder(folder, model, provenance="random numbers")
    save_predictor(folder, "one_frame", model, training={"minutes": 0}, scores={})
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Tiny ✓\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def content(folder: Path) -> dict[str, bytes]:
    """The same as {path: bytes}."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def load(client, spec: str) -> dict:
    return client(LOAD, spec=spec, name="one_frame")


def failure(client, spec: str) -> str:
    """The message of the CheckpointError that loading raises."""
    with pytest.raises(Failed) as caught:
        load(client, spec)
    assert caught.value.kind == "CheckpointError", caught.value
    assert Hub.token not in caught.value.message
    return caught.value.message


@pytest.fixture(scope="module")
def weights(folder: Path) -> str:
    """The fingerprint that loading `folder` has."""
    digest = hashlib.sha256()
    for key, tensor in sorted(open_checkpoints(str(folder)).load("one_frame").state_dict().items()):
        digest.update(key.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def test_upload_download_pin_and_reuse(hub: Hub, client, offline, folder: Path, weights: str, tmp_path: Path) -> None:
    url, first = client(UPLOAD, repo="me/tiny", kind="model", private=False, folder=str(folder))
    assert url == f"{hub.url}/me/tiny"
    # Small files travel inside the commit, weights through LFS.
    assert {r.path.split("/")[1] for r in hub.requests("", "PUT")} == {"lfs"}
    assert len(hub.requests("", "PUT")) == 2
    assert hub.requests("/api/models/me/tiny/commit/main", "POST")

    got = load(client, "hf://me/tiny")
    assert got == {
        "names": ["one_frame"],
        "revision": first,
        "card": (folder / "README.md").read_text(encoding="utf-8"),
        "weights": weights,
    }
    # The storage behind the Hub never sees the token.
    stored = [r for r in hub.log if r.path.startswith("/lfs/")]
    assert {r.method for r in stored} == {"PUT", "GET"}
    assert all("authorization" not in r.headers for r in stored)
    assert all(r.headers.get("authorization") == f"Bearer {hub.token}" for r in hub.requests("/api/models"))

    # A second version: main moves on, a pinned commit stays, nothing unchanged is transferred again.
    second = tmp_path / "second"
    shutil.copytree(folder, second)
    (second / "README.md").write_text("# Second\n", encoding="utf-8")
    hub.log.clear()
    _, newer = client(UPLOAD, repo="me/tiny", kind="model", private=False, folder=str(second))
    assert newer != first
    assert not hub.requests("", "PUT")
    assert load(client, "hf://me/tiny")["card"] == "# Second\n"
    assert load(client, f"hf://me/tiny@{first}")["card"] != "# Second\n"
    assert not hub.requests("/lfs/", "GET")

    # Both without the server, by branch name and by commit, in this process ...
    hub.stop()
    try:
        for spec, revision in (("hf://me/tiny", newer), ("hf://me/tiny@main", newer), (f"hf://me/tiny@{first}", first)):
            again = load(client, spec)
            assert (again["revision"], again["weights"]) == (revision, weights)
        message = failure(client, "hf://me/never-seen")
        assert "no network" in message
        assert "no cached copy" in message
    finally:
        hub.start()
    # ... and with the server there but the client switched off.
    hub.log.clear()
    assert load(offline, "hf://me/tiny")["revision"] == newer
    assert "HF_HUB_OFFLINE" in failure(offline, "hf://me/never-seen")
    with pytest.raises(Failed, match="it holds one_frame"):
        offline(OPEN + "open_checkpoints('hf://me/tiny').load('lvln')")
    assert not hub.log


def test_opening_needs_no_weights(hub: Hub, client, content: dict[str, bytes]) -> None:
    hub.add("me/partial", content)
    code = (
        OPEN + "s = open_checkpoints('hf://me/partial'); result = [s.names(), s.has_classifier, s.config('one_frame')]"
    )
    names, classifier, config = client(code)
    assert (names, classifier) == (["one_frame"], False)
    assert config == json.loads(content["one_frame/config.json"])
    assert not hub.requests("model.safetensors")
    # Seen, but the weights were not downloaded before the network went away.
    hub.stop()
    try:
        message = failure(client, "hf://me/partial")
    finally:
        hub.start()
    assert "no network" in message
    assert "model.safetensors" in message
    assert load(client, "hf://me/partial")["names"] == ["one_frame"]


def test_wrong_names(hub: Hub, client, content: dict[str, bytes]) -> None:
    hub.add("me/named", content)
    assert "no model repository" in failure(client, "hf://me/absent")
    assert "no such branch, tag or commit" in failure(client, "hf://me/named@v9")
    assert "no such branch, tag or commit" in failure(client, f"hf://me/named@{'0' * 40}")
    for spec in (
        "hf://me",
        "hf://",
        "hf://me/a/b",
        "hf:me/named",
        "hf://me/named@",
        "hf://me/na--me",
        "hf://me/x@../y",
    ):
        message = failure(client, spec)
        assert "bundled" in message, spec
        assert "hf://owner/name@revision" in message, spec
    assert "not a model repository" in failure(client, "hf://datasets/me/named")
    with pytest.raises(Failed, match="one_frame") as caught:
        client(OPEN + "open_checkpoints('hf://me/named').load('lvln')")
    assert caught.value.kind == "CheckpointError"


def test_who_may_read(hub: Hub, client, content: dict[str, bytes]) -> None:
    hub.add("me/private", content, private=True)
    hub.add("me/gated", content, gated=True)
    hub.add("me/forbidden", content)
    login = "import os; os.environ['HF_TOKEN'] = token"
    try:
        client(login, token="")
        assert "private" in failure(client, "hf://me/private")
        assert "gated" in failure(client, "hf://me/gated")
        client(login, token="hf_wrong")
        assert "HTTP 401" in failure(client, "hf://me/private")
        # An error about this header quotes the header.
        client(login, token="hf_secret\x0bx")
        with pytest.raises(Failed, match="check HF_TOKEN") as caught:
            load(client, "hf://me/private")
        assert caught.value.kind == "CheckpointError"
        assert "secret" not in str(caught.value.chain)
    finally:
        client(login, token=hub.token)
    hub.fault("/api/models/me/forbidden", status=403)
    assert "HTTP 403" in failure(client, "hf://me/forbidden")
    for spec in ("hf://me/private", "hf://me/gated"):
        assert load(client, spec)["names"] == ["one_frame"]


def test_a_cut_connection_is_resumed(hub: Hub, client, weights: str, content: dict[str, bytes]) -> None:
    hub.add("me/cut", content)
    encoder = content["encoder/model.safetensors"]
    assert len(encoder) > 15_000_000
    hub.fault(f"/lfs/{hashlib.sha256(encoder).hexdigest()}", method="GET", cut=15_000_000)
    assert load(client, "hf://me/cut")["weights"] == weights
    ranges = [r.headers["range"] for r in hub.requests("/lfs/", "GET") if "range" in r.headers]
    # The client writes in pieces, and loses only the one that is cut.
    assert len(ranges) == 1 and 14_900_000 < int(ranges[0].removeprefix("bytes=").rstrip("-")) <= 15_000_000


def test_a_hub_in_trouble(hub: Hub, client, content: dict[str, bytes]) -> None:
    hub.add("me/busy", content)
    hub.fault("/api/models/me/busy", status=503)
    message = failure(client, "hf://me/busy")
    assert "503" in message
    assert "Try again" in message
    # Too slow for the client's patience (3 s in these tests), first here, then there, then well again.
    hub.fault("/api/models/me/busy", delay=4.5)
    assert "no network" in failure(client, "hf://me/busy")
    hub.fault("one_frame/model.safetensors", delay=4.5)
    assert "no network" in failure(client, "hf://me/busy")
    assert load(client, "hf://me/busy")["names"] == ["one_frame"]
    # In trouble again, but everything is here.
    hub.fault("/api/models/me/busy", status=503, times=-1)
    assert load(client, "hf://me/busy")["names"] == ["one_frame"]


def test_wrong_content(hub: Hub, client, content: dict[str, bytes]) -> None:
    weights = "one_frame/model.safetensors"
    # A store that serves other bytes of the right length: found by the hash, gone after following the advice.
    hub.add("me/changed", content)
    hub.fault("/lfs/", method="GET", content=lambda data: data[:-64] + bytes(64))
    message = failure(client, "hf://me/changed")
    assert "SHA-256" in message
    blob = Path(message.split("elete ")[1].split(" and download")[0])
    assert blob.is_file()
    assert not blob.is_symlink()
    blob.unlink()
    assert load(client, "hf://me/changed")["names"] == ["one_frame"]
    # Fewer bytes than announced: the client notices, and keeps nothing.
    hub.add("me/short", {**content, weights: content[weights][:-8] + bytes(8)})
    hub.fault("/lfs/", method="GET", content=lambda data: data[: len(data) // 2])
    assert "Try again" in failure(client, "hf://me/short")
    # Weights that were uploaded broken.
    hub.add("me/broken", {**content, weights: content[weights][:-100]})
    message = failure(client, "hf://me/broken")
    assert f"{len(content[weights]) - 100:,} bytes" in message
    assert f"promises {len(content[weights]):,}" in message
    # Weights far larger than the network are not downloaded at all.
    hub.add("me/huge", {**content, weights: bytes(3_000_000)})
    hub.log.clear()
    assert "too large" in failure(client, "hf://me/huge")
    assert not hub.requests("/lfs/", "GET")
    # Pickles are refused by name, without downloading them.
    pickled = {path: data for path, data in content.items() if path != weights}
    hub.add("me/pickled", {**pickled, "one_frame/pytorch_model.bin": b"\x80\x04"})
    hub.log.clear()
    assert "pickled" in failure(client, "hf://me/pickled")
    assert not hub.requests("pytorch_model.bin")
    hub.add("me/lacking", pickled)
    assert "incomplete" in failure(client, "hf://me/lacking")
    # Nor are configurations that no configuration is as long as.
    hub.add("me/wordy", {**content, "one_frame/config.json": bytes(2_000_000)})
    hub.log.clear()
    assert "too large" in failure(client, "hf://me/wordy")
    assert not hub.requests("/resolve/")
    hub.add("me/other", {"pytorch_model.bin": b""})
    assert "none of the checkpoints" in failure(client, "hf://me/other")


def test_no_room_for_a_download(hub: Hub, client, content: dict[str, bytes], tmp_path: Path) -> None:
    """A full disk, as a limit on the length of files; then a cache that cannot be written at all."""
    hub.add("me/large", content)
    client(LIMIT_FILES, size=100_000)
    try:
        message = failure(client, "hf://me/large")
    finally:
        client(LIMIT_FILES, size=0)
    assert "me/large" in message and ("cannot be stored" in message or "Try again" in message)
    assert load(client, "hf://me/large")["names"] == ["one_frame"]
    (tmp_path / "a file").write_text("", encoding="utf-8")
    blocked = type(client)(hub, tmp_path, HF_HUB_CACHE=str(tmp_path / "a file" / "cache"))
    try:
        assert "cannot be stored in the Hub client's cache" in failure(blocked, "hf://me/large")
    finally:
        blocked.close()


def test_clips_of_a_dataset(hub: Hub, client, offline, tmp_path: Path) -> None:
    for i in range(6):
        path = tmp_path / "Walk" / f"v_Walk_g01_c{i:02d}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes([i]) * 20_000)
    _, commit = client(UPLOAD, repo="me/clips", kind="dataset", private=False, folder=str(tmp_path))
    code = """
    from vp.clips import open_clips
    source = open_clips(spec)
    clips = source.search()
    chosen = source.path(clips[2].id) if pick else None
    result = [[clip.id for clip in clips], chosen and list(chosen.read_bytes()[:3])]
    """
    ids = [f"Walk/v_Walk_g01_c{i:02d}.mp4" for i in range(6)]
    hub.log.clear()
    assert client(code, spec="hf://datasets/me/clips", pick=False) == [ids, None]
    assert not hub.requests("/lfs/", "GET")
    for spec in ("hf://datasets/me/clips", f"hf://datasets/me/clips@{commit}"):
        assert client(code, spec=spec, pick=True) == [ids, [2, 2, 2]]
    assert len(hub.requests("/lfs/", "GET")) == 1  # one clip, once
    hub.stop()
    try:
        assert client(code, spec="hf://datasets/me/clips", pick=True) == [ids, [2, 2, 2]]
    finally:
        hub.start()
    assert offline(code, spec="hf://datasets/me/clips", pick=True) == [ids, [2, 2, 2]]
    for spec in ("hf://datasets/me/absent", "hf://datasets/me/clips@v9"):
        with pytest.raises(Failed) as caught:
            client(code, spec=spec, pick=False)
        assert caught.value.kind == "ClipError"
