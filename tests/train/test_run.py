"""train.fit_predictor and train/all_networks.sh as they are run: stopped, killed, started again, gone astray."""

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

pytest.importorskip("lightning", reason="training needs train/requirements.txt")
pytest.importorskip("tensorboard", reason="training needs train/requirements.txt")

from train import fit_predictor
from train.findings.runs import logged
from train.predictor.initial_weights import load_exported
from train.predictor.losses import PredictionLoss
from train.predictor.recipe import load_recipe, shipped
from train.predictor.run import Run
from vp.checkpoints.training import spent
from vp.models import build
from vp.models.encoder import Encoder
from vp.models.motion_ladder import MotionLadder
from vp.predictor import load_predictor

ROOT = Path(__file__).parents[2]
STEPS = 20
SMOKE = shipped("predictor")["smoke"].read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with the weights of an encoder."""
    home = tmp_path_factory.mktemp("runs")
    torch.manual_seed(0)
    save_file(Encoder().state_dict(), home / "encoder.safetensors")
    yield home
    shutil.rmtree(home)  # checkpoints are large


@pytest.fixture(scope="module")
def train(home):
    """Train into a folder in this process: `train("smoke", "name", "--minutes", 1)` -> the folder."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def train(recipe: object, name: str, *options: object) -> Path:
        words = ["fit_predictor", recipe, "--out", home / name, "--cache", home / "cache", "--accelerator", "cpu"]
        words += ["--precision", "32-true", "--log-every", 1, *options]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("VP_ENCODER", str(home / "encoder.safetensors"))
            patch.setattr(sys, "argv", [str(word) for word in words])
            try:
                fit_predictor.main()
            finally:
                for number, handler in handlers.items():
                    signal.signal(number, handler)
        return home / name

    return train


