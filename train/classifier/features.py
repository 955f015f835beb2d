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
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from vp.checkpoints import open_checkpoints
from vp.limits import FPS, MAX_CLASSIFIED
from vp.models import BLOCKS, NAMES, Ladder, paper_features, read_steps, untrained
from vp.models.classifier_inputs import cut, over_parts
from vp.predictor import Predictor
from vp.replacing import replacing
from vp.states_along import remember, states_along

from ..arguments import add_data, at_least_one
from ..data.clip_files import ClipFile, find_data
from ..data.frame_cache import build, named, read_index
from ..data.splits import select
from ..data.windows import frame_steps


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every command that reads states is told."""
    add_data(parser)
    parser.add_argument("--checkpoints", default="bundled", help="bundled, a folder or hf://owner/name@revision")
    parser.add_argument("--model", default="lvln", choices=NAMES, help="predictor whose states are read")
    parser.add_argument("--splits", type=Path, default=None, help="folder of the official lists; default by group")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of decoded frames")
    parser.add_argument("--features", type=Path, default=Path("runs/features"), help="folder for the features")
    parser.add_argument("--workers", type=at_least_one, help="processes; default: one for each core, or one on a GPU")
    words = "compute what comparisons read in the same pass, which takes half as long again"
    parser.add_argument("--controls", action=argparse.BooleanOptionalAction, default=True, help=words)


def prepare(args: argparse.Namespace, part: str, blocks: tuple[str, ...]) -> tuple[list[ClipFile], Path]:
    """The clips of a part of the split and the folder that holds their features, computed where missing.
    args: of `add_arguments`."""
    # By the hash of the weights, so that new ones begin anew.
    digest = open_checkpoints(args.checkpoints).config(args.model)["weights_sha256"]
    folder = args.features / (f"{args.model}-{digest[:12]}" + ("" if blocks == BLOCKS else f"-{''.join(blocks)}"))
    every, hub = find_data(args.data)
    clips = named(select(every, part, args.splits), args.cache, hub)
    if not clips:
        raise ValueError(f"none of the clips of {args.data} is of a {part} group")

    def held(clip: ClipFile) -> bool:
        """Whether the folder holds what is wanted of a clip, and not of an older file or older frames in the cache."""
        file = folder / f"{clip.name}.npz"
        sources = [source for source in (clip.path, args.cache / f"{clip.name}.npy") if source.exists()]
        if not file.exists() or any(source.stat().st_mtime > file.stat().st_mtime for source in sources):
            return False
        with np.load(file) as stored:
            return ("untrained" if args.controls else "streams") in stored

    if hub or not all(held(clip) for clip in clips):  # of the Hub only its list says whether a clip is another one
        clips = build(clips, args.cache, hub=hub)
        compute(args, [clip for clip in clips if not held(clip)], folder, blocks)
    if not (kept := [clip for clip in clips if held(clip)]):
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
    if rest := [block for block in BLOCKS if block not in blocks]:
        # A state forgets: after a second C1's lie within a fifth of what they are after the whole clip.
        _, others, _ = next(states_along(model, frames[-FPS:], chunk=FPS, blocks=rest))
        states |= others
    last = {block: {k: h[-1:] for k, h in states[block].items()} for block in BLOCKS}
    paper = {name: paper_features(name, last)[0] for name in ("c4", "subsample")}
    return kept | {"single": single, "untrained": cut(torch.cat(untrained))[0]} | paper


def compute(args: argparse.Namespace, clips: list[ClipFile], folder: Path, blocks: tuple[str, ...]) -> None:
    """Compute the features of clips. Killed, it goes on where it was: each is written when it is done."""
    folder.mkdir(parents=True, exist_ok=True)
    index = read_index(args.cache)
    missing = [(clip.name, *index[clip.name]) for clip in clips if clip.name in index]
    if not missing:
        return
    workers = min(args.workers or (1 if torch.cuda.is_available() else os.cpu_count() or 1), len(missing))
    progress = partial(tqdm, total=len(missing), desc=folder.name, unit="clip", mininterval=10)
    work = partial(_compute, args=args, folder=folder, blocks=blocks)
    if workers == 1:
        for clip in progress(missing):
            work(clip)
        return
    # A process for each core: maps as small as these do not keep two cores busy at once.
    with ProcessPoolExecutor(workers, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        for _ in progress(pool.map(work, missing)):
            pass


@lru_cache(maxsize=1)  # once a process
def _networks(checkpoints: str, name: str, controls: bool) -> tuple[Predictor, Ladder | None]:
    model = open_checkpoints(checkpoints).load(name)
    fresh = Predictor(name, untrained(model)).model if controls else None
    return Predictor(name, model), fresh


def _compute(clip: tuple[str, int, float], *, args: argparse.Namespace, folder: Path, blocks: tuple[str, ...]) -> None:
    predictor, fresh = _networks(args.checkpoints, args.model, args.controls)
    name, count, native = clip
    fps = min(FPS, native)
    steps = frame_steps(int((count - 1) / native * fps + 1e-6) + 1, native, fps)[:MAX_CLASSIFIED]
    frames = predictor.resize(np.load(args.cache / f"{name}.npy", mmap_mode="r")[steps]).to(predictor.device)
    features = features_of(predictor.model, frames, blocks, fresh)
    stored = {key: (x.half() if x.is_floating_point() else x).cpu().numpy() for key, x in features.items()}
    with replacing(folder / f"{name}.npz") as part:
        np.savez(part, **stored)


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
