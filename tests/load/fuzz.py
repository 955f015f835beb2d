"""Random damage for the readers of videos and of checkpoints: `python -m tests.load.fuzz --minutes 5 [--json FILE]`.

Each damaged file is read in a worker process, which is watched: a reader has to return or to raise its own kind of
error, in a few seconds, within a bound on memory, and the process has to survive, native code of decoders included.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.server import resident
from serve import ROOT

PATIENCE = 10.0  # seconds for one file
MOST_MB = 3000  # that the worker may grow to
KINDS = ("videos", "checkpoints")


def damage(data: bytes, rng: random.Random) -> bytes:
    """The same with some of its bytes changed, moved, repeated, cut out or set to extremes."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at, size = rng.randrange(len(out)), min(len(out), rng.choice((1, 4, 8, 64, 1024)))
        end = min(len(out), at + size)
        match rng.randrange(7):
            case 0:
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                out[at:end] = rng.randbytes(end - at)
            case 2:  # sizes, counts and times are whole numbers somewhere
                value = rng.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))
                out[at : at + 4] = value.to_bytes(4, rng.choice(("big", "little")))
            case 3:
                del out[at:end]
            case 4:
                out[at:at] = out[at:end]
            case 5:
                other = rng.randrange(len(out))
                out[at:end] = out[other : other + end - at]
            case 6:
                del out[max(1, at) :]
        if len(out) < 2:
            break
    return bytes(out)


