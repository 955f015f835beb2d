"""Score predictors beside the bars that they have to beat, on fixed windows.

    python -m train.evaluate --data DIR --checkpoints bundled --part validation

10 fps, windows evenly spaced over each clip. Beside every predictor, at its frame size and on its windows: the last
frame repeated, motion carried on at constant velocity, the same tuned by two numbers for each step on training clips,
and an oracle that moves the last frame by the flow from the true one. PSNR is that of a clip's mean squared error over
its windows. Means over windows; 95 % bootstrap
intervals over clips. --parts adds what each part of a network is for, on one window of each of so many clips
(`train.parts`).

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
from vp.models import NAMES
from vp.predictor import Predictor

from .arguments import add_data, at_least_one, told
from .cache import build, find_data
from .figures import draw
from .parts import study
from .reports import add_report_arguments, leave
from .scoring import grouped, score, summary
from .splits import ClipFile, select

FPS = 10.0
HORIZON = 3
TUNED_ON = 240  # training clips, for tuned flow
TITLES = {
    "copy_last": "repeated",
    "constant_velocity": "constant velocity",
    "tuned_flow": "tuned flow",
    "flow_oracle": "flow oracle",
}


def title(method: str) -> str:
    """A method's name for people."""
    return TITLES.get(method, method)


def markdown(report: dict) -> str:
    """The scores, one table for each frame size, one row for each method and step."""
    parts = []
    for group in report["groups"]:
        grids = [metric for metric in next(iter(group["methods"].values())) if metric.startswith("grid_")]
        grid = "grid " + " / ".join(metric.removeprefix("grid_") for metric in grids)
        lines = [f"| method | step | PSNR | gain (95 % interval) | moving | SSIM | sharpness | {grid} |"]
        lines += ["|---" * 8 + "|"]
        for method, metrics in group["methods"].items():
            for k, gain in enumerate(metrics["gain"]["mean"]):
                low, high = metrics["gain"]["low"][k], metrics["gain"]["high"][k]
                cells = [title(method), str(k + 1), _number(metrics["psnr"]["mean"][k], ".2f")]
                cells += ["" if method == "copy_last" else f"{gain:+.2f} dB ({low:+.2f} to {high:+.2f})"]
                cells += [_number(metrics["motion_psnr"]["mean"][k], ".2f")]
                cells += [
                    _number(metrics[metric]["mean"][k], form)
                    for metric, form in (("ssim", ".3f"), ("sharpness", ".2f"))
                ]
                cells += [" / ".join(_number(metrics[metric]["mean"][k], ".2f") for metric in grids)]
                lines.append(f"| {' | '.join(cells)} |")
        parts.append("\n".join([_heading(group), "", *lines]))
    return "\n\n".join(parts)


