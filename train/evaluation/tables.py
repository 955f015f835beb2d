"""Reports as tables in Markdown."""

from __future__ import annotations

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
    """The scores: one row for each method, steps beside each other. The grid is that of period 2 at the first step."""
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
    tables = []
    for group in report["groups"]:
        parts, names = group["parts"], list(group["parts"]["lost"])
        height, width = group["size"]
        head = f"{height}×{width}, one window of each of {parts['windows']} clips"
        lines = [f"| {head} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]

        def row(title: str, kind: dict, key: str, names: list = names, lines: list = lines) -> None:
            cells = [
                " / ".join(_number(v, "+.2f") for v in kind[n][key]["mean"]) if key in kind[n] else "" for n in names
            ]
            lines.append(f"| {title} | {' | '.join(cells)} |")

        for part in parts["lost"][names[0]]:
            row(f"lost without {part}" + ("" if "." in part else ", all three"), parts["lost"], part)
        for block in next((levels for levels in parts["levels"].values() if levels), {}):
            row(f"gain of step 1 by the motion down to {block}", parts["levels"], block)
        if "fine" in parts:
            gain, (height, width) = parts["fine"]["gain"], parts["fine"]["size"]
            flow = " / ".join(_number(v, "+.2f") for v in gain["tuned_flow"]["mean"])
            row(f"gain at {height}×{width} (tuned flow: {flow})", {n: {"": gain[n]} for n in names}, "")
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


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