def damage_header(data: bytes, rng: random.Random) -> bytes:
    """A safetensors file whose header, still JSON, says something else."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    for _ in range(rng.choice((1, 2, 5))):
        entry = header[rng.choice(sorted(header))]
        if not isinstance(entry, dict) or "shape" not in entry:
            continue
        match rng.randrange(5):
            case 0:
                entry["shape"] = rng.choice(([2**40], [0], [-1], [], [2**31, 2**31], ["a"], None))
            case 1:
                entry["data_offsets"] = rng.choice(([0, 2**50], [5, 1], [0, 0], [-1, 3], "x"))
            case 2:
                entry["dtype"] = rng.choice(("F64", "I8", "BOOL", "F8_E4M3", "nothing", 3))
            case 3:
                header[rng.choice(("x" * 10_000, "", "../../x", "encoder.conv1.weight"))] = dict(entry)
            case 4:
                del header[rng.choice(sorted(header))]
        if not header:
            break
    text = json.dumps(header).encode()
    claim = rng.choice((len(text),) * 6 + (2**62, 0, len(text) + 9))
    return claim.to_bytes(8, "little") + text + data[8 + length :]


def damage_config(data: bytes, rng: random.Random) -> bytes:
    """A config.json with fields of other types and of absurd sizes."""
    config = json.loads(data)
    places = [config, config["config"]] if isinstance(config.get("config"), dict) else [config]
    for _ in range(rng.choice((1, 2, 4))):
        place = rng.choice(places)
        if not place:
            break
        key = rng.choice(sorted(place))
        values = (None, -1, 0, 1e308, 2**63, "", "x" * 100_000, [], [1] * 1000, {}, True, [[[]]], "../..", "NaN", 3)
        place[key] = rng.choice(values)
    return json.dumps(config).encode()


def video_seeds(folder: Path) -> None:
    """Small whole videos in several containers."""
    import av
    from PIL import Image

    from vp import video

    frames = video.read(ROOT / "assets" / "clips" / "walk.mp4", fps=10, frames=12, size=(48, 64))
    images = [Image.fromarray(frame) for frame in frames]
    for name in ("h.webp", "i.png"):
        images[0].save(folder / name, save_all=True, append_images=images[1:], duration=100)
    kinds = {
        "a.mp4": "libx264",
        "b.avi": "mpeg4",
        "c.mkv": "libx264",
        "d.webm": "libvpx",
        "e.gif": None,
        "f.mov": "mpeg4",
        "g.ts": "mpeg2video",
    }
    for name, codec in kinds.items():
        if codec is None:
            video.write_gif(folder / name, frames, 10)
            continue
        with av.open(str(folder / name), "w") as container:
            stream = container.add_stream(codec, rate=25 if codec == "mpeg2video" else 10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
            container.mux(stream.encode())


def checkpoint_seed(folder: Path) -> None:
    """A tiny whole checkpoint."""
    import torch

    from vp.checkpoints import save_encoder, save_predictor
    from vp.models import build, preset

    torch.manual_seed(0)
    sizes = {"gru_widths": (2, 2, 2, 2), "decoder_width": 16, "lateral_width": 4, "height": 32, "width": 32}
    model = build(replace(preset("one_frame"), **sizes))
    save_encoder(folder, model, provenance="random numbers")
    save_predictor(folder, "one_frame", model, training={}, scores={})


def read_damaged_video(whole: Path, folder: Path, rng: random.Random) -> None:
    """Damage one of the seeds and read it in every way that the app does."""
    from vp import video
    from vp.errors import VideoError

    seeds = sorted(whole.iterdir())
    seed = rng.choice(seeds)
    path = folder / f"damaged{rng.choice(seeds).suffix}"  # any name: the content counts
    path.write_bytes(damage(seed.read_bytes(), rng))
    try:
        video.probe(path)
        video.read(path, fps=10, start=rng.choice((0.0, 0.4)), size=(64, 96))
        video.to_browser_mp4(path, folder / "playable.mp4")
    except VideoError as error:
        raise Refused(str(error)) from None


def read_damaged_checkpoint(whole: Path, folder: Path, rng: random.Random) -> None:
    """Damage the weights or the config of a predictor, with a hash that fits, and load it."""
    from vp.checkpoints import open_checkpoints
    from vp.errors import CheckpointError

    place = folder / "one_frame"
    place.mkdir(exist_ok=True)
    if not (folder / "encoder").exists():
        (folder / "encoder").symlink_to(whole / "encoder")
    weights = (whole / "one_frame" / "model.safetensors").read_bytes()
    config = (whole / "one_frame" / "config.json").read_bytes()
    kind = rng.randrange(4)
    if kind < 2:
        from vp.checkpoints.layout import sha256

        weights = damage_header(weights, rng) if kind else damage(weights, rng)
        config = json.dumps(json.loads(config) | {"weights_sha256": sha256(weights)}).encode()
    else:
        config = damage_config(config, rng) if kind == 2 else damage(config, rng)
    (place / "model.safetensors").write_bytes(weights)
    (place / "config.json").write_bytes(config)
    try:
        open_checkpoints(str(folder)).load("one_frame")
    except CheckpointError as error:
        raise Refused(str(error)) from None


class Refused(Exception):
    """The reader said in its own words what is wrong."""


def work(kind: str, seeds: str, folder: str, pipe: Connection) -> None:
    """The worker: a seed comes, an outcome goes, until None comes."""
    import torch

    torch.set_num_threads(1)
    sources, place = Path(seeds), Path(folder)
    read = {"videos": read_damaged_video, "checkpoints": read_damaged_checkpoint}[kind]
    while (seed := pipe.recv()) is not None:
        try:
            read(sources, place, random.Random(seed))
            pipe.send(("read", ""))
        except Refused as error:
            pipe.send(("refused", str(error)))
        except BaseException as error:  # whatever it is, it is what this looks for
            pipe.send(("raised", f"{type(error).__name__}: {error}"))


def fuzz(kind: str, minutes: float, first_seed: int = 0, most_files: int | None = None) -> dict:
    """Damage and read until the time is over or there were enough files. Returns the report; its "wrong" should be
    empty."""
    context = multiprocessing.get_context("spawn")
    outcomes, wrong, slowest, most = Counter(), [], 0.0, 0.0
    with tempfile.TemporaryDirectory() as seeds, tempfile.TemporaryDirectory() as folder:
        if kind == "videos":
            video_seeds(Path(seeds))
        else:
            checkpoint_seed(Path(seeds))
        process = pipe = None
        until, seed = float("inf"), first_seed
        while time.monotonic() < until and seed - first_seed != most_files:
            fresh = process is None
            if fresh:
                pipe, other = context.Pipe()
                process = context.Process(target=work, args=(kind, seeds, folder, other), daemon=True)
                process.start()
                other.close()
            start = time.monotonic()
            pipe.send(seed)
            try:
                if not pipe.poll(PATIENCE + 60 * fresh):  # a fresh one imports first
                    outcome, words = "hung", f"no answer in {PATIENCE:.0f} s"
                else:
                    outcome, words = pipe.recv()
            except (EOFError, ConnectionResetError):
                process.join(5)
                outcome, words = "died", f"exit code {process.exitcode}"
            if not fresh:
                slowest = max(slowest, time.monotonic() - start)
            outcomes[outcome] += 1
            if outcome in ("raised", "hung", "died"):
                wrong.append(f"seed {seed}: {outcome}: {words}")
            elif outcome == "refused" and len(words) < 20:
                wrong.append(f"seed {seed}: no reason given: {words!r}")
            if outcome in ("hung", "died"):
                process.kill()
                process = None
            else:
                most = max(most, resident(process.pid))
            if seed == first_seed:  # the worker has imported what it needs
                until = time.monotonic() + 60 * minutes
            seed += 1
        if process is not None:
            pipe.send(None)
            process.join(5)
            process.kill()
    if most > MOST_MB:
        wrong.append(f"the worker grew to {most:.0f} MB")
    return {
        "files": seed - first_seed,
        "outcomes": dict(outcomes),
        "wrong": wrong[:50],
        "slowest_seconds": slowest,
        "most_mb": most,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5, help="for each kind of file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(KINDS), choices=KINDS)
    parser.add_argument("--json", type=Path, default=None)
    args = parser.parse_args()
    report = {kind: fuzz(kind, args.minutes, args.seed) for kind in args.only}
    text = json.dumps(report, indent=1)
    print(text)
    if args.json:
        args.json.write_text(text + "\n", encoding="utf-8")
    if any(part["wrong"] for part in report.values()):
        sys.exit("a reader did not cope with a file")


if __name__ == "__main__":
    main()
