"""What the action classifier and all that it is compared with read of every clip, computed in one pass and kept.

Each clip is watched as a whole at `FPS`, by the blocks that the classifier reads: the others need not run. One .npz for
each clip, of float16:

    streams       [S, F], `read_steps`, averaged over each of S equal parts of the clip
    steps         [S], how many frames each part has
    single        [1, F], the same of the frame in the middle, from an empty memory
    untrained     [S, F], as streams, by memories with fresh weights: what they are worth without training
    c4, subsample [F'], what the paper's classifier reads (section 5): the states after the last frame. Blocks that ours
                  does not read have not watched the clip; they are shown its last second

The last three are wanted by `train.evaluate_classifier` only: without `--controls` they are left out.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from vp.checkpoints import open_checkpoints
from vp.limits import FPS, MAX_CLASSIFIED
from vp.models import BLOCKS, NAMES, Ladder, paper_features, read_steps, untrained
from vp.models.readout import cut, over_parts
from vp.predictor import Predictor
from vp.replacing import replacing
from vp.states_along import remember, states_along

from ..arguments import above_zero, add_data, at_least_one
from ..data.clip_files import ClipFile, find_data
from ..data.frame_cache import build, named, read_index
from ..data.splits import select
from ..data.windows import frame_steps

# A state forgets: after a second C1's lie within a fifth of what they are after the whole clip.
PAPER_SECONDS = 1.0
PAPER_STRATEGIES = ("c4", "subsample")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every command that reads states is told."""
    add_data(parser)
    parser.add_argument("--checkpoints", default="bundled", help="bundled, a folder or hf://owner/name@revision")
    parser.add_argument("--model", default="lvln", choices=NAMES, help="predictor whose states are read")
    parser.add_argument("--splits", type=Path, default=None, help="folder of the official lists; default by group")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of decoded frames")
    words = "watch only so much of each clip: for a first classifier in a hurry"
    parser.add_argument("--seconds", type=above_zero, default=None, help=words)
    parser.add_argument("--features", type=Path, default=Path("runs/features"), help="folder for the features")
    words = "processes that compute them; default: one for each core, or one on a GPU"
    parser.add_argument("--workers", type=at_least_one, default=None, help=words)
    words = "compute what comparisons read in the same pass, which takes half as long again"
    parser.add_argument("--controls", action=argparse.BooleanOptionalAction, default=True, help=words)


def prepare(args: argparse.Namespace, part: str, blocks: Sequence[str]) -> tuple[list[ClipFile], Path]:
    """The clips of a part of the split and the folder that holds their features, computed where missing.

    args: of `add_arguments`.
    """
    folder = folder_of(args, blocks)
    every, hub = find_data(args.data)
    clips = named(select(every, part, args.splits), args.cache, hub)
    if not clips:
        raise ValueError(f"none of the clips of {args.data} is of a {part} group")
    if hub:  # only its list says whether a clip is another one than it was
        clips = build(clips, args.cache, hub=hub)
    wanted = "untrained" if args.controls else "streams"
    if missing_from(folder, clips, args.cache, wanted):
        clips = clips if hub else build(clips, args.cache)
        compute(args, missing_from(folder, clips, args.cache, wanted), folder, blocks)
    left = {clip.name for clip in missing_from(folder, clips, args.cache, wanted)}
    if not (kept := [clip for clip in clips if clip.name not in left]):
        raise ValueError(f"none of the {len(clips)} clips of {args.data} can be decoded: see above why")
    return kept, folder


@torch.inference_mode()
def features_of(model: Ladder, frames: Tensor, blocks: Sequence[str], fresh: Ladder | None = None) -> dict[str, Tensor]:
    """What is kept of a clip: frames [T, 3, H, W] in [0, 1], on the model's device. fresh: the same network untrained,
    for the comparisons; None to leave them out."""
    streams, untrained, state = [], [], None
    for seen, states, before in states_along(model, frames, blocks=blocks):
        streams.append(read_steps(model, seen, states, before))
        if fresh is not None:
            own, earlier, state = remember(fresh, seen, state)
            untrained.append(read_steps(fresh, seen, own, earlier))
    parts, steps = cut(torch.cat(streams))
    kept = {"streams": parts, "steps": steps}
    if fresh is None:
        return kept
    middle = len(frames) // 2
    single = read_steps(model, *next(states_along(model, frames[middle : middle + 1], blocks=blocks)))
    last = {block: {k: h[-1:] for k, h in states[block].items()} for block in blocks}
    if rest := [block for block in BLOCKS if block not in blocks]:
        for _, others, _ in states_along(model, frames[-round(PAPER_SECONDS * FPS) :], blocks=rest):
            last |= {block: {k: h[-1:] for k, h in others[block].items()} for block in rest}
    paper = {name: paper_features(name, {b: last[b] for b in BLOCKS})[0] for name in PAPER_STRATEGIES}
    return kept | {"single": single, "untrained": cut(torch.cat(untrained))[0]} | paper


