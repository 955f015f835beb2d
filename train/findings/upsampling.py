r"""How the output is upsampled, and the grid that it leaves (paper section 4.1, Fig. 9).

for way in paper_one_frame upsampling_bilinear upsampling_nearest; do
  python -m train.fit_predictor $way --encoder assets/checkpoints --data UCF-101 --out runs/$way --minutes 10
done
python -m train.findings.upsampling runs/{paper_one_frame,upsampling_bilinear,upsampling_nearest} bundled \
    --figure assets/figures/upsampling.png

`bundled` is the bundled one_frame.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from vp import load_predictor
from vp.grid import grid_index

from ..arguments import errors_in_one_line
from .example_clips import bundled, window
from .panels import Row, panels
from .runs import only_predictor


@errors_in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="folders of runs, or bundled")
    parser.add_argument("--clip", default="walk", help="a bundled clip or a video")
    parser.add_argument("--figure", type=Path, required=True)
    args = parser.parse_args()
    pictures, captions = [], []
    for run in args.runs:
        predictor = load_predictor("one_frame") if run == "bundled" else only_predictor(Path(run) / "export")
        length = predictor.default_seen + 1
        indices = []
        for clip in bundled():
            rollout = predictor.run(window(clip, length, size=predictor.size), horizon=1)
            ours, truth = (torch.from_numpy(x).permute(0, 3, 1, 2) for x in (rollout.predictions, rollout.truth))
            indices.append(grid_index(ours, truth).mean().item())
        rollout = predictor.run(window(args.clip, length, size=predictor.size), horizon=1)
        h, w = predictor.size
        if not pictures:
            pictures.append(rollout.truth[0][h // 4 : h // 4 + h // 2, w // 4 : w // 4 + w // 2])
            captions.append("truth")
        pictures.append(rollout.predictions[0][h // 4 : h // 4 + h // 2, w // 4 : w // 4 + w // 2])
        ways = {"bundled": "ours", "paper_one_frame": "pixel shuffle"}
        label = ways.get(Path(run).name, Path(run).name.removeprefix("upsampling_").replace("_", " "))
        captions.append(f"{label}: grid {np.mean(indices):.2f}")
        print(f"{run}: grid index {np.mean(indices):.3f} over {len(indices)} clips")
    panels([Row("", np.stack(pictures), captions)], args.figure, zoom=1.6)


if __name__ == "__main__":
    main()
