"""What the action classifier reads of every clip, computed once and kept.

    python -m train.state_features --data DIR --checkpoints bundled --model lvln --blocks C3 C4

Each clip is watched as a whole at 10 frames a second, by the blocks that the classifier reads: the others need not run.
With `--untrained` by the same network with fresh weights outside the encoder: what the states are worth without
training for prediction. One .npz for each clip, of float16:

    pooled      [S, F], `step_features` of the strategy "pooled", averaged over each of S equal parts of the clip
    steps       [S], how many frames each part has
    single      [F], the same for the frame in the middle, from an empty memory
    C1 ... C4   [3, C, h, w], the state of each ConvGRU of the block after the last frame (not with `--untrained`)
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from vp.action_classifier import FPS
from vp.checkpoints import open_checkpoints
from vp.limits import MAX_CLASSIFIED
from vp.memory import states_along
from vp.models import BLOCKS, KERNELS, NAMES, Ladder, in_order, step_features, untrained
from vp.models.readout import cut, over_parts
from vp.predictor import Predictor

from .arguments import above_zero, add_data, told
from .cache import build, find_data, named, read_index
from .data.windows import frame_steps
from .splits import ClipFile, select


def features_of(model: Ladder, frames: Tensor, blocks: Sequence[str], *, last: bool) -> dict[str, np.ndarray]:
    """What is kept of a clip: frames [T, 3, H, W] in [0, 1], on the model's device. last: the last states too."""
    pooled = []
    for states, before in states_along(model, frames, blocks=blocks):
        pooled.append(step_features("pooled", states, before))
    parts, steps = cut(torch.cat(pooled))
    middle = len(frames) // 2
    alone, empty = next(states_along(model, frames[middle : middle + 1], blocks=blocks))
    kept = {
        "pooled": parts,
        "steps": steps,
        "single": step_features("pooled", alone, empty)[0],
    }
    if last:
        kept |= {block: torch.stack([states[block][k][-1] for k in KERNELS]) for block in blocks}
    return {name: to_numpy(value) for name, value in kept.items()}


def to_numpy(value: Tensor) -> np.ndarray:
    """For a file: whole numbers as they are, others as float16."""
    return value.cpu().numpy() if not value.is_floating_point() else value.half().cpu().numpy()


def watched(cache: Path, name: str, count: int, native: float, most: int = MAX_CLASSIFIED) -> np.ndarray:
    """A cached clip as the classifier sees it: uint8 [T, H, W, 3] at `FPS`, up to `most` frames."""
    fps = min(FPS, native)
    steps = frame_steps(max(1, int((count - 1) / native * fps + 1e-6) + 1), native, fps)[:most]
    return np.load(cache / f"{name}.npy", mmap_mode="r")[np.minimum(steps, count - 1)]


def folder_of(root: Path, name: str, digest: str, blocks: Sequence[str], seconds: float | None, kind: str = "") -> Path:
    """Where the features of one network are kept: by the hash of its weights, so that new weights begin anew."""
    some = "" if tuple(blocks) == BLOCKS else "-" + "".join(blocks)
    short = "" if seconds is None else f"-{seconds:g}s"
    return root / f"{name}-{digest[:12]}{some}{short}{'-' if kind else ''}{kind}"


def missing_from(folder: Path, clips: list[ClipFile], cache: Path) -> list[ClipFile]:
    """The clips whose features the folder does not hold, or only those of an older file or of older frames in the
    cache."""

    def held(clip: ClipFile) -> bool:
        features = folder / f"{clip.name}.npz"
        if not features.exists():
            return False
        return all(
            not source.exists() or source.stat().st_mtime <= features.stat().st_mtime
            for source in (clip.path, cache / f"{clip.name}.npy")
        )

    return [clip for clip in clips if not held(clip)]