def folder_of(args: argparse.Namespace, blocks: Sequence[str]) -> Path:
    """Where the features of one network are kept: by the hash of its weights, so that new weights begin anew."""
    digest = open_checkpoints(args.checkpoints).config(args.model)["weights_sha256"]
    some = "" if tuple(blocks) == BLOCKS else "".join(blocks)
    short = "" if args.seconds is None else f"{args.seconds:g}s"
    return args.features / "-".join(filter(None, (args.model, digest[:12], some, short)))


def missing_from(folder: Path, clips: list[ClipFile], cache: Path, what: str = "streams") -> list[ClipFile]:
    """The clips whose features called `what` the folder does not hold, or only those of an older file or of older
    frames in the cache."""

    def held(clip: ClipFile) -> bool:
        features = folder / f"{clip.name}.npz"
        if not features.exists():
            return False
        sources = (source for source in (clip.path, cache / f"{clip.name}.npy") if source.exists())
        return all(source.stat().st_mtime <= features.stat().st_mtime for source in sources) and has(features, what)

    return [clip for clip in clips if not held(clip)]


def has(file: Path, what: str) -> bool:
    """Whether a file of features has those."""
    with np.load(file) as stored:
        return what in stored


def compute(args: argparse.Namespace, clips: list[ClipFile], folder: Path, blocks: Sequence[str]) -> None:
    """Compute the features of clips. Killed, it goes on where it was: each is written when it is done."""
    folder.mkdir(parents=True, exist_ok=True)
    index = read_index(args.cache)
    missing = [clip.name for clip in clips if clip.name in index]
    workers = min(args.workers or (1 if torch.cuda.is_available() else os.cpu_count() or 1), len(missing))
    progress = partial(tqdm, total=len(missing), desc=folder.name, unit="clip", mininterval=10)
    work = partial(_compute, folder=folder, cache=args.cache, index=index, seconds=args.seconds)
    if workers <= 1:
        _load(args.checkpoints, args.model, tuple(blocks), args.controls, None)
        for name in progress(missing):
            work(name)
        return
    # A process for each core: maps as small as these do not keep two cores busy at once.
    given = (args.checkpoints, args.model, tuple(blocks), args.controls, 1)
    with ProcessPoolExecutor(workers, get_context("spawn"), _load, given) as pool:
        for _ in progress(pool.map(work, missing)):
            pass


_NETWORKS: dict[str, object] = {}  # of this process


def _load(checkpoints: str, name: str, blocks: tuple[str, ...], controls: bool, threads: int | None) -> None:
    if threads:
        torch.set_num_threads(threads)
    model = open_checkpoints(checkpoints).load(name)
    fresh = Predictor(name, untrained(model)).model if controls else None
    _NETWORKS.update(predictor=Predictor(name, model), blocks=blocks, fresh=fresh)


def _compute(name: str, *, folder: Path, cache: Path, index: dict, seconds: float | None) -> None:
    predictor, most = _NETWORKS["predictor"], MAX_CLASSIFIED if seconds is None else max(1, round(seconds * FPS))
    frames = predictor.resize(watched(cache, name, *index[name], most)).to(predictor.device)
    found = features_of(predictor.model, frames, _NETWORKS["blocks"], _NETWORKS["fresh"])
    with replacing(folder / f"{name}.npz") as part:
        np.savez(part, **{key: to_numpy(value) for key, value in found.items()})


def watched(cache: Path, name: str, count: int, native: float, most: int) -> np.ndarray:
    """A cached clip as the classifier sees it: uint8 [T, H, W, 3] at `FPS`, up to `most` frames."""
    fps = min(FPS, native)
    steps = frame_steps(max(1, int((count - 1) / native * fps + 1e-6) + 1), native, fps)[:most]
    return np.load(cache / f"{name}.npy", mmap_mode="r")[np.minimum(steps, count - 1)]


def to_numpy(value: Tensor) -> np.ndarray:
    """For a file: whole numbers as they are, others as float16."""
    return value.cpu().numpy() if not value.is_floating_point() else value.half().cpu().numpy()


def load_features(folder: Path, clips: list[ClipFile], what: str) -> Tensor:
    """The features [N, F] of clips, in their order. what: "streams", "untrained", "single", or a strategy of the
    paper's. Raises FileNotFoundError for a clip without features, ValueError where these were not computed."""

    def load(path: Path) -> Tensor:
        with np.load(path) as stored:
            if missing := [name for name in what.split("+") if name not in stored]:
                raise ValueError(f"{path} holds no {missing[0]}: run the command again with --controls")
            values = [torch.from_numpy(stored[name]).float() for name in what.split("+")]
            if what in ("streams", "untrained"):
                return over_parts(values[0], torch.from_numpy(stored["steps"]))
            return over_parts(values[0], torch.ones(1)) if what == "single" else torch.cat(values)

    return torch.stack([load(folder / f"{clip.name}.npz") for clip in clips])