@pytest.fixture
def write(tmp_path):
    """The smoke recipe with some fields set otherwise: `write(seed="2")` -> its file."""

    def write(**changes: str) -> Path:
        kept = [line for line in SMOKE.splitlines() if line.split(":")[0] not in changes]
        path = tmp_path / "recipe.yaml"
        path.write_text("\n".join([*kept, *(f"{key}: {value}" for key, value in changes.items())]), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def undisturbed(train) -> Path:
    """The folder of a run that nothing disturbs."""
    return train("smoke", "undisturbed", "--snapshots", 0, STEPS)


def read(folder: Path) -> dict:
    return torch.load(folder / "last.ckpt", weights_only=True)


def gains(folder: Path) -> list[tuple[int, float]]:
    """(step, mean gain) of every validation in the run's log."""
    return logged(folder, "validation/gain")


def at_step(step: int, act, monkeypatch) -> None:
    """Let something happen after a step of every run from now on."""
    advance = Run.advance

    def advanced(run):
        advance(run)
        if run.step == step:
            act()

    monkeypatch.setattr(Run, "advance", advanced)


def test_the_smoke_run_trains_and_leaves_scores_and_a_log(undisturbed):
    progress = read(undisturbed)["progress"]
    assert (progress["step"], progress["clips"]) == (STEPS, 2 * STEPS)
    step, gain = gains(undisturbed)[-1]
    assert step == STEPS and np.isfinite(gain) and gain != 0
    assert list(undisturbed.glob("events.out.tfevents.*"))


def test_the_app_loads_what_the_run_exports(undisturbed, moving):
    predictor = load_predictor("one_frame", str(undisturbed / "export"), device=torch.device("cpu"))
    rollout = predictor.run(moving(8, 32, 32), horizon=3)
    assert (rollout.seen, rollout.horizon, predictor.size) == (5, 3, (32, 32))
    assert np.abs(rollout.predictions - rollout.copy_last).max() > 1e-3  # trained weights, not a fresh network
    config = json.loads((undisturbed / "export" / "one_frame" / "config.json").read_text())
    assert config["training"]["steps"] == STEPS and config["training"]["clips"] == 2 * STEPS
    assert config["scores"]["validation"]["gain"] == pytest.approx(gains(undisturbed)[-1][1])


def test_the_exported_weights_are_the_averaged_ones_and_the_encoder_stays(undisturbed, home):
    saved = read(undisturbed)
    exported = load_file(undisturbed / "export" / "one_frame" / "model.safetensors")
    name = "laterals.C1.grus.3x3.input.weight"
    floats = [key for key, value in saved["model"].items() if value.is_floating_point()]
    average = dict(zip(floats, saved["average"]))
    assert torch.equal(exported[name].float(), average[name].bfloat16().float())
    assert not torch.equal(average[name], saved["model"][name])
    encoder = load_file(undisturbed / "export" / "encoder" / "model.safetensors")
    before = load_file(home / "encoder.safetensors")["layer1.0.conv1.weight"]
    assert torch.equal(encoder["layer1.0.conv1.weight"].float(), before.bfloat16().float())


def test_snapshots_show_the_network_before_and_after(undisturbed, moving):
    before, after = (
        load_predictor("one_frame", str(undisturbed / f"step_{step}"), device=torch.device("cpu"))
        for step in (0, STEPS)
    )
    frames = moving(5, 32, 32)
    copy = before.run(frames, horizon=1)
    np.testing.assert_allclose(copy.predictions, copy.copy_last, atol=2e-3)
    assert np.abs(after.run(frames, horizon=1).predictions - copy.predictions).max() > 1e-3


def test_a_run_that_was_killed_and_stopped_ends_where_an_undisturbed_one_does(
    train, undisturbed, home, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        at_step(7, lambda: exec("raise MemoryError"), patch)  # killed: nothing is saved any more
        with pytest.raises(MemoryError):
            train("smoke", "disturbed", "--save-every", 0)
    assert read(home / "disturbed")["progress"]["step"] == 6
    with monkeypatch.context() as patch:
        at_step(13, lambda: os.kill(os.getpid(), signal.SIGTERM), patch)
        train("smoke", "disturbed")
    assert read(home / "disturbed")["progress"]["step"] == 13
    folder = train("smoke", "disturbed")
    output = capsys.readouterr().out
    assert "goes on at step 6" in output and "goes on at step 13" in output
    ours, theirs = read(folder), read(undisturbed)
    assert ours["progress"]["clips"] == theirs["progress"]["clips"] == 2 * STEPS
    for name, value in theirs["model"].items():
        torch.testing.assert_close(ours["model"][name], value, rtol=0, atol=1e-5, msg=lambda m, name=name: name + m)
    for value, wanted in zip(ours["average"], theirs["average"], strict=True):
        torch.testing.assert_close(value, wanted, rtol=0, atol=1e-5)
    assert not list(folder.glob(".*"))


def test_a_finished_run_that_is_started_again_changes_nothing(train, home, undisturbed):
    shutil.copytree(undisturbed, home / "again")
    after = read(train("smoke", "again"))
    before = read(undisturbed)
    assert after["progress"]["step"] == STEPS
    assert all(torch.equal(value, before["model"][name]) for name, value in after["model"].items())


def test_another_recipe_in_the_same_folder_is_refused_in_one_line(train, undisturbed, write):
    with pytest.raises(SystemExit) as refused:
        train(write(seed="2", batch="3"), "undisturbed")
    message = str(refused.value)
    assert "is of another recipe: batch was 2 and is 3; seed was 1 and is 2" in message and "\n" not in message


def test_a_run_may_be_made_longer(train, home, undisturbed, write):
    shutil.copytree(undisturbed, home / "longer")
    assert read(train(write(steps="22"), "longer"))["progress"]["step"] == 22


def test_a_run_that_goes_on_neither_loads_nor_measures_what_it_began_with(train, home, undisturbed, write, monkeypatch):
    shutil.copytree(undisturbed, home / "onward")
    with monkeypatch.context() as patch:
        patch.setattr(fit_predictor, "load_imagenet", lambda *_: pytest.fail("load_imagenet was called"))
        patch.setattr(MotionLadder, "calibrate", lambda *_: pytest.fail("calibrate was called"))
        saved = read(train(write(steps="21"), "onward"))
    assert saved["progress"]["step"] == 21


def test_a_run_that_goes_astray_keeps_its_last_good_state(train, home, monkeypatch):
    calls, forward = [], PredictionLoss.forward

    def astray(self, *arguments):
        calls.append(1)
        loss, terms = forward(self, *arguments)
        return (loss * torch.nan if len(calls) > 5 else loss), terms

    monkeypatch.setattr(PredictionLoss, "forward", astray)
    with pytest.raises(SystemExit, match=r"loss is not finite at step 5: the last good state is in .*last\.ckpt"):
        train("smoke", "astray", "--save-every", 0)
    saved = read(home / "astray")
    assert saved["progress"]["step"] == 5
    assert all(value.isfinite().all() for value in [*saved["model"].values(), *saved["average"]])


def test_a_rate_that_is_far_too_high_ends_the_run(train, write):
    recipe = write(optimiser="adamw", learning_rate="1.0e+30", clip_gradient="1.0e+38", warmup="1")
    with pytest.raises(SystemExit, match=r"loss is not finite at step \d.*no state was saved yet.*learning_rate"):
        train(recipe, "too_fast")


def test_a_recipe_of_an_older_network_is_refused_and_without_its_fields_keeps_the_state_before_it_diverges(
    train, home, write
):
    network = SMOKE[SMOKE.index("network: ") + 9 :].splitlines()[0]
    diverging = {"learning_rate": "1.0e+5", "optimiser": "adamw", "warmup": "1"}
    older = write(network=network.replace("}", ", head: warp, refine: 8, norm: group, activation: silu}"), **diverging)
    with pytest.raises(SystemExit, match="network: unknown fields .*: activation, head, norm, refine") as refused:
        train(older, "older")
    assert "\n" not in str(refused.value) and not (home / "older").exists()
    with pytest.raises(
        SystemExit, match=r"loss is not finite at step \d: the last good state is in .*last\.ckpt"
    ) as refused:
        train(write(**diverging), "diverging", "--save-every", 0)
    saved = read(home / "diverging")
    assert f"at step {saved['progress']['step']}:" in str(refused.value) and "\n" not in str(refused.value)
    assert all(value.isfinite().all() for value in [*saved["model"].values(), *saved["average"]])


def test_a_run_may_start_from_what_another_exported(train, undisturbed, home, write):
    exported = undisturbed / "export" / "one_frame"
    folder = train(write(steps="1", learning_rate="1.0e-9", weight_decay="0.0"), "started", "--start", exported)
    saved = read(folder)["model"]
    for name, value in load_file(exported / "model.safetensors").items():
        torch.testing.assert_close(saved[name].float(), value.float(), rtol=0, atol=1e-6)
    first, then = (
        json.loads((run / "export" / "one_frame" / "config.json").read_text())["training"]
        for run in (undisturbed, folder)
    )
    assert first["before"] == {} and then["before"] == {key: first[key] for key in ("minutes", "steps", "clips")}
    assert spent(then)["clips"] == first["clips"] + then["clips"]


def test_location_maps_are_brought_to_another_frame_size(undisturbed):
    recipe = load_recipe("smoke")
    recipe.network |= {"height": 64, "width": 96}
    model = build(recipe.config())
    load_exported(model, undisturbed / "export" / "one_frame")
    weights = load_file(undisturbed / "export" / "one_frame" / "model.safetensors")
    ours, theirs = model.laterals["C4"].skip.location, weights["laterals.C4.skip.location"].float()
    assert ours.shape[-2:] == (4, 6) and theirs.shape[-2:] == (2, 2)
    assert ours.mean().item() == pytest.approx(theirs.mean().item(), abs=1e-6)


def test_a_start_of_another_shape_is_refused(train, undisturbed, home, write):
    exported = undisturbed / "export" / "one_frame"
    network = SMOKE[SMOKE.index("network: ") + 9 :].splitlines()[0]
    wider = write(network=network.replace("[4, 4, 4, 4]", "[8, 4, 4, 4]"))
    with pytest.raises(SystemExit, match=r"is of another network: \S+ has other shapes"):
        train(wider, "wider", "--start", exported)
    with pytest.raises(SystemExit, match="is of another network: this one has no"):
        train(write(design="paper"), "paper", "--start", exported)
    with pytest.raises(SystemExit, match="^error: .*--start takes the folder of an exported predictor"):
        train("smoke", "nowhere", "--start", home)
    # No other caller is ended by it.
    with pytest.raises(OSError, match="--start takes"):
        load_exported(build(load_recipe("smoke").config()), home)


@pytest.mark.parametrize("name", ["moving_circle", "subsets"])
def test_figures_are_drawn_of_a_run(undisturbed, monkeypatch, tmp_path, name):
    pytest.importorskip("matplotlib", reason="figures need train/requirements.txt")
    finding = importlib.import_module(f"train.findings.{name}")
    monkeypatch.setattr(sys, "argv", [name, str(undisturbed), "--figure", str(tmp_path / "figure.png")])
    finding.main()
    assert np.array(Image.open(tmp_path / "figure.png").convert("L")).std() > 5


@pytest.mark.parametrize("model", ["one_frame", "full_res"])
def test_the_papers_network_trains_too(train, write, model):
    folder = train(write(model=model, design="paper", optimiser="adamw", learning_rate="0.001", steps="3"), model)
    assert np.isfinite(gains(folder)[-1][1])
    assert load_predictor(model, str(folder / "export")).model.config.design == "paper"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, moving, write_video) -> Path:
    """Clips named as those of UCF101, three to train on and one to validate on."""
    folder = tmp_path_factory.mktemp("drawn")
    for group in (8, 9, 10, 11):
        write_video(folder / "YoYo" / f"v_YoYo_g{group:02d}_c01.mp4", moving(45, 64, 80, seed=group))
    return folder


def all_networks(home, out, data, *, hide: tuple[str, ...] = (), minutes="0.03") -> subprocess.CompletedProcess:
    """The script with tiny settings. hide: packages that cannot be imported."""
    environment = os.environ | {"VP_NETWORKS": "one_frame", "VP_ENCODER": str(home / "encoder.safetensors")}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    environment["OMP_WAIT_POLICY"] = "passive"
    for package in hide:
        (out.parent / "hidden").mkdir(exist_ok=True)
        (out.parent / "hidden" / f"{package}.py").write_text(f"raise ImportError('no {package} here')")
        environment["PYTHONPATH"] = str(out.parent / "hidden")
    command = ["bash", "train/all_networks.sh", data, out, minutes, "--batch", "2", "--accelerator", "cpu"]
    command += ["--log-every", "1"]
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("hide", [(), ("av", "gradio", "huggingface_hub", "imageio", "pydantic")], ids=["all", "few"])
def test_one_script_from_a_folder_of_clips_to_networks(home, drawn, tmp_path, hide):
    """With everything, and on machines that have OpenCV alone to decode and nothing of the app."""
    if hide:
        pytest.importorskip("cv2")
    done = all_networks(home, tmp_path / "out", drawn, hide=hide)
    log = (tmp_path / "out" / "one_frame.txt").read_text() if (tmp_path / "out" / "one_frame.txt").exists() else ""
    assert done.returncode == 0, done.stderr + log
    assert len(list((tmp_path / "out" / "cache").glob("*.npy"))) == 4
    assert "gain" in done.stdout and "step 1 loss" in log
    before, after = (tmp_path / "out" / name / "export" for name in ("one_frame", "one_frame_finish"))
    assert load_predictor("one_frame", str(after)).size == (64, 96)
    before, after = (load_file(folder / "one_frame" / "model.safetensors") for folder in (before, after))
    learned = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert learned <= {"decoder", "blend"} and "blend" in learned


@pytest.mark.slow
def test_the_script_fails_when_a_run_does(home, drawn, tmp_path):
    (tmp_path / "v_YoYo_g08_c01.mp4").symlink_to(drawn / "YoYo" / "v_YoYo_g08_c01.mp4")  # nothing to train on
    done = all_networks(home, tmp_path / "out", tmp_path)
    assert done.returncode != 0 and "holds no clip of a training group" in done.stdout


def edited(tmp_path, text: str) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SMOKE + "learning_rate: fast\n", "learning_rate: .*number, .*not 'fast'"),
        (SMOKE + "warmup: 0\n", "warmup: .*greater than or equal to 1"),
        (SMOKE + "seen: [5, 2]\n", r"seen: .*not \[5, 2\]"),
        (SMOKE + "optimiser: lion\n", "optimiser must be one of muon"),
        (SMOKE + "loss: {l3: 1}\n", "unknown loss terms: l3"),
        (SMOKE.replace("one_frame", "big"), "model must be one of"),
        (SMOKE.replace("height", "depth"), "network: unknown fields .*depth"),
        (SMOKE + "learning_rat: 1\n", "unknown fields learning_rat; there are"),
        ("just words", "no fields of a recipe"),
        ("model: 2024-99-99", "is not YAML"),
        (SMOKE.replace("data: circle\n", ""), "--data"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_in_one_line(train, tmp_path, text, message):
    with pytest.raises(SystemExit, match=f"^error: .*{message}") as refused:
        train(edited(tmp_path, text), "refused")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--accelerator", "quantum"), "accelerator"),
        (("--precision", "7"), "[Pp]recision"),
        (("--encoder", "nowhere"), "nowhere"),
        (("--cache", __file__), "File exists"),
    ],
)
def test_a_command_that_cannot_be_is_refused_in_one_line(train, options, message):
    with pytest.raises(SystemExit, match=f"^error: .*{message}") as refused:
        train("smoke", "refused", *options)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "content", [b"junk", {"recipe": {}}, {"x.weight": torch.zeros(2)}], ids=["junk", "half", "other"]
)
def test_files_that_are_not_what_they_should_be_are_named(train, home, tmp_path, monkeypatch, content):
    def write(path: Path, save) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content) if isinstance(content, bytes) else save(content, path)
        return path

    if content != {"recipe": {}}:
        encoder = write(tmp_path / "encoder" / "model.safetensors", save_file)
        with pytest.raises(SystemExit, match=f"^error: {encoder} is not"):
            train("smoke", "unread", "--encoder", tmp_path)
        start = write(tmp_path / "start" / "model.safetensors", save_file)
        with pytest.raises(SystemExit, match=f"{start} is (not a whole|of another)"):
            train("smoke", "unread", "--start", start.parent)
    write(tmp_path / "last.ckpt", torch.save)
    with pytest.raises(SystemExit, match=r"last\.ckpt is (not a whole state|of another recipe)"):
        train("smoke", tmp_path)


