"""One filter of a ConvGRU through time, before and after training (paper section 4, Fig. 5).

python -m train.findings.filters --figure assets/figures/filter.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from vp import Predictor
from vp.checkpoints import open_checkpoints
from vp.models import BLOCKS, KERNELS, NAMES, untrained

from .clips import window
from .panels import Row, panels

HORIZON = 3


def follows(states: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """How closely each filter changes where the picture changes: correlation over places and steps [C].

    states: [T, C, h, w]; frames: [T, H, W, 3], where h and w divide H and W.
    """
    steps, channels, h, w = states.shape
    moved = np.abs(np.diff(frames.mean(-1), axis=0))
    moved = moved.reshape(steps - 1, h, frames.shape[1] // h, w, frames.shape[2] // w).mean((2, 4)).ravel()
    changed = np.abs(np.diff(states.astype(np.float32), axis=0)).transpose(1, 0, 2, 3).reshape(channels, -1)
    moved, changed = moved - moved.mean(), changed - changed.mean(1, keepdims=True)
    return changed @ moved / (np.linalg.norm(changed, axis=1) * np.linalg.norm(moved) + 1e-9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoints", default="bundled", help="of the trained network; before: fresh weights")
    parser.add_argument("--model", default="one_frame", choices=NAMES)
    parser.add_argument("--block", default="C1", choices=BLOCKS)
    parser.add_argument("--kernel", default="3x3", choices=KERNELS)
    parser.add_argument(
        "--filter", type=int, default=None, help="default: the trained one that changes where the picture does"
    )
    parser.add_argument("--clip", default="moving_circle", help="a bundled clip or a video")
    parser.add_argument("--figure", type=Path, required=True)
    args = parser.parse_args()
    trained = open_checkpoints(args.checkpoints).load(args.model)
    rollouts = {}
    for when, model in (("before", untrained(trained)), ("after", trained)):
        predictor = Predictor(args.model, model)
        frames = window(args.clip, predictor.default_seen + HORIZON, size=predictor.size)
        rollouts[when] = predictor.run(frames, horizon=HORIZON)
    after = rollouts["after"].states[args.block][args.kernel]
    seen, steps = rollouts["after"].seen, rollouts["after"].steps
    read = np.concatenate([rollouts["after"].seen_frames, rollouts["after"].predictions])[:steps]
    chosen = args.filter
    if chosen is None:
        chosen = int(follows(after, read).argmax())
    limit = float(np.abs(after[:, chosen]).max())
    rows = [Row("the network reads", read, accent=steps - seen)]
    for when in ("before", "after"):
        values = rollouts[when].states[args.block][args.kernel][:, chosen].astype(np.float32)
        rows.append(Row(f"{when} training", values, limit=limit))
    print(f"{args.block} {args.kernel} filter {chosen}, colours from {-limit:.2f} (blue) to {limit:.2f} (red)")
    panels(rows, args.figure, columns=[f"step {t + 1}" for t in range(steps)])


if __name__ == "__main__":
    main()
