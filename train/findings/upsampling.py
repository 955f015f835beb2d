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

from vp import load_predictor, video
from vp.clips import BUNDLED
from vp.grid import grid_index
from vp.limits import FPS

from ..arguments import errors_in_one_line
from .panels import Row, panels
from .runs import only_predictor


@errors_in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="folders of runs, or bundled")
    parser.add_argument("--figure", type=Path, required=True)
    args = parser.parse_args()
    pictures, captions = [], []
    for run in args.runs:
        predictor = load_predictor("one_frame") if run == "bundled" else only_predictor(Path(run) / "export")
        h, w = predictor.size
        indices = []
        for clip in sorted(BUNDLED.glob("*.mp4")):
            frames = video.read(clip, fps=FPS, start=0.5, frames=predictor.default_seen + 1, size=predictor.size)
            rollout = predictor.run(frames, horizon=1)
            ours, truth = (torch.from_numpy(x).permute(0, 3, 1, 2) for x in (rollout.predictions, rollout.truth))
            indices.append(grid_index(ours, truth).mean().item())
            if clip.stem == "walk":
                shown = rollout
        middle = np.s_[h // 4 : h // 4 + h // 2, w // 4 : w // 4 + w // 2]
        pictures.append(shown.predictions[0][middle])
        ways = {"bundled": "ours", "paper_one_frame": "pixel shuffle"}
        label = ways.get(Path(run).name, Path(run).name.removeprefix("upsampling_").replace("_", " "))
        captions.append(f"{label}: grid {np.mean(indices):.2f}")
        print(f"{run}: grid index {np.mean(indices):.3f} over {len(indices)} clips")
    pictures = np.stack([shown.truth[0][middle], *pictures])
    panels([Row("", pictures, ["truth", *captions])], args.figure, zoom=1.6)


if __name__ == "__main__":
    main()
