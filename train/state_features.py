"""What the action classifier reads of every clip, computed once and kept.

    python -m train.state_features --data DIR --checkpoints bundled --model one_frame

Each clip is watched as a whole at 10 frames a second. Beside it, with `--untrained`, by the same network with fresh
weights outside the encoder: what the states are worth without training for prediction. One .npz for each clip, of
float16:

    pooled      [S, F] of the strategy "pooled", averaged over each of S equal parts of the clip
    steps       [S], how many frames each part has
    c4 [F], subsample [F]      of the state after the last frame
    single      [F], "pooled" for the frame in the middle, from an empty memory
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from vp.action_classifier import FPS
from vp.checkpoints import open_checkpoints
from vp.limits import MAX_CLASSIFIED
from vp.memory import states_along
from vp.models import BLOCKS, KERNELS, NAMES, Ladder, step_features, untrained
from vp.predictor import Predictor

from .cache import build, read_index
from .data import frame_steps
from .fourier import is_faster, use_fourier_frozen
from .splits import ClipFile, find_clips, select

# Parts that a clip is cut into: training takes runs of them, so that the classifier has met clips half seen.
PARTS = 10


def features_of(model: Ladder, frames: Tensor) -> dict[str, np.ndarray]:
    """What is kept of a clip: frames [T, 3, H, W] in [0, 1], on the model's device."""
    pooled = []
    for states, before in states_along(model, frames):
        pooled.append(step_features("pooled", states, before))
    last = {b: {k: states[b][k][-1:] for k in KERNELS} for b in BLOCKS}
    parts = [p for p in torch.cat(pooled).tensor_split(min(PARTS, len(frames))) if len(p)]
    middle = len(frames) // 2
    alone, empty = next(states_along(model, frames[middle : middle + 1]))
    kept = {
        "pooled": torch.stack([p.mean(0) for p in parts]),
        "steps": torch.tensor([len(p) for p in parts]),
        "c4": step_features("c4", last, last)[0],
        "subsample": step_features("subsample", last, last)[0],
        "single": step_features("pooled", alone, empty)[0],
    }
    arrays = {name: value.cpu().numpy() for name, value in kept.items()}
    return {name: value if name == "steps" else value.astype(np.float16) for name, value in arrays.items()}


def watched(cache: Path, name: str, count: int, native: float, most: int = MAX_CLASSIFIED) -> np.ndarray:
    """A cached clip as the classifier sees it: uint8 [T, H, W, 3] at `FPS`, up to `most` frames."""
    fps = min(FPS, native)
    steps = frame_steps(max(1, int((count - 1) / native * fps + 1e-6) + 1), native, fps)[:most]
    return np.load(cache / f"{name}.npy", mmap_mode="r")[np.minimum(steps, count - 1)]


def folder_of(root: Path, name: str, digest: str, fresh: bool, seconds: float | None) -> Path:
    """Where the features of one network are kept: by the hash of its weights, so that new weights begin anew."""
    short = "" if seconds is None else f"-{seconds:g}s"
    return root / f"{name}-{digest[:12]}{'-untrained' if fresh else ''}{short}"


def compute(
    predictor: Predictor, clips: list[ClipFile], cache: Path, folder: Path, *, seconds: float | None = None
) -> None:
    """Compute what is missing in the folder. Killed, it goes on where it was."""
    folder.mkdir(parents=True, exist_ok=True)
    index = read_index(cache)
    missing = [c for c in clips if c.name in index and not (folder / f"{c.name}.npz").exists()]
    most = MAX_CLASSIFIED if seconds is None else max(1, round(seconds * FPS))
    for clip in tqdm(missing, desc=folder.name, unit="clip", mininterval=10):
        frames = predictor.resize(watched(cache, clip.name, *index[clip.name], most)).to(predictor.device)
        temporary = folder / f".{clip.name}.{os.getpid()}.npz"
        np.savez(temporary, **features_of(predictor.model, frames))
        temporary.replace(folder / f"{clip.name}.npz")


def load_features(folder: Path, clips: list[ClipFile], name: str) -> Tensor:
    """One array of every clip as float32, in the order of the clips; "pooled" is averaged over the whole clip.

    Raises FileNotFoundError for a clip without features.
    """
    return torch.stack([_whole(folder / f"{clip.name}.npz", name) for clip in clips])


def _whole(path: Path, name: str) -> Tensor:
    with np.load(path) as stored:
        if name == "c4+subsample":
            return torch.from_numpy(np.concatenate([stored["c4"], stored["subsample"]])).float()
        value = torch.from_numpy(stored[name]).float()
        if name != "pooled":
            return value
        return (value * torch.from_numpy(stored["steps"]).float()[:, None] / stored["steps"].sum()).sum(0)


def load_parts(folder: Path, clips: list[ClipFile]) -> tuple[Tensor, Tensor]:
    """ "pooled" of every part of every clip [N, PARTS, F], and the frames in it [N, PARTS], 0 where a clip has less."""
    features, steps = [], []
    for clip in clips:
        with np.load(folder / f"{clip.name}.npz") as stored:
            room = PARTS - len(stored["steps"])
            features.append(F.pad(torch.from_numpy(stored["pooled"]), (0, 0, 0, room)))
            steps.append(F.pad(torch.from_numpy(stored["steps"]), (0, room)))
    return torch.stack(features), torch.stack(steps)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every command that reads states is told."""
    parser.add_argument("--data", type=Path, required=True, help="UCF101 folder (CLASS/v_CLASS_gXX_cYY.avi or .mp4)")
    parser.add_argument("--checkpoints", default="bundled", help="bundled, a folder or hf://owner/name@revision")
    parser.add_argument("--model", default="one_frame", choices=NAMES, help="predictor whose states are read")
    parser.add_argument("--splits", type=Path, default=None, help="folder of the official lists; default by group")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of decoded frames")
    parser.add_argument(
        "--seconds", type=float, default=None, help="watch only so much of each clip: for a first classifier in a hurry"
    )
    parser.add_argument("--features", type=Path, default=Path("runs/features"), help="folder for the features")


def prepare(args: argparse.Namespace, part: str, *, fresh: bool = False) -> tuple[list[ClipFile], Path]:
    """The clips of a part of the split and the folder that holds their features, computed where missing."""
    source = open_checkpoints(args.checkpoints)
    folder = folder_of(args.features, args.model, source.config(args.model)["weights_sha256"], fresh, args.seconds)
    clips = select(find_clips(args.data), part, args.splits)
    if any(not (folder / f"{clip.name}.npz").exists() for clip in clips):
        build(clips, args.cache)
        model = source.load(args.model)
        predictor = Predictor(args.model, untrained(model) if fresh else model)
        if is_faster(predictor.device, predictor.dtype):
            use_fourier_frozen(predictor.model.laterals, one_clip=True)
        compute(predictor, clips, args.cache, folder, seconds=args.seconds)
    return [clip for clip in clips if (folder / f"{clip.name}.npz").exists()], folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--untrained", action="store_true", help="with fresh weights outside the encoder")
    parser.add_argument("--part", nargs="*", default=["train+validation", "test"], help="parts of the split")
    args = parser.parse_args()
    for part in args.part:
        clips, folder = prepare(args, part, fresh=args.untrained)
        print(f"{part}: {len(clips)} clips in {folder}")


if __name__ == "__main__":
    main()