def test_what_cannot_be_trained_or_validated_on_is_said_before_the_first_step(train, home, drawn, tmp_path):
    recipe = edited(tmp_path, SMOKE.replace("data: circle\n", "augmentation: {fps: [10, 10]}\n"))
    (tmp_path / "x.mp4").write_bytes(b"junk")
    with pytest.raises(SystemExit, match="none of the 1 training clips can be decoded"):
        train(recipe, "none", "--data", tmp_path / "x.mp4", "--cache", tmp_path / "cache")
    clip = next(path for path in sorted(drawn.rglob("*.mp4")))
    (tmp_path / "videos" / "YoYo").mkdir(parents=True)
    shutil.copy(clip, tmp_path / "videos" / "YoYo" / "v_YoYo_g09_c01.mp4")
    with pytest.raises(SystemExit, match="no validation clip has 8 frames at 10 Hz.*`clips`"):
        train(recipe, "none", "--data", tmp_path / "videos", "--cache", tmp_path / "cache")
    assert not (home / "none" / "last.ckpt").exists()


def test_a_full_disk_keeps_the_last_good_state(train, home, undisturbed, monkeypatch):
    def full(state: dict, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise RuntimeError(
            "[enforce fail at inline_container.cc:672] . unexpected pos 285440 vs 285328"
        )  # PyTorch's words

    shutil.copytree(undisturbed, home / "full")
    before = (home / "full" / "last.ckpt").read_bytes()
    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(
        SystemExit, match=r"cannot be written.*disk may be full; the last good state is in .*last\.ckpt"
    ) as refused:
        train("smoke", "full")
    assert "\n" not in str(refused.value)
    assert (home / "full" / "last.ckpt").read_bytes() == before and not list((home / "full").glob(".*"))


def test_finite_weights_that_predict_nothing_finite_are_not_written_over_the_last_good_state(train, home, monkeypatch):
    export = Run.export

    def spoiled(run, folder):
        if run.step == 3:
            for value in run.average:
                value.mul_(1e38)
        export(run, folder)

    monkeypatch.setattr(Run, "export", spoiled)
    with pytest.raises(SystemExit, match=r"error: at step 3: .*not finite.*the last good state is in .*last\.ckpt"):
        train("smoke", "spoiled", "--save-every", 0)
    assert read(home / "spoiled")["progress"]["step"] == 2
