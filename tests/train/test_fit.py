"""train.fit_predictor as it is run: killed, stopped, started again, and none the worse for it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from train.warm_start import read_start, warm_start
from vp.checkpoints.training import spent
from vp.models import Ladder, LadderConfig
from vp.models.encoder import Encoder
from vp.predictor import load_predictor

for _extra in ("lightning", "tensorboard"):
    pytest.importorskip(_extra, reason="training needs train/requirements.txt")

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STEPS = 24
RECIPE = f"""
model: one_frame
network: {{height: 32, seen: 2, gru_widths: [2, 3, 4, 5], decoder_width: 32, lateral_width: 4,
          head: residual, refine: 8, norm: group}}
augmentation: {{scale: [0.5, 1.0], flip: true, colour: 0.2, fps: [8, 15]}}
seen: [1, 3]
feedback: 1
batch: 2
steps: {STEPS}
warmup: 5
learning_rate: 0.003
encoder_rate: 0.1
encoder_until: 0.8
"""


@pytest.fixture(scope="module")
def start(tmp_path_factory, moving, write_video):
    """Start training into a folder, saving every so many minutes: `start(name)` -> (process, folder)."""
    home = tmp_path_factory.mktemp("fit")
    for group in (8, 9, 10, 11):  # group 8 is for validation
        clip = moving(40, 64, 80, seed=group)
        write_video(home / "data" / "YoYo" / f"v_YoYo_g{group:02d}_c01.mp4", clip)
    torch.manual_seed(0)
    save_file(Encoder().state_dict(), home / "encoder.safetensors")
    (home / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    environment = {**os.environ, "VP_ENCODER": str(home / "encoder.safetensors"), "OMP_NUM_THREADS": "1"}
    started = []

    def start(name, save_every=3, devices=1):
        options = {"data": home / "data", "cache": home / "cache", "out": home / name, "accelerator": "cpu"}
        options |= {"devices": devices, "precision": "32-true", "save-every": save_every, "log-every": 1}
        command = [sys.executable, "-m", "train.fit_predictor", str(home / "recipe.yaml")]
        command += [f"--{key}={value}" for key, value in options.items()]
        with (home / f"{name}.log").open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        started.append(process)
        return process, home / name

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    shutil.rmtree(home)  # its checkpoints are large


def finish(process, out) -> str:
    code = process.wait(timeout=200)
    told = out.with_suffix(".log").read_text(encoding="utf-8")
    assert code == 0, told
    return told


def read(out) -> dict:
    return torch.load(out / "last.ckpt", weights_only=True)


def wait_until(happened, process, out) -> None:
    patience = time.monotonic() + 200
    while not happened():
        assert process.poll() is None and time.monotonic() < patience, out.with_suffix(".log").read_text(
            encoding="utf-8"
        )
        time.sleep(0.01)


def scores(out) -> list[dict]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def alone(start) -> tuple[subprocess.Popen, Path]:
    """A run that nothing disturbs, on its way."""
    return start("undisturbed")


@pytest.fixture(scope="module")
def undisturbed(alone) -> Path:
    """The folder of that run when it is done."""
    finish(*alone)
    return alone[1]


@pytest.mark.timeout(600)
def test_a_run_that_was_killed_and_stopped_ends_where_an_undisturbed_one_does(start, alone):
    process, out = start("disturbed", save_every=0.002)
    wait_until((out / "last.ckpt").exists, process, out)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    killed_at = read(out)["progress"]["step"]
    assert 0 < killed_at < STEPS

    before = len(scores(out))
    process, out = start("disturbed")
    wait_until(lambda: len(scores(out)) > before, process, out)  # after its first step
    process.send_signal(signal.SIGTERM)
    told = finish(process, out)
    stopped_at = read(out)["progress"]["step"]
    assert killed_at < stopped_at < STEPS
    assert re.search(rf"resumed at step {killed_at}\b", told)

    told = finish(*start("disturbed"))
    assert re.search(rf"resumed at step {stopped_at}\b", told)
    finish(*alone)
    ours, theirs = read(out), read(alone[1])
    for saved in (ours, theirs):
        assert (saved["progress"]["step"], saved["progress"]["clips"]) == (STEPS, 2 * STEPS)
    # The same clips in the same order with the same learning rates: the same weights, and the same average of them.
    for part in ("model", "average"):
        assert ours[part].keys() == theirs[part].keys()
        for name, value in ours[part].items():
            torch.testing.assert_close(value, theirs[part][name], rtol=0, atol=1e-6, msg=lambda m, name=name: name + m)
    assert not list(out.glob("*.tmp"))


def losses(told: str) -> list[float]:
    return [float(value) for value in re.findall(r"^step \d+ loss (\S+)", told, re.MULTILINE)]


@pytest.mark.timeout(600)
def test_two_processes_make_the_steps_of_one(start, undisturbed):
    process, out = start("shared", devices=2)
    told = finish(process, out)
    alone, shared = losses(undisturbed.with_suffix(".log").read_text(encoding="utf-8")), losses(told)
    assert len(alone) == len(shared) == STEPS
    assert max(alone) - min(alone) > 0.01  # a curve, not a line
    assert shared == pytest.approx(alone, abs=2e-3)
    ours, theirs = read(out), read(undisturbed)
    assert ours["progress"]["clips"] == theirs["progress"]["clips"]
    # Adam makes whole steps of rounding errors where a gradient is nearly nothing: single weights may differ.
    apart = sum((value - theirs["average"][name]).square().sum() for name, value in ours["average"].items())
    moved = sum((theirs["model"][name] - value).square().sum() for name, value in theirs["average"].items())
    assert apart < 0.05 * moved


def test_training_moves_the_ladder_and_a_little_the_encoder(undisturbed):
    saved = read(undisturbed)["model"]
    torch.manual_seed(0)
    before = Encoder().state_dict()
    change = (saved["encoder.layer1.0.conv1.weight"] - before["layer1.0.conv1.weight"]).abs().max()
    assert 0 < change < 0.003 * STEPS * 0.1
    assert saved["head.output.weight"].abs().max() > 1e-3  # it starts at zero


def test_the_run_leaves_scores_and_a_log(undisturbed):
    first, *_, last = scores(undisturbed)
    assert first["step"] < last["step"] == STEPS
    assert np.isfinite(last["gain"]) and last["gain"] != first["gain"]
    assert list(undisturbed.glob("events.out.tfevents.*"))


def test_the_app_loads_what_the_run_exports(undisturbed, moving):
    predictor = load_predictor("one_frame", str(undisturbed / "export"), device=torch.device("cpu"))
    rollout = predictor.run(moving(5, 32, 96), horizon=3)
    assert (rollout.seen, rollout.horizon, predictor.size) == (2, 3, (32, 96))
    assert np.abs(rollout.predictions - rollout.copy_last).max() > 1e-3  # trained weights, not a fresh network
    config = json.loads((undisturbed / "export" / "one_frame" / "config.json").read_text(encoding="utf-8"))
    assert config["training"]["steps"] == STEPS


def test_a_run_may_start_from_what_another_exported(undisturbed):
    """The weights are those of last.ckpt, in the precision of the file; the time that went into them is remembered."""
    folder = undisturbed / "export" / "one_frame"
    from_export, from_run = read_start(folder), read_start(undisturbed / "last.ckpt")
    assert from_export.state.keys() == from_run.state.keys()
    for name, value in from_run.state.items():
        assert torch.equal(from_export.state[name], value.bfloat16().float())
    assert from_export.provenance == from_run.provenance
    assert from_export.spent["steps"] == from_run.spent["steps"] == STEPS
    model = Ladder(LadderConfig.from_dict(json.loads((folder / "config.json").read_text(encoding="utf-8"))["ladder"]))
    warm_start(model, from_export)
    assert all(torch.equal(value, from_export.state[name]) for name, value in model.state_dict().items())


def test_time_spent_adds_up_over_runs():
    assert spent({"minutes": 1.25, "steps": 2, "clips": 3}) == {"minutes": 1.2, "steps": 2, "clips": 3}
    assert spent({"minutes": 1.5, "before": {"minutes": 3, "clips": 5}}) == {"minutes": 4.5, "steps": 0, "clips": 5}
