"""What an evaluation leaves behind: tables in Markdown, numbers as JSON, and figures."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .figures import draw

TITLES = {
    "copy_last": "repeated",
    "constant_velocity": "constant velocity",
    "tuned_flow": "tuned flow",
    "flow_oracle": "flow oracle",
}


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """`--json` and `--figures`."""
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument("--figures", type=Path, help="draw them into this folder")


def leave(report: dict, args: argparse.Namespace) -> None:
    """Write and draw what was asked for; the names of the figures are printed."""
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if args.figures:
        for path in draw(report, args.figures):
            print(path)


def markdown(report: dict) -> str:
    """The scores: one row for each method, steps beside each other. The grid is that of period 2 at the first step."""
    lines = ["| | PSNR | gain, dB | clips ahead | ahead of tuned flow | moving pixels | SSIM | sharpness | grid |"]
    lines += ["|---" * 9 + "|"]
    for group in report["groups"]:
        height, width = group["size"]
        lines.append(f"| **{height}×{width}**, {group['seen']} seen, {group['clips']} clips |" + " |" * 8)
        for method, metrics in group["methods"].items():
            ahead = [_steps(metrics["gain"], "+.2f"), f"{group['ahead'][method]:.0%}"]
            compared = method != "tuned_flow" and "ahead_of_flow" in group
            cells = [
                TITLES.get(method, method),
                _steps(metrics["psnr"], ".2f"),
                *(ahead if method != "copy_last" else ["", ""]),
                f"{group['ahead_of_flow'][method]:.0%}" if compared else "",
                _steps(metrics["motion_psnr"], ".2f"),
                _steps(metrics["ssim"], ".3f"),
                _steps(metrics["sharpness"], ".2f"),
                _number(metrics["grid_2"]["mean"][0], ".2f"),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def parts_markdown(report: dict) -> str:
    """What each part is for, one table for each frame size: gains and losses in dB, steps beside each other."""
    tables = []
    for group in report["groups"]:
        parts, (height, width) = group["parts"], group["size"]
        lost, levels = list(parts["lost"].values()), list(parts["levels"].values())
        rows = [[f"{height}×{width}, one window of each of {parts['windows']} clips", *parts["lost"]]]
        rows += [["---"] * len(rows[0])]
        for part in lost[0]:
            name = part if "." in part else f"{part}, all three"
            rows.append([f"lost without {name}", *(_steps(of[part], "+.2f") for of in lost)])
        for block in max(levels, key=len):  # none of a network that moves nothing
            gains = [_steps(of[block], "+.2f") if of else "" for of in levels]
            rows.append([f"gain of step 1 by the motion down to {block}", *gains])
        if "fine" in parts:
            gain, (height, width) = parts["fine"]["gain"], parts["fine"]["size"]
            flow = _steps(gain["tuned_flow"], "+.2f")
            gains = [_steps(gain[predictor], "+.2f") for predictor in parts["lost"]]
            rows.append([f"gain at {height}×{width} (tuned flow: {flow})", *gains])
        tables.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
    return "\n\n".join(tables)


def _steps(statistic: dict, form: str) -> str:
    return " / ".join(_number(value, form) for value in statistic["mean"])


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def classifier_markdown(report: dict) -> str:
    """The rows of a report of `train.evaluate_classifier`."""
    lines = ["| | accuracy | 95 % interval | calibration error | features |", "|---" * 5 + "|"]
    for row in report["rows"]:
        name = f"**{row['name']}**" if row["kind"] == "ours" else row["name"]
        interval = "" if row["low"] is None else f"{row['low']:.1%} to {row['high']:.1%}"
        error = "" if row["calibration_error"] is None else f"{row['calibration_error']:.3f}"
        count = "" if row["features"] is None else f"{row['features']:,}"
        lines.append(f"| {name} | {row['accuracy']:.1%} | {interval} | {error} | {count} |")
    if named := report["named"]:
        others = f"{named['known']:.0%} of the others, {named['right']:.0%} of these rightly"
        lines += ["", f"Never shown a fifth of the actions, it names {named['unknown']:.0%} of their clips, {others}."]
    return "\n".join(lines)
