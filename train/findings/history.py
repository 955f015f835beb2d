"""How good the bundled weights were after how much training, from the history of this repository.

    python -m train.findings.history --figure assets/figures/training.png

One point for each version of a network's weights that was bundled with its scores on the validation clips: minutes of
training, with those of the weights that it started from, and mean gain over the three steps. Needs the git history.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

from train.curves import draw
from vp.checkpoints.training import spent
from vp.models import NAMES

ROOT = Path(__file__).resolve().parents[2]
SCORES = "assets/figures/scores.json"


def git(*arguments: str, root: Path = ROOT) -> str:
    """What git prints. Raises subprocess.CalledProcessError."""
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout


def gain_of(scores: dict, name: str) -> float | None:
    """A predictor's gain in dB over the last frame repeated, mean of the steps; None in a report on other clips."""
    if scores["part"] != "validation":
        return None
    means = [g["methods"][name]["gain"]["mean"] for g in scores["groups"] if name in g["methods"]]
    return sum(means[0]) / len(means[0]) if means else None


def history(name: str, root: Path = ROOT) -> list[tuple[float, float]]:
    """(minutes, gain in dB) of every bundled version of a predictor, the oldest first."""
    config = f"assets/checkpoints/{name}/config.json"
    points = []
    for commit in git("log", "--format=%H", "--reverse", "--", config, root=root).split():
        training = json.loads(git("show", f"{commit}:{config}", root=root))["training"]
        gain = gain_of(json.loads(git("show", f"{commit}:{SCORES}", root=root)), name)
        if gain is not None:
            points.append((spent(training)["minutes"], gain))
    return points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figure", type=Path, required=True, help=".svg or .png to write")
    args = parser.parse_args()
    try:
        versions = {name: history(name) for name in NAMES}
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"this needs git and a clone with its history: {error}") from None
    versions = {name: points for name, points in versions.items() if points}
    if not versions:
        raise SystemExit("the history holds no weights with scores on validation clips; a shallow clone has none")
    for name, points in versions.items():
        print(name, ", ".join(f"{minutes:.0f} min {gain:+.2f} dB" for minutes, gain in points))
    # The warp head starts as a copy of the last frame.
    starts = {name: [(0.0, 0.0), *points] for name, points in versions.items()}
    draw(starts, args.figure, title="Gain over repeating the last frame, mean of three steps, validation clips")


if __name__ == "__main__":
    main()
