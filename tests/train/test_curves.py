"""train.curves: learning curves from the logs of runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from train.curves import read_log

pytest.importorskip("matplotlib", reason="figures need train/requirements.txt")

ROWS = [(1, 0.0), (50, 0.4), (100, 0.7), (90, 0.5), (140, 0.9)]  # killed after step 100, went on from 80


@pytest.fixture
def run(tmp_path) -> Path:
    with (tmp_path / "log.jsonl").open("w", encoding="utf-8") as log:
        for step, gain in ROWS:
            log.write(json.dumps({"step": step, "seconds": 6.0 * step, "clips": 8 * step, "gain": gain}) + "\n")
    return tmp_path


def test_what_was_undone_by_a_kill_is_left_out(run):
    assert [(row["step"], row["gain"]) for row in read_log(run)] == [(1, 0.0), (50, 0.4), (90, 0.5), (140, 0.9)]


def test_the_figure_names_the_run_and_its_last_score(run, tmp_path):
    figure = tmp_path / "made" / "curves.svg"
    command = [sys.executable, "-m", "train.curves", str(run), "--figure", str(figure)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2], timeout=120)
    picture = figure.read_text(encoding="utf-8")
    assert f"{run.name} +0.90" in picture and "minutes of training" in picture


def test_a_run_without_scores_is_said(tmp_path):
    (tmp_path / "log.jsonl").write_text("", encoding="utf-8")
    command = [sys.executable, "-m", "train.curves", str(tmp_path), "--figure", str(tmp_path / "c.svg")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=120)
    assert done.returncode != 0 and "no scores yet" in done.stderr and "Traceback" not in done.stderr
