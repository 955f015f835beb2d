"""Hostile input: files and settings that no honest visitor sends, from one seed.

`cases(folder, good)` makes them; `python -m tests.load.hostile` sends all of them to a server and reports.
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gradio_client import Client, handle_file

sys.path.insert(0, str(Path(__file__).parents[1]))

from serve import ROOT, Server, Visitor, serve

# Seconds that an answer may take: the machines that run this are shared.
PATIENCE = 5.0
# What no answer may hold.
SECRETS = ("Traceback", 'File "', "site-packages", str(ROOT))
ENDPOINTS = {
    "/predict": {"model": "one_frame", "start": 0, "fps": 10, "seen": 3, "horizon": 1, "size": "fine"},
    "/activations": {"model": "one_frame", "seen": 3, "horizon": 1, "block": "C4", "kernel": "3x3", "quantity": "h"},
    "/compare": {"seen": 3, "horizon": 1},
    "/silence": {"model": "one_frame", "seen": 3, "horizon": 1, "parts": "C1.3x3"},
    "/importance": {"model": "one_frame", "seen": 3},
    "/memory_reset": {"model": "one_frame", "frames": 5, "at": 2},
    "/seen_sweep": {"model": "one_frame", "most": 3},
    "/saliency": {"model": "one_frame", "seen": 3, "top": 0, "left": 0, "bottom": 1, "right": 1},
    "/spectrum": {"model": "one_frame", "seen": 3, "horizon": 1},
    "/motion": {"model": "one_frame", "seen": 3, "horizon": 1},
    "/ladder_map": {"model": "one_frame", "seen": 3, "horizon": 1},
}
WRONG = [
    None, True, "", "five", "10", -1, 0, 1e9, -1e300, 0.5, [], [1, 2], {}, {"a": 1}, "x" * 20_000, "../../etc/passwd",
    "C1.3x3.99999", "NaN", "\x00", "‮", {"__type__": "update"}, [[[[[]]]]],
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One thing to send. file: None for none at all; may_work: whether an answer is as good as a refusal."""

    name: str
    endpoint: str
    file: Path | None
    settings: dict = field(default_factory=dict)
    may_work: bool = False


def cases(folder: Path, good: Path, seed: int = 0) -> Iterator[Case]:
    """More than two hundred of them. good: a video that is one."""
    rng = random.Random(seed)
    whole = good.read_bytes()
    for name, data, may_work in files(whole, rng):
        path = folder / name
        path.write_bytes(data)
        yield Case(name, "/predict", path, ENDPOINTS["/predict"], may_work)
    yield Case("no file", "/predict", None, ENDPOINTS["/predict"])
    for name in ("..%2f..%2fpasswd.mp4", "a; rm -rf b.mp4", "$(id).mp4", "ünïcode‮.mp4", "x" * 200 + ".mp4", "'\"`.mp4"):
        path = folder / name
        path.write_bytes(whole)
        yield Case(f"named {name[:40]}", "/predict", path, ENDPOINTS["/predict"], may_work=True)
    for endpoint, settings in ENDPOINTS.items():
        for key in settings:
            for value in rng.sample(WRONG, 6):
                yield Case(f"{endpoint} {key}={json.dumps(value)[:40]}", endpoint, good, settings | {key: value}, True)