def compute(
    features: Callable[[ClipFile, Tensor], dict[str, np.ndarray]],
    predictor: Predictor,
    clips: list[ClipFile],
    cache: Path,
    folder: Path,
    *,
    seconds: float | None = None,
) -> None:
    """Compute what is missing in the folder, from a clip's frames as the predictor sees them [T, 3, H, W]. Killed, it
    goes on where it was."""
    folder.mkdir(parents=True, exist_ok=True)
    index = read_index(cache)
    most = MAX_CLASSIFIED if seconds is None else max(1, round(seconds * FPS))
    missing = [clip for clip in missing_from(folder, clips, cache) if clip.name in index]
    for clip in tqdm(missing, desc=folder.name, unit="clip", mininterval=10):
        frames = predictor.resize(watched(cache, clip.name, *index[clip.name], most)).to(predictor.device)
        temporary = folder / f".{clip.name}.{os.getpid()}.npz"
        np.savez(temporary, **features(clip, frames))
        temporary.replace(folder / f"{clip.name}.npz")


def load_features(folder: Path, clips: list[ClipFile], name: str) -> Tensor:
    """One array of every clip as float32, in the order of the clips; of "pooled" and "single" what
    `vp.models.clip_features` makes of them.

    Raises FileNotFoundError for a clip without features.
    """
    return torch.stack([_whole(folder / f"{clip.name}.npz", name) for clip in clips])


def _whole(path: Path, name: str) -> Tensor:
    with np.load(path) as stored:
        value = torch.from_numpy(stored[name]).float()
        if name == "single":
            return over_parts(value.unsqueeze(0), torch.ones(1))
        return over_parts(value, torch.from_numpy(stored["steps"])) if name == "pooled" else value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every command that reads states is told."""
    add_data(parser)
    parser.add_argument("--checkpoints", default="bundled", help="bundled, a folder or hf://owner/name@revision")
    parser.add_argument("--model", default="lvln", choices=NAMES, help="predictor whose states are read")
    parser.add_argument("--splits", type=Path, default=None, help="folder of the official lists; default by group")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of decoded frames")
    parser.add_argument(
        "--seconds",
        type=above_zero,
        default=None,
        help="watch only so much of each clip: for a first classifier in a hurry",
    )
    parser.add_argument("--features", type=Path, default=Path("runs/features"), help="folder for the features")


def place_of(args: argparse.Namespace, blocks: Sequence[str], kind: str = "") -> Path:
    """The folder for what the command line asks for."""
    digest = open_checkpoints(args.checkpoints).config(args.model)["weights_sha256"]
    return folder_of(args.features, args.model, digest, blocks, args.seconds, kind)


def watcher(args: argparse.Namespace, *, fresh: bool = False) -> Predictor:
    """The predictor that the command line names."""
    model = open_checkpoints(args.checkpoints).load(args.model)
    return Predictor(args.model, untrained(model) if fresh else model)


def prepare(
    args: argparse.Namespace, part: str, blocks: Sequence[str], *, fresh: bool = False
) -> tuple[list[ClipFile], Path]:
    """The clips of a part of the split and the folder that holds their features, computed where missing."""
    folder = place_of(args, blocks, "untrained" if fresh else "")
    found, hub = find_data(args.data)
    clips = named(select(found, part, args.splits), args.cache, hub)
    if not clips:
        raise ValueError(f"none of the clips of {args.data} is of a {part} group")
    if hub:  # only its list says whether a clip is another one than it was
        clips = build(clips, args.cache, hub=hub)
    if missing_from(folder, clips, args.cache):
        clips = clips if hub else build(clips, args.cache)
        predictor = watcher(args, fresh=fresh)

        def features(_: ClipFile, frames: Tensor) -> dict[str, np.ndarray]:
            return features_of(predictor.model, frames, blocks, last=not fresh)

        compute(features, predictor, clips, args.cache, folder, seconds=args.seconds)
    left = {clip.name for clip in missing_from(folder, clips, args.cache)}
    if not (kept := [clip for clip in clips if clip.name not in left]):
        raise ValueError(f"none of the {len(clips)} clips of {args.data} can be decoded: see above why")
    return kept, folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--untrained", action="store_true", help="with fresh weights outside the encoder")
    parser.add_argument("--blocks", nargs="+", default=list(BLOCKS), choices=BLOCKS, help="blocks to read")
    parser.add_argument("--part", nargs="*", default=["train+validation", "test"], help="parts of the split")
    args = parser.parse_args()
    blocks = in_order(args.blocks)
    with told():
        for part in args.part:
            clips, folder = prepare(args, part, blocks, fresh=args.untrained)
            print(f"{part}: {len(clips)} clips in {folder}")


if __name__ == "__main__":
    main()
