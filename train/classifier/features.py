"""What the action classifier reads of every clip, computed once and kept.

Each clip is watched as a whole at `FPS`, by the blocks that the classifier reads: the others need not run; or by the
same network with fresh weights outside the encoder ("untrained"): what the states are worth without training for
prediction. One .npz for each clip, of float16:

    pooled      [S, F], `step_features` of the strategy "pooled", averaged over each of S equal parts of the clip
    steps       [S], how many frames each part has
    single      [F], the same for the frame in the middle, from an empty memory
    C1 ... C4   [3, C, h, w], the state of each ConvGRU of the block after the last frame (not of "untrained")

The paper's classifier (section 5) reads the states after the last frame. Its features lie in a folder beside those, as
c4 [F] and subsample [F]. Blocks that ours does not read have not watched the clip; they are shown its last second.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from vp.checkpoints import open_checkpoints
from vp.limits import FPS, MAX_CLASSIFIED
from vp.memory import states_along
from vp.models import BLOCKS, KERNELS, NAMES, Ladder, step_features, untrained
from vp.models.readout import cut, over_parts
from vp.predictor import Predictor
from vp.replacing import replacing

from ..arguments import above_zero, add_data
from ..data.frame_cache import build, named, read_index
from ..data.splits import select
from ..data.ucf101 import ClipFile, find_data
from ..data.windows import frame_steps

# A state forgets: after a second C1's lie within a fifth of what they are after the whole clip, C2's within a seventh.
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


def prepare(
    args: argparse.Namespace, part: str, blocks: Sequence[str], *, fresh: bool = False
) -> tuple[list[ClipFile], Path]:
    """The clips of a part of the split and the folder that holds their features, computed where missing.

    args: of `add_arguments`. fresh: of the untrained network.
    """
    folder = folder_of(args, blocks, "untrained" if fresh else "")
    every, hub = find_data(args.data)
    clips = named(select(every, part, args.splits), args.cache, hub)
    if not clips:
        raise ValueError(f"none of the clips of {args.data} is of a {part} group")
    if hub:  # only its list says whether a clip is another one than it was
        clips = build(clips, args.cache, hub=hub)
    if missing_from(folder, clips, args.cache):
        clips = clips if hub else build(clips, args.cache)

        def features(model: Ladder, _: ClipFile, frames: Tensor) -> dict[str, Tensor]:
            return features_of(model, frames, blocks, last=not fresh)

        compute(features, args, clips, folder, fresh=fresh)
    left = {clip.name for clip in missing_from(folder, clips, args.cache)}
    if not (kept := [clip for clip in clips if clip.name not in left]):
        raise ValueError(f"none of the {len(clips)} clips of {args.data} can be decoded: see above why")
    return kept, folder


def prepare_paper(args: argparse.Namespace, clips: list[ClipFile], blocks: Sequence[str], watched: Path) -> Path:
    """The folder that holds what the paper's classifier reads of these clips, computed where missing.

    watched: the folder that `prepare` gave for them and `blocks`.
    """
    folder = folder_of(args, blocks, "paper")
    if missing_from(folder, clips, args.cache):

        def features(model: Ladder, clip: ClipFile, frames: Tensor) -> dict[str, Tensor]:
            return paper_features_of(model, frames, watched / f"{clip.name}.npz")

        compute(features, args, clips, folder)
    return folder


def features_of(model: Ladder, frames: Tensor, blocks: Sequence[str], *, last: bool) -> dict[str, Tensor]:
    """What is kept of a clip: frames [T, 3, H, W] in [0, 1], on the model's device. last: the last states too."""
    pooled = []
    for states, before in states_along(model, frames, blocks=blocks):
        pooled.append(step_features("pooled", states, before))
    parts, steps = cut(torch.cat(pooled))
    middle = len(frames) // 2
    alone, empty = next(states_along(model, frames[middle : middle + 1], blocks=blocks))
    kept = {"pooled": parts, "steps": steps, "single": step_features("pooled", alone, empty)[0]}
    if last:
        kept |= {block: torch.stack([states[block][k][-1] for k in KERNELS]) for block in blocks}
    return kept