def files(whole: bytes, rng: random.Random) -> Iterator[tuple[str, bytes, bool]]:
    """(name, content, whether it may be read all the same)."""
    yield "empty.mp4", b"", False
    yield "one-byte.mp4", b"\x00", False
    yield "text.mp4", b"This is no video.\n" * 1000, False
    yield "zeros.mp4", bytes(200_000), False
    yield "noise.mp4", rng.randbytes(200_000), False
    yield "script.mp4", b"<script>alert(1)</script>" * 100, False
    yield "playlist.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", False
    yield "concat.mp4", b"ffconcat version 1.0\nfile '/etc/passwd'\n", False
    yield (
        "pickle.mp4",
        b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
        False,
    )
    yield "huge-header.png", png(16_384, 16_384), False
    yield "bomb.png", png(20_000, 20_000, bomb=True), False
    yield "bomb.gif", b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\x80\x00\x00" + bytes(6) + b"\x3b", False
    for suffix in (".avi", ".mov", ".webm", ".mkv", ".gif"):  # renamed: the content counts
        yield f"renamed{suffix}", whole, True
    for i in range(20):
        yield f"cut-{i}.mp4", whole[: rng.randrange(1, len(whole))], True
    for i in range(30):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 10, 200, 5000))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        yield f"flipped-{i}.mp4", bytes(data), True
    for i in range(15):  # damage where the sizes and the times are
        data = bytearray(whole)
        at = whole.find(rng.choice((b"moov", b"mdhd", b"stts", b"stsz", b"stco", b"tkhd", b"mvhd", b"avcC", b"stsd")))
        for place in range(at + 4, min(at + 40, len(data))):
            if rng.random() < 0.4:
                data[place] = rng.choice((0, 0x7F, 0xFF, rng.randrange(256)))
        yield f"header-{i}.mp4", bytes(data), True


def png(width: int, height: int, *, bomb: bool = False) -> bytes:
    """A PNG of a size that its header claims; bomb: with all of its black pixels, packed a thousandfold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    data = b""
    if bomb:
        packer = zlib.compressobj(9)
        row = bytes(1 + width)
        data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def send(client: Client, case: Case) -> tuple[str, float, str]:
    """(what happened: "refused", "answered" or "raised", seconds, words)."""
    start = time.monotonic()
    try:
        video = None if case.file is None else handle_file(str(case.file))
        client.predict(video=video, **case.settings, api_name=case.endpoint)
        return "answered", time.monotonic() - start, ""
    except Exception as error:
        return "refused", time.monotonic() - start, str(error)


def verdict(case: Case, outcome: str, seconds: float, words: str, patience: float = PATIENCE) -> str | None:
    """What is wrong with an answer, None if nothing is."""
    if outcome == "answered" and not case.may_work:
        return "answered what is no video"
    if any(secret in words for secret in SECRETS):
        return f"tells about the inside: {words[:200]}"
    if outcome == "refused" and ("upstream Gradio app" in words or len(words) < 15):
        return f"no reason given: {words[:200]!r}"
    if seconds > patience:
        return f"took {seconds:.1f} s"
    return None


def attack(server: Server, good: Path, every: list[Case], patience: float = PATIENCE) -> dict:
    """Send all of them, a good request after each dozen. Returns the report; its "wrong" should be empty."""
    client, before = Visitor(server.url, download_files=False), len(server.log)
    honest = Case("good", "/predict", good, ENDPOINTS["/predict"])
    client.predict(video=handle_file(str(good)), **honest.settings, api_name="/predict")
    outcomes: Counter[str] = Counter()
    wrong, slowest = [], (0.0, "")
    for i, case in enumerate(every):
        outcome, seconds, words = send(client, case)
        outcomes[outcome] += 1
        slowest = max(slowest, (seconds, case.name))
        if found := verdict(case, outcome, seconds, words, patience):
            wrong.append(f"{case.name}: {found}")
        if i % 12 == 0:
            outcome, seconds, words = send(client, honest)
            if outcome != "answered":
                wrong.append(f"after {case.name} a good request failed: {words[:200]}")
    report = {"cases": len(every), "outcomes": dict(outcomes), "wrong": wrong}
    return report | {
        "slowest": {"seconds": slowest[0], "case": slowest[1]},
        "tracebacks": server.log[before:].count("Traceback"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=None)
    args = parser.parse_args()
    good = ROOT / "assets" / "clips" / "walk.mp4"
    with tempfile.TemporaryDirectory() as folder, serve() as server:
        report = attack(server, good, list(cases(Path(folder), good, args.seed)))
    text = json.dumps(report, indent=1)
    print(text)
    if args.json:
        args.json.write_text(text + "\n", encoding="utf-8")
    if report["wrong"] or report["tracebacks"]:
        sys.exit("not every answer was as it should be")


if __name__ == "__main__":
    main()