def brief_markdown(report: dict) -> str:
    """The scores in short: one row for each method, steps beside each other; gains stand by their 95 % intervals in
    `markdown`. The grid is that of period 2 at the first step."""
    lines = ["| | PSNR | gain, dB | clips ahead | ahead of tuned flow | moving pixels | SSIM | sharpness | grid |"]
    lines += ["|---" * 9 + "|"]
    for group in report["groups"]:
        height, width = group["size"]
        lines.append(f"| **{height}×{width}**, {group['seen']} seen, {group['clips']} clips |" + " |" * 8)
        for method, metrics in group["methods"].items():

            def steps(metric: str, form: str, metrics: dict = metrics) -> str:
                return " / ".join(_number(value, form) for value in metrics[metric]["mean"])

            gained = [steps("gain", "+.2f"), f"{group['ahead'][method]:.0%}"] if method != "copy_last" else ["", ""]
            known = method != "tuned_flow" and "ahead_of_flow" in group
            gained.append(f"{group['ahead_of_flow'][method]:.0%}" if known else "")
            cells = [title(method), steps("psnr", ".2f"), *gained, steps("motion_psnr", ".2f"), steps("ssim", ".3f")]
            cells += [steps("sharpness", ".2f"), _number(metrics["grid_2"]["mean"][0], ".2f")]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def parts_markdown(report: dict) -> str:
    """What each part is for, one table for each frame size: gains and losses in dB, steps beside each other."""
    parts = []
    for group in report["groups"]:
        found, names = group["parts"], list(group["parts"]["lost"])
        height, width = group["size"]
        head = f"{height}×{width}, one window of each of {found['windows']} clips"
        lines = [f"| {head} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]

        def row(title: str, kind: dict, key: str, names: list = names, lines: list = lines) -> None:
            cells = [
                " / ".join(_number(v, "+.2f") for v in kind[n][key]["mean"]) if key in kind[n] else "" for n in names
            ]
            lines.append(f"| {title} | {' | '.join(cells)} |")

        for part in found["lost"][names[0]]:
            row(f"lost without {part}" + ("" if "." in part else ", all three"), found["lost"], part)
        for block in next((levels for levels in found["levels"].values() if levels), {}):
            row(f"gain of step 1 by the motion down to {block}", found["levels"], block)
        if "fine" in found:
            gain, (height, width) = found["fine"]["gain"], found["fine"]["size"]
            flow = " / ".join(_number(v, "+.2f") for v in gain["tuned_flow"]["mean"])
            row(f"gain at {height}×{width} (tuned flow: {flow})", {n: {"": gain[n]} for n in names}, "")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def class_markdown(report: dict) -> str:
    """Gain in dB over the last frame repeated at each step, one table for each frame size, one row for each class."""
    parts = []
    for group in report["groups"]:
        methods = [method for method in group["methods"] if method != "copy_last"]
        lines = [f"| class | clips | {' | '.join(map(title, methods))} |", "|---" * (len(methods) + 2) + "|"]
        for label, scores in group["classes"].items():
            gains = [" / ".join(_number(v, "+.2f") for v in scores["gain"][method]["mean"]) for method in methods]
            lines.append(f"| {label} | {scores['clips']} | {' | '.join(gains)} |")
        parts.append("\n".join([_heading(group), "", *lines]))
    return "\n\n".join(parts)


def _heading(group: dict) -> str:
    height, width = group["size"]
    return f"**{height}×{width}, {group['seen']} seen**: {group['windows']} windows of {group['clips']} clips"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def evaluate(args: argparse.Namespace) -> dict:
    """The report that the command line asks for; the schema is above."""
    source = open_checkpoints(args.checkpoints)
    names = list(dict.fromkeys(args.model or source.names() or NAMES))
    predictors = [Predictor(name, source.load(name), source=source.spec) for name in names]
    found, hub = find_data(args.data)
    clips, training = select(found, args.part), _spread(select(found, "train"), TUNED_ON)
    for some, part in ((clips, args.part), (training, "train")):
        if not some:
            raise ValueError(f"none of the clips of {args.data} is of a {part} group")
    clips, training = (build(some, args.cache, hub=hub) for some in (clips, training))
    scores = score(predictors, args.cache, clips, training, per_clip=args.per_clip, horizon=HORIZON)
    groups = [summary(group) for group in scores]
    if args.parts:
        some = _spread(clips, args.parts)
        for group, report in zip(grouped(predictors), groups, strict=True):
            report["parts"] = study(group, args.cache, some, training, HORIZON)
    return {
        "part": args.part,
        "per_clip": args.per_clip,
        "fps": FPS,
        "horizon": HORIZON,
        "checkpoints": args.checkpoints,
        "groups": groups,
    }


def _spread(clips: list[ClipFile], count: int) -> list[ClipFile]:
    """So many of the clips, evenly over all."""
    step = max(1, len(clips) / count)
    return [clips[int(k * step)] for k in range(min(count, len(clips)))]


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
    parser.add_argument(
        "--parts", type=at_least_one, default=None, metavar="CLIPS", help="study the parts on so many of the clips"
    )
    parser.add_argument("--intervals", action="store_true", help="print one row a step, with 95 %% intervals")
    parser.add_argument("--per-class", action="store_true", help="print the gain of each class too")
    add_report_arguments(parser)
    args = parser.parse_args()
    with told():
        report = evaluate(args)
    print(markdown(report) if args.intervals else brief_markdown(report))
    if args.parts:
        print("\n" + parts_markdown(report))
    if args.per_class:
        print("\n" + class_markdown(report))
    leave(report, args, draw)


if __name__ == "__main__":
    main()
