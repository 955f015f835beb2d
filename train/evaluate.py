"""Score predictors beside the bars that they have to beat, on fixed windows.

    python -m train.evaluate --data DIR --checkpoints bundled --part validation

10 fps, windows evenly spaced over each clip. Beside every predictor, at its frame size and on its windows: the last
frame repeated, motion carried on at constant velocity, the same tuned by two numbers for each step on training clips,
and an oracle that moves the last frame by the flow from the true one. PSNR is that of a clip's mean squared error over
its windows. Means over windows. --parts adds what each part of a network is for, on one window of each of so many clips
(`train.evaluation.parts`). Classes and 95 % bootstrap intervals over clips are in the numbers that --json writes.

--json writes
    {"part", "per_clip", "fps", "horizon", "checkpoints": as asked for,
     "groups": [                        one for each frame size and number of seen frames
       {"size": [height, width], "seen", "windows", "clips",
        "methods": {METHOD: {METRIC: STEPS}},
        "ahead": {METHOD: share of the clips on which it beats copy_last, mean of the steps},
        "tuned_flow": {"factors", "blends": for each step, "fitted_on": windows of training clips},
        "ahead_of_flow": as ahead, against tuned_flow; both are absent where a network sees one frame only,
        "parts": with --parts
          {"windows",
           "lost": {PREDICTOR: {PART: STEPS}}, dB lost without C1 (its three ConvGRUs at once), C1.3x3 ...
           "levels": {PREDICTOR: {BLOCK: STEPS}}, gain of the last frame moved by the flow after that block, step 1
           "fine": at twice the size {"size", "windows", "tuned_flow", "gain": {METHOD: STEPS}}},
        "classes": {CLASS: {"clips", "windows", "gain": {METHOD: STEPS}, "overall_gain": {METHOD: STEPS}}}}]}
METHOD  copy_last, constant_velocity, tuned_flow, flow_oracle or a predictor's name
METRIC  psnr, gain (over copy_last) and motion_psnr (where something moved) in dB; ssim;
        sharpness and grid_2, grid_4, grid_8 (over the truth's: 1 is equal)
STEPS   {"mean", "low", "high"}: a number for each step, null where there is none; overall_gain has one, for the
        mean of the steps
"""

from __future__ import annotations

import argparse
from pathlib import Path

from vp.checkpoints import open_checkpoints
from vp.limits import FPS
from vp.models import NAMES
from vp.predictor import Predictor

from .arguments import add_data, at_least_one, errors_in_one_line
from .data.clip_files import find_data
from .data.frame_cache import build
from .data.splits import select, spread
from .evaluation.parts import study
from .evaluation.reports import add_report_arguments, leave, markdown, parts_markdown
from .evaluation.scores import HORIZON, grouped, score, summary
from .evaluation.tuned_flow import TUNED_ON


def evaluate(args: argparse.Namespace) -> dict:
    """The report that the command line asks for; the schema is above."""
    source = open_checkpoints(args.checkpoints)
    names = list(dict.fromkeys(args.model or source.names() or NAMES))
    predictors = [Predictor(name, source.load(name), source=source.spec) for name in names]
    every, hub = find_data(args.data)
    clips, training = select(every, args.part), spread(select(every, "train"), TUNED_ON)
    for some, part in ((clips, args.part), (training, "train")):
        if not some:
            raise ValueError(f"none of the clips of {args.data} is of a {part} group")
    clips, training = (build(part, args.cache, hub=hub) for part in (clips, training))
    groups = []
    for group in grouped(predictors):
        groups.append(summary(score(group, args.cache, clips, training, per_clip=args.per_clip)))
        if args.parts:
            groups[-1]["parts"] = study(group, args.cache, spread(clips, args.parts), training)
    asked = {"part": args.part, "per_clip": args.per_clip, "fps": FPS, "horizon": HORIZON}
    return asked | {"checkpoints": args.checkpoints, "groups": groups}


@errors_in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=NAMES, action="append", help="default: all that the checkpoints hold")
    parser.add_argument("--checkpoints", default="bundled", help="bundled, a folder or hf://owner/name@revision")
    add_data(parser)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of decoded frames")
    parser.add_argument(
        "--part", default="test", choices=("train", "validation", "test"), help="train: are clips learned by heart?"
    )
    parser.add_argument("--per-clip", type=at_least_one, default=4, help="windows per clip")
    parser.add_argument("--parts", type=at_least_one, metavar="CLIPS", help="study the parts on so many of the clips")
    add_report_arguments(parser)
    args = parser.parse_args()
    report = evaluate(args)
    print(markdown(report))
    if args.parts:
        print("\n" + parts_markdown(report))
    leave(report, args)


if __name__ == "__main__":
    main()
