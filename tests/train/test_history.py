"""train.findings.history: what the repository's history says of its weights."""

import json
import subprocess
from pathlib import Path

import pytest

from train.findings.history import gain_of, history


def report(part: str, **gains: float) -> dict:
    methods = {name: {"gain": {"mean": [gain - 0.1, gain, gain + 0.1]}} for name, gain in gains.items()}
    return {"part": part, "groups": [{"methods": {"copy_last": {"gain": {"mean": [0, 0, 0]}}}}, {"methods": methods}]}


@pytest.fixture
def repository(tmp_path: Path):
    """A repository, and a function that commits weights of one_frame with their training and the scores beside them."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)

    def commit(training: dict, scores: dict) -> None:
        config = tmp_path / "assets/checkpoints/one_frame/config.json"
        numbers = tmp_path / "assets/figures/scores.json"
        for path, content in ((config, {"training": training}), (numbers, scores)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content), encoding="utf-8")
        who = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(tmp_path), "add", "-A"], check=True)
        subprocess.run(["git", "-C", str(tmp_path), *who, "commit", "-qm", "weights"], check=True)

    return tmp_path, commit


def test_every_version_is_a_point_and_the_scores_of_others_are_none(repository):
    root, commit = repository
    commit({"minutes": 30.0}, report("validation", one_frame=0.5))
    commit({"minutes": 30.0}, report("validation", one_frame=0.7))  # no new weights
    commit({"minutes": 20.0, "before": {"minutes": 30.0}}, report("validation", one_frame=1.2))
    commit({"minutes": 9.0, "before": {"minutes": 50.0}}, report("test", one_frame=9.0))
    minutes, gains = zip(*history("one_frame", root))
    assert minutes == (30.0, 50.0) and gains == pytest.approx((0.5, 1.2))
    assert history("lvln", root) == []


def test_only_scores_of_validation_clips_count():
    assert gain_of(report("validation", lvln=1.0), "lvln") == pytest.approx(1.0)
    assert gain_of(report("test", lvln=1.0), "lvln") is None
    assert gain_of(report("validation", lvln=1.0), "full_res") is None
