"""One filter of a ConvGRU through time, before and after training (paper section 4, Fig. 5).

python -m train.findings.filters --before runs/one_frame/step_0 --after bundled --figure assets/figures/filter.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from vp import load_predictor
from vp.models import BLOCKS, KERNELS, NAMES

from .clips import window
from .panels import Row, panels

HORIZON = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True, help="checkpoints of the untrained network")
    parser.add_argument("--after", default="bundled", help="checkpoints of the trained one")
    parser.add_argument("--model", default="one_frame", choices=NAMES)
    parser.add_argument("--block", default="C1", choices=BLOCKS)
    parser.add_argument("--kernel", default="7x7", choices=KERNELS)
    parser.add_argument("--filter", type=int, default=None, help="default: the one that changes most after training")
    parser.add_argument("--clip", default="walk", help="a bundled clip or a video")
    parser.add_argument("--figure", type=Path, required=True)
    args = parser.parse_args()
    rollouts = {}
    for when, source in (("after", args.after), ("before", args.before)):
        predictor = load_predictor(args.model, source)
        frames = window(args.clip, predictor.default_seen + HORIZON, size=predictor.size)
        rollouts[when] = predictor.run(frames, horizon=HORIZON)
    after = rollouts["after"].states[args.block][args.kernel]
    chosen = args.filter
    if chosen is None:
        chosen = int(np.abs(np.diff(after, axis=0)).mean((0, 2, 3)).argmax())
    seen, steps = rollouts["after"].seen, rollouts["after"].steps
    read = np.concatenate([rollouts["after"].seen_frames, rollouts["after"].predictions])[:steps]
    limit = float(np.abs(after[:, chosen]).max())
    rows = [Row("the network reads", read, accent=steps - seen)]
    for when in ("before", "after"):
        values = rollouts[when].states[args.block][args.kernel][:, chosen].astype(np.float32)
        rows.append(Row(f"{when} training", values, limit=limit))
    print(f"{args.block} {args.kernel} filter {chosen}, colours from {-limit:.2f} (blue) to {limit:.2f} (red)")
    panels(rows, args.figure, columns=[f"step {t + 1}" for t in range(steps)])


if __name__ == "__main__":
    main()