def paper_features_of(model: Ladder, frames: Tensor, watched: Path) -> dict[str, Tensor]:
    """What the paper's strategies read: frames as in `features_of`; watched: the file of what that kept of the clip."""
    with np.load(watched) as stored:
        known = {block: torch.from_numpy(stored[block]).float() for block in BLOCKS if block in stored}
    state = {block: dict(zip(KERNELS, maps.unsqueeze(1), strict=True)) for block, maps in known.items()}
    if rest := [block for block in BLOCKS if block not in known]:
        for states, _ in states_along(model, frames[-round(PAPER_SECONDS * FPS) :], blocks=rest):
            state |= {block: {k: states[block][k][-1:].cpu() for k in KERNELS} for block in rest}
    state = {block: state[block] for block in BLOCKS}
    return {name: step_features(name, state, state)[0] for name in PAPER_STRATEGIES}


def folder_of(args: argparse.Namespace, blocks: Sequence[str], kind: str = "") -> Path:
    """Where the features of one network are kept: by the hash of its weights, so that new weights begin anew."""
    digest = open_checkpoints(args.checkpoints).config(args.model)["weights_sha256"]
    some = "" if tuple(blocks) == BLOCKS else "".join(blocks)
    short = "" if args.seconds is None else f"{args.seconds:g}s"
    return args.features / "-".join(filter(None, (args.model, digest[:12], some, short, kind)))


def missing_from(folder: Path, clips: list[ClipFile], cache: Path) -> list[ClipFile]:
    """The clips whose features the folder does not hold, or only those of an older file or of older frames in the
    cache."""

    def held(clip: ClipFile) -> bool:
        features = folder / f"{clip.name}.npz"
        if not features.exists():
            return False
        sources = (source for source in (clip.path, cache / f"{clip.name}.npy") if source.exists())
        return all(source.stat().st_mtime <= features.stat().st_mtime for source in sources)

    return [clip for clip in clips if not held(clip)]


def compute(
    features: Callable[[Ladder, ClipFile, Tensor], dict[str, Tensor]],
    args: argparse.Namespace,
    clips: list[ClipFile],
    folder: Path,
    *,
    fresh: bool = False,
) -> None:
    """Compute what is missing in the folder, from a clip's frames as the predictor sees them [T, 3, H, W]. Killed, it
    goes on where it was."""
    model = open_checkpoints(args.checkpoints).load(args.model)
    predictor = Predictor(args.model, untrained(model) if fresh else model)
    folder.mkdir(parents=True, exist_ok=True)
    index = read_index(args.cache)
    most = MAX_CLASSIFIED if args.seconds is None else max(1, round(args.seconds * FPS))
    missing = [clip for clip in missing_from(folder, clips, args.cache) if clip.name in index]
    for clip in tqdm(missing, desc=folder.name, unit="clip", mininterval=10):
        frames = predictor.resize(watched(args.cache, clip.name, *index[clip.name], most)).to(predictor.device)
        arrays = {name: to_numpy(value) for name, value in features(predictor.model, clip, frames).items()}
        with replacing(folder / f"{clip.name}.npz") as part:
            np.savez(part, **arrays)


def watched(cache: Path, name: str, count: int, native: float, most: int) -> np.ndarray:
    """A cached clip as the classifier sees it: uint8 [T, H, W, 3] at `FPS`, up to `most` frames."""
    fps = min(FPS, native)
    steps = frame_steps(max(1, int((count - 1) / native * fps + 1e-6) + 1), native, fps)[:most]
    return np.load(cache / f"{name}.npy", mmap_mode="r")[np.minimum(steps, count - 1)]


def to_numpy(value: Tensor) -> np.ndarray:
    """For a file: whole numbers as they are, others as float16."""
    return value.cpu().numpy() if not value.is_floating_point() else value.half().cpu().numpy()


def load_features(folder: Path, clips: list[ClipFile], strategy: str) -> Tensor:
    """The features [N, F] of clips that a strategy reads, in their order; "single" for "pooled" of one frame.

    Raises FileNotFoundError for a clip without features.
    """

    def load(path: Path) -> Tensor:
        with np.load(path) as stored:
            values = [torch.from_numpy(stored[name]).float() for name in strategy.split("+")]
            if strategy == "single":
                return over_parts(values[0].unsqueeze(0), torch.ones(1))
            if strategy == "pooled":
                return over_parts(values[0], torch.from_numpy(stored["steps"]))
            return torch.cat(values)

    return torch.stack([load(folder / f"{clip.name}.npz") for clip in clips])
