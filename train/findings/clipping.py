"""Predictions leave the range of colours: with and without clipping (paper section 4, Fig. 7).

python -m train.findings.clipping --figure assets/figures/clipping.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from vp import load_predictor, video
from vp.clips import BUNDLED
from vp.limits import FPS
from vp.models import ALL_NAMES, PAPER

from ..arguments import errors_in_one_line
from .panels import Row, panels

HORIZON = 3


@errors_in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=PAPER, choices=ALL_NAMES)
    parser.add_argument("--figure", type=Path, required=True)
    args = parser.parse_args()
    predictor = load_predictor(args.model)
    frames = video.read(BUNDLED / "walk.mp4", fps=FPS, start=0.5, frames=predictor.default_seen, size=predictor.size)
    x = torch.from_numpy(frames).permute(0, 3, 1, 2)[None].to(predictor.device) / 255
    with torch.inference_mode():
        out = predictor.model.rollout(x, HORIZON).frames[0, -HORIZON:].float().permute(0, 2, 3, 1).cpu().numpy()
    outside = ((out < 0) | (out > 1)).mean((1, 2, 3))
    # A byte holds no more than 255: what is beyond wraps around, white turns black.
    wrapped = (np.round(out * 255).astype(int) % 256) / 255
    print("colours outside [0, 1]: " + ", ".join(f"{share:.2%}" for share in outside))
    captions = [f"{share:.1%} outside" for share in outside]
    rows = [Row("as bytes", wrapped, captions), Row("clipped to [0, 1]", out.clip(0, 1), accent=HORIZON)]
    panels(rows, args.figure, columns=[f"step +{k + 1}" for k in range(HORIZON)], zoom=1.3)


if __name__ == "__main__":
    main()
