"""How fast the networks and the app are on this machine, and where the time goes.

    python -m tests.bench [--json FILE] [--clip VIDEO] [--only PART ...] [--against TREE]

Parts: network, growth, click, browser, start, memory, training. Times are those of the fastest of several runs, in
seconds. The floor of a network is the time of its convolutions alone, with nothing between them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path

import torch

from vp.precision import choose_device, choose_dtype

from . import against, network, server, training_speed

PARTS = ("network", "growth", "click", "browser", "start", "memory", "training")


def machine() -> dict:
    """What the numbers were taken on."""
    names = [
        line.split(":")[1].strip()
        for line in (
            Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
        )
        if line.startswith("model name")
    ]
    device = choose_device()
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "device": str(device),
        "precision": str(choose_dtype(device)).removeprefix("torch."),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def markdown(report: dict) -> str:
    """The report as tables."""
    about = report["machine"]
    lines = [
        f"{about['processor']}, {about['threads']} threads, {about['instructions']}, {about['precision']}, "
        f"PyTorch {about['torch']}",
        "",
    ]
    if rows := report.get("network"):
        lines += ["| one prediction | first | warm | network | recorded | convolutions alone | GFLOP | GFLOP/s |"]
        lines += ["|---" * 8 + "|"]
        for row in rows:
            times = [f"{row[key]:.3f} s" for key in ("first", "warm", "network", "recorded", "floor")]
            name = f"{row['model']}, {row['design']}, {row['seen']}+{row['horizon']}"
            lines.append(f"| {name} | {' | '.join(times)} | {row['gflop']:.0f} | {row['gflop_per_second']:.0f} |")
        lines += ["", "| of which | encoder | laterals | decoder |", "|---" * 4 + "|"]
        lines += [
            f"| {row['model']}, {row['design']} | " + " | ".join(f"{v:.3f} s" for v in row["parts"].values()) + " |"
            for row in rows
        ]
        lines.append("")
    if clicks := report.get("click"):
        keys = list(next(iter(clicks.values())))
        lines += [f"| from click to pictures | {' | '.join(keys)} |", "|---" * (len(keys) + 1) + "|"]
        for name, times in clicks.items():
            lines.append(f"| {name} | " + " | ".join(f"{1000 * times[key]:.0f} ms" for key in keys) + " |")
        lines.append("")
    for title, values in report.get("growth", {}).items():
        lines.append(f"{title}: " + ", ".join(f"{n}: {t:.3f} s" for n, t in values.items()))
    lines += ["", *rows_of_goals(report)]
    if found := report.get("training"):
        lines.append(f"training {found['clips_per_second']:.2f} clips/s, {found['forward_share']:.0%} of it forward")
    return "\n".join(lines)


def rows_of_goals(report: dict) -> list[str]:
    """What people wait for, as one table: the rows that have goals."""
    rows = []
    if start := report.get("start"):
        rows.append(("first page, in units of `import gradio`", f"{start['ratio']:.2f} ({start['first_page']:.1f} s)"))
    for row in report.get("network", ()):
        if row["design"] == "motion":
            name = f"convolutions alone of the whole prediction, {row['model']} {row['seen']}+{row['horizon']}"
            rows.append((name, f"{row['floor'] / row['warm']:.2f} ({row['floor']:.3f} of {row['warm']:.3f} s)"))
    for name, row in report.get("against", {}).items():
        rows.append((f"{name}, that tree's time over this one's", f"{row['ratio']:.2f} ({row['this']:.3f} s)"))
    if "one_frame" in report.get("click", {}):
        rows.append(("click to pictures, server, one_frame", f"{1000 * report['click']['one_frame']['all']:.0f} ms"))
    if browser := report.get("browser"):
        rows.append(("the same in a browser, to painted pictures", f"{1000 * browser['painted']:.0f} ms"))
    if memory := report.get("memory"):
        rows.append(("resident, all networks used once", f"{memory['networks_used']:.0f} MB"))
        rows.append((f"resident after {memory['requests']} requests", f"{memory['rounds'][-1]:.0f} MB"))
    return ["| what people wait for | measured |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=None, help="write the numbers here")
    parser.add_argument(
        "--clip", type=Path, default=None, help="the clip that is clicked on; default: one that is made"
    )
    parser.add_argument(
        "--against", type=Path, default=None, metavar="TREE", help="another checkout, whose networks are timed in turns"
    )
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=PARTS)
    args = parser.parse_args()
    report: dict = {"machine": machine()}
    with tempfile.TemporaryDirectory() as folder:
        clip = args.clip or server.still_clip(Path(folder) / "clip.mp4")
        if "network" in args.only:
            report["network"] = [
                network.measure(name, design) for design in ("motion", "paper") for name in network.ROUTINES
            ]
        if "growth" in args.only:
            report["growth"] = network.growth()
        if "click" in args.only:
            report["click"] = server.click_to_picture(clip)
        if "start" in args.only:
            report["start"] = server.cold_start()
        if "browser" in args.only:
            report["browser"] = server.browser_click()
        if "memory" in args.only:
            report["memory"] = server.memory(clip)
        if args.against:
            report["against"] = against.compare(args.against)
        if "training" in args.only:
            report["training"] = training_speed.clips_per_second()
    print(markdown(report))
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
