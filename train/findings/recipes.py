r"""Recipes after the same training time, on the same frames (after paper section 4.1, Fig. 8).

python -m train.fit_predictor upsampling_pixel_shuffle --encoder assets/checkpoints --data UCF-101 --out runs/paper \
    --minutes 20
python -m train.fit_predictor one_frame_long --encoder assets/checkpoints --data UCF-101 --out runs/ours --minutes 20
python -m train.findings.recipes runs/paper runs/ours --clip toy_train --figure assets/figures/recipes.png

Both of compact width and with the bundled encoder, so that they differ in nothing but the recipe.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .clips import window
from .panels import Row, panels
from .runs import only_predictor

HORIZON = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="runs of one network size")
    parser.add_argument("--clip", default="walk", help="a bundled clip or a video")
    parser.add_argument("--figure", type=Path, required=True)
    args = parser.parse_args()
    rows: list[Row] = []
    for run in args.runs:
        predictor = only_predictor(run / "export")
        frames = window(args.clip, predictor.default_seen + HORIZON, size=predictor.size)
        rollout = predictor.run(frames, horizon=HORIZON)

        def told(key: str, scores: dict = rollout.scores) -> list[str]:
            return [f"{value:.1f} dB" for value in scores[key]]

        if not rows:
            rows.append(Row("truth", rollout.truth))
            rows.append(Row("last frame repeated", rollout.copy_last, told("copy_last_psnr")))
        rows.append(Row(run.name.replace("_", " "), rollout.predictions, told("psnr"), accent=HORIZON))
    panels(rows, args.figure, columns=[f"step +{k + 1}" for k in range(HORIZON)], zoom=1.3)


if __name__ == "__main__":
    main()
