"""The moving circle, before and while it is learned (paper section 4, Fig. 4).

python -m train.fit_predictor circle_lvln --out runs/circle_lvln --snapshots 0 100 500
python -m train.fit_predictor circle_one_frame --out runs/circle_one_frame --snapshots 0 100 500
python -m train.findings.moving_circle runs/circle_lvln runs/circle_one_frame --figure assets/figures/circle.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ..arguments import errors_in_one_line
from ..data.circle_sequences import circle
from .panels import Row, panels
from .runs import add_run_arguments, only_predictor

HORIZON = 3


def rows(run: Path) -> list[Row]:
    """The true sequence, then what is predicted after each snapshot's steps."""
    snapshots = sorted((int(folder.name.removeprefix("step_")), folder) for folder in run.glob("step_[0-9]*"))
    if not snapshots:
        raise ValueError(f"{run} has no snapshots: train it with --snapshots 0 100 500")
    result: list[Row] = []
    for step, folder in snapshots:
        predictor = only_predictor(folder)
        seen = predictor.default_seen
        frames = circle(*predictor.size)[: seen + HORIZON]
        rollout = predictor.run(frames, horizon=HORIZON)
        if not result:
            result.append(Row(f"{predictor.title}\ntruth", frames / 255))
        seen_frames = np.ones_like(rollout.seen_frames)  # left blank
        captions = [""] * seen + [f"{value:.1f} dB" for value in rollout.scores["psnr"]]
        pictures = np.concatenate([seen_frames, rollout.predictions])
        result.append(Row(f"after {step} steps", pictures, captions, accent=HORIZON))
    return result


@errors_in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser)
    args = parser.parse_args()
    panels([row for run in args.runs for row in rows(run)], args.figure)


if __name__ == "__main__":
    main()
