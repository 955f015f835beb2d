"""train.evaluate, train.evaluation on clips whose motion is known, with tiny networks."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from train import evaluate as command
from train.data.clip_files import ClipFile
from train.data.windows import fixed_windows
from train.evaluation.parts import PARTS, lost_and_levels, study
from train.evaluation.scores import (
    Scores,
    bootstrap,
    clip_psnr,
    grouped,
    measure,
    predict,
    score,
    share_ahead,
    summary,
)
from train.evaluation.tuned_flow import fit_tuned_flow
from vp.baselines import tuned_flow
from vp.checkpoints import save_encoder, save_predictor
from vp.errors import VideoError
from vp.metrics import psnr
from vp.models.matching import enlarged, warp
from vp.predictor import Predictor

cv2 = pytest.importorskip("cv2", reason="evaluation needs train/requirements.txt")
pytest.importorskip("matplotlib", reason="evaluation needs train/requirements.txt")

ROOT = Path(__file__).parents[2]
METRICS = {"psnr", "motion_psnr", "ssim", "sharpness", "grid_2", "grid_4"}  # 32 rows: no grid_8
STEPS = 3


def world(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A smooth coloured texture, float [height, width, 3] in [0, 255]."""
    noise = torch.from_numpy(rng.random((1, 3, height // 8, width // 8)))
    texture = torch.nn.functional.interpolate(noise, size=(height, width), mode="bicubic", align_corners=False)
    return 255 * texture[0].permute(1, 2, 0).clamp(0, 1).numpy()


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """Decoded clips at 10 fps, 128x160: four that travel 3 pixels a frame to the right, one still, one too short."""
    folder = tmp_path_factory.mktemp("cache")
    rng = np.random.default_rng(0)
    with (folder / "index.jsonl").open("w", encoding="utf-8") as index:
        for name in ("v_Slide_g01_c01", "v_Slide_g02_c01", "v_Drift_g01_c01", "v_Drift_g02_c01", "v_Rest_g01_c01"):
            texture = world(rng, 128, 320)
            speed = 0 if "Rest" in name else 3
            frames = [texture[:, 100 - speed * t : 260 - speed * t] for t in range(12)]
            np.save(folder / f"{name}.npy", np.stack(frames).round().astype(np.uint8))
            index.write(json.dumps([name, 12, 10.0]) + "\n")
        np.save(folder / "v_Short_g01_c01.npy", np.zeros((4, 128, 160, 3), np.uint8))
        index.write(json.dumps(["v_Short_g01_c01", 4, 10.0]) + "\n")
    return folder


@pytest.fixture(scope="module")
def clips(cache) -> list[ClipFile]:
    """All of them, and one that could not be decoded."""
    names = [
        *(json.loads(line)[0] for line in (cache / "index.jsonl").read_text(encoding="utf-8").splitlines()),
        "v_Torn_g01_c01",
    ]
    return [ClipFile(name, name.split("_")[1], int(name[-6:-4]), Path(name)) for name in names]


@pytest.fixture(scope="module")
def predictors(make_ladder) -> list[Predictor]:
    """Two of one size and one of another, in fp32 on the CPU."""
    place = {"device": torch.device("cpu"), "dtype": torch.float32}
    return [
        Predictor("one_frame", make_ladder(seed=1, design="motion", seen=3), **place),
        Predictor("full_res", make_ladder(seed=2, seen=3), **place),
        Predictor("lvln", make_ladder(seed=3, design="motion", height=64, width=64, seen=2), **place),
    ]


@pytest.fixture(scope="module")
def scored(predictors, cache, clips):
    return [score(group, cache, clips, clips, per_clip=2) for group in grouped(predictors)]


@pytest.fixture(scope="module")
def report(scored) -> dict:
    head = {"part": "test", "per_clip": 2, "fps": 10.0, "horizon": STEPS, "checkpoints": "somewhere"}
    return head | {"groups": [summary(scores) for scores in scored]}


def test_predictors_of_one_size_share_windows_and_baselines(scored):
    assert [(s.size, s.seen, set(s.values)) for s in scored] == [
        ((32, 64), 3, {"copy_last", "constant_velocity", "tuned_flow", "flow_oracle", "one_frame", "full_res"}),
        ((64, 64), 2, {"copy_last", "constant_velocity", "tuned_flow", "flow_oracle", "lvln"}),
    ]
    small, large = scored
    for scores in scored:
        assert all(values.shape == (10, STEPS) for m in scores.values.values() for values in m.values())
    assert set(small.values["one_frame"]) == METRICS
    assert set(large.values["lvln"]) == METRICS | {"grid_8"}


def test_short_clips_and_those_that_are_not_in_the_cache_are_left_out(scored):
    assert not any("Short" in name or "Torn" in name for name in scored[0].clips)
    assert set(scored[0].labels) == {"Slide", "Drift", "Rest"}


def test_where_every_clip_is_too_short_it_says_so(predictors, cache, clips):
    short = [clip for clip in clips if clip.label in ("Short", "Torn")]
    with pytest.raises(ValueError, match="no clip is long enough for 6 frames"):
        score(predictors[:1], cache, short, clips)


def test_the_numbers_of_copy_last_are_those_computed_by_hand(scored, cache, clips):
    names = [clip.name for clip in clips if clip.label in ("Slide", "Drift", "Rest")]
    windows = fixed_windows(cache, names, length=6, size=(32, 64), per_clip=2)
    assert [name for name, _, _ in windows] == scored[0].clips.tolist()
    for row, (_, _, window) in enumerate(windows):
        frames = window.numpy().astype(float) / 255
        for k in range(STEPS):
            error = ((frames[2] - frames[3 + k]) ** 2).mean()
            want = min(60, -10 * np.log10(max(error, 1e-30)))
            assert scored[0].values["copy_last"]["psnr"][row, k] == pytest.approx(want, abs=1e-3)


def test_the_numbers_of_a_predictor_are_those_of_its_rollout(scored, predictors, cache, clips):
    name, start, window = fixed_windows(cache, ["v_Drift_g01_c01"], length=6, size=(32, 64), per_clip=2)[1]
    row = np.flatnonzero(scored[0].clips == name)[1]
    assert start == 6
    rollout = predictors[0].run(window.permute(0, 2, 3, 1).numpy())
    for metric in ("psnr", "ssim"):
        np.testing.assert_allclose(scored[0].values["one_frame"][metric][row], rollout.scores[metric], atol=2e-3)


def test_what_travels_steadily_is_known_to_the_flow(scored):
    for scores in scored:
        moving = scores.labels != "Rest"
        copy = scores.values["copy_last"]["psnr"]
        gain = {method: (values["psnr"] - copy)[moving] for method, values in scores.values.items()}
        assert (gain["flow_oracle"] > 3).all()
        assert (gain["constant_velocity"] > 3).all()
        assert gain["tuned_flow"].mean() > gain["constant_velocity"].mean()
        # An untrained network knows nothing of it.
        assert all(gain[method].mean() < 1 for method in ("one_frame", "full_res", "lvln") if method in gain)


def test_where_nothing_moves_there_is_no_motion_psnr(scored, report):
    rest = scored[0].labels == "Rest"
    for metrics in scored[0].values.values():
        assert np.isnan(metrics["motion_psnr"][rest]).all() and np.isfinite(metrics["motion_psnr"][~rest]).all()
    means = report["groups"][0]["methods"]["copy_last"]["motion_psnr"]["mean"]
    want = scored[0].values["copy_last"]["motion_psnr"][~rest].mean(0)
    assert means == pytest.approx(want.tolist(), abs=1e-4)


def test_a_window_that_repeats_a_frame_does_not_decide_over_its_clip():
    psnr = np.array([[60.0, 20.0], [20.0, 30.0], [25.0, 25.0]])
    found = clip_psnr(psnr, np.array(["a", "a", "b"]))
    want = [-10 * np.log10((1e-6 + 1e-2) / 2), -10 * np.log10((1e-2 + 1e-3) / 2)]
    np.testing.assert_allclose(found, [want, want, [25, 25]])


def test_a_report_has_the_psnr_of_clips(scored, report):
    for scores, group in zip(scored, report["groups"], strict=True):
        ours, bar = (clip_psnr(scores.values[m]["psnr"], scores.clips) for m in (list(scores.values)[3], "copy_last"))
        metrics = group["methods"][list(scores.values)[3]]
        assert metrics["psnr"]["mean"] == pytest.approx(ours.mean(0).tolist(), abs=1e-3)
        assert metrics["gain"]["mean"] == pytest.approx((ours - bar).mean(0).tolist(), abs=1e-3)


def test_a_perfect_prediction_has_perfect_scores(moving_batch):
    clip = moving_batch(2, 5, 32, 64)
    truth, last = clip[:, 2:], clip[:, 1:2]
    with torch.inference_mode():
        values = measure({"truth": truth}, truth, last)["truth"]
    perfect = {"psnr": 60, "ssim": 1, "sharpness": 1, "grid_2": 1, "grid_4": 1, "motion_psnr": 60}
    for metric, want in perfect.items():
        torch.testing.assert_close(values[metric], torch.full((2, 3), float(want)), rtol=0, atol=1e-4)


def test_one_seen_frame_has_no_velocity(make_ladder, moving_batch):
    ladder = Predictor("lvln", make_ladder(seen=1), device=torch.device("cpu"), dtype=torch.float32)
    clip = moving_batch(1, 3, 32, 64)
    with torch.inference_mode():
        assert list(predict([ladder], clip[:, :1], clip[:, 1:], None)) == ["copy_last", "lvln", "flow_oracle"]


def test_means_are_over_windows_and_lie_within_their_intervals(scored, report):
    for scores, group in zip(scored, report["groups"]):
        for method, metrics in group["methods"].items():
            for metric, steps in metrics.items():
                if metric not in ("psnr", "gain"):  # of clips, not of windows: the test above
                    want = np.nanmean(scores.values[method][metric], axis=0)
                    np.testing.assert_allclose(steps["mean"], want, atol=1e-4, err_msg=metric)
                for low, mean, high in zip(steps["low"], steps["mean"], steps["high"]):
                    assert low <= mean <= high


def test_the_bootstrap_draws_whole_clips_and_leaves_nan_out():
    rng = np.random.default_rng(0)
    clip_means = rng.normal(size=100)
    values, clips = np.repeat(clip_means, 9), np.repeat(np.arange(100), 9)
    low, high = bootstrap(values, clips)
    assert high - low == pytest.approx(2 * 1.96 * clip_means.std() / 10, rel=0.15)
    assert low < clip_means.mean() < high
    assert bootstrap(np.where(clips < 50, values, np.nan), clips) == bootstrap(values[clips < 50], clips[clips < 50])
    assert np.isnan(bootstrap(np.full(4, np.nan), np.arange(4))).all()


def test_clips_ahead_are_counted_once_each_by_the_mean_of_their_steps():
    clips = np.array(["a", "a", "a", "b", "c", "d"])
    gain = np.array([[2.0, -1.0]] * 3 + [[-1.0, 0.5], [0.0, 0.0], [np.nan, 1.0]])  # a still clip has no gain
    assert share_ahead(gain, clips) == 0.25


def test_the_report_is_plain_json_of_the_described_schema(report):
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    for group in report["groups"]:
        keys = {"size", "seen", "windows", "clips", "methods", "ahead", "classes", "tuned_flow", "ahead_of_flow"}
        assert set(group) == keys
        assert set(group["ahead"]) == set(group["methods"]) and group["ahead"]["copy_last"] == 0
        assert set(group["ahead_of_flow"]) == set(group["methods"]) and group["ahead_of_flow"]["tuned_flow"] == 0
        assert group["ahead_of_flow"]["copy_last"] <= 0.2 and group["tuned_flow"]["fitted_on"] == 10
        assert all(len(group["tuned_flow"][key]) == STEPS for key in ("factors", "blends"))
        assert (group["windows"], group["clips"]) == (10, 5)
        assert set(group["classes"]) == {"Slide", "Drift", "Rest"}
        for scores in group["classes"].values():
            assert set(scores) == {"clips", "windows", "gain", "overall_gain"}
            assert set(scores["gain"]) == set(scores["overall_gain"]) == set(group["methods"])
            for method, steps in scores["gain"].items():
                assert [len(v) for v in steps.values()] == [STEPS] * 3 and set(steps) == {"mean", "low", "high"}
                assert scores["overall_gain"][method]["mean"] == pytest.approx([np.mean(steps["mean"])], abs=1e-3)
        assert group["classes"]["Drift"]["clips"] == 2 and group["classes"]["Rest"]["clips"] == 1


def test_the_table_has_a_row_for_each_method_with_its_steps_side_by_side(report):
    rows = command.markdown(report).splitlines()
    assert len(rows) == 2 + 2 + 6 + 5
    assert {row.count("|") for row in rows} == {10}
    psnr = report["groups"][0]["methods"]["one_frame"]["psnr"]["mean"]
    assert any(row.startswith("| one_frame | " + " / ".join(f"{v:.2f}" for v in psnr)) for row in rows)


def test_a_number_that_does_not_exist_is_a_dash(scored):
    rest = scored[0].labels == "Rest"
    values = {m: {k: v[rest] for k, v in metrics.items()} for m, metrics in scored[0].values.items()}
    still = Scores(scored[0].size, scored[0].seen, scored[0].clips[rest], scored[0].labels[rest], values)
    text = command.markdown({"groups": [summary(still)]})
    assert "– / – / –" in text and "nan" not in text.lower()


def test_the_figures_show_what_the_report_says(report, tmp_path):
    from train.evaluation.figures import draw, gain_figure

    files = draw(report, tmp_path)
    assert files == [tmp_path / "gain.png"]
    for file in files:
        data = file.read_bytes()
        assert data.startswith(b"\x89PNG") and int.from_bytes(data[16:20], "big") == 1600
    lines = {tuple(np.round(line.get_ydata(), 4)) for panel in gain_figure(report).axes for line in panel.lines}
    for group in report["groups"]:
        for method in set(group["methods"]) - {"copy_last", "flow_oracle"}:
            assert tuple(group["methods"][method]["gain"]["mean"]) in lines


@pytest.mark.parametrize("seen", [1, 3])
def test_what_a_part_costs_is_what_the_rollout_loses_without_it(make_ladder, moving_batch, seen):
    ladder = Predictor(
        "lvln", make_ladder(seed=1, design="motion", seen=seen), device=torch.device("cpu"), dtype=torch.float32
    )
    clip = moving_batch(2, seen + STEPS)
    lost, levels = lost_and_levels(ladder, clip)
    assert list(lost) == list(PARTS) and len(lost) == 4 + 12 and list(levels) == ["C4", "C3", "C2", "C1"]
    for part, silenced in {"C1": ["C1.3x3", "C1.5x5", "C1.7x7"], "C2.5x5": ["C2.5x5"], "C4": []}.items():
        silenced = silenced or ["C4.3x3", "C4.5x5", "C4.7x7"]
        for b, frames in enumerate(clip.permute(0, 1, 3, 4, 2).numpy()):
            whole, without = (
                ladder.run(frames, horizon=STEPS, silence=parts).scores["psnr"] for parts in ([], silenced)
            )
            np.testing.assert_allclose(lost[part][b], np.subtract(whole, without), atol=2e-3)
            assert lost[part][b].abs().max() > 1e-3, part


def test_the_picture_after_a_level_is_the_last_frame_moved_by_its_flow(make_ladder, moving_batch):
    model = make_ladder(seed=1, design="motion", seen=3)
    clip = moving_batch(2, 3 + STEPS)
    ladder = Predictor("lvln", model, device=torch.device("cpu"), dtype=torch.float32)
    _, levels = lost_and_levels(ladder, clip)
    with torch.inference_mode():
        flow = model(clip[:, :3]).levels["C2"][:, -1]
    # C2 has a place for 4x4 pixels: enlarged twice, as on its way through the network.
    moved = warp(clip[:, 2], enlarged(enlarged(flow)), "bicubic")
    want = psnr(moved, clip[:, 3]) - psnr(clip[:, 2], clip[:, 3])
    torch.testing.assert_close(levels["C2"][:, 0], want, atol=1e-3, rtol=0)
    assert want.abs().min() > 0.01


@pytest.fixture(scope="module")
def studied(predictors, cache, clips) -> dict:
    """The parts of two networks of one size, on two clips; their files are those of the cache, made larger."""

    def decode(path: Path, size: tuple[int, int]) -> tuple[np.ndarray, float]:
        if not (cache / f"{path}.npy").exists():
            raise VideoError(f"{path} cannot be decoded")
        return np.stack([cv2.resize(frame, size[::-1]) for frame in np.load(cache / f"{path}.npy")]), 10.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("train.evaluation.parts.decode", decode)
        return study(predictors[:2], cache, [clip for clip in clips if clip.label == "Drift"], clips)


def test_a_network_that_paints_loses_without_memories_and_has_no_levels(studied, report):
    assert studied["windows"] == 2
    assert studied["levels"]["full_res"] == {} and set(studied["levels"]["one_frame"]) == {"C1", "C2", "C3", "C4"}
    assert all(len(losses) == 16 for losses in studied["lost"].values())
    rows = command.parts_markdown({"groups": [report["groups"][0] | {"parts": studied}]}).splitlines()
    assert len(rows) == 2 + 16 + 4 + 1 and {row.count("|") for row in rows} == {4}
    assert rows[0].startswith("| 32×64, one window of each of 2 clips | one_frame | full_res |")
    assert rows[-1].startswith("| gain at 64×128 (tuned flow: +")
    assert json.loads(json.dumps(studied, allow_nan=False)) == studied


def test_at_twice_the_size_the_flow_is_fitted_and_scored_anew(studied, report):
    fine = studied["fine"]
    assert (fine["size"], fine["windows"], fine["tuned_flow"]["fitted_on"]) == ([64, 128], 2, 5)
    assert set(fine["gain"]) == set(report["groups"][0]["methods"])
    assert min(fine["gain"]["tuned_flow"]["mean"]) > 3  # what travels steadily is known to the flow
    assert fine["gain"]["one_frame"]["mean"] != report["groups"][0]["methods"]["one_frame"]["gain"]["mean"]


def test_tuned_flow_finds_that_what_travels_steadily_travels_on(cache, clips):
    windows = fixed_windows(cache, [c.name for c in clips[:4]], length=6, size=(64, 80), per_clip=2)
    frames = torch.stack([frames for _, _, frames in windows])
    found = fit_tuned_flow(list(frames), STEPS)
    assert found["fitted_on"] == 8
    assert all(0.9 <= factor <= 1.1 for factor in found["factors"]) and max(found["blends"]) <= 0.1
    still = fit_tuned_flow(list(frames[:, [0, 1, 2, 2, 2, 2]]), STEPS)  # what stops is best left where it is
    x = frames.float() / 255
    for factors, blends, best in (
        (found["factors"], found["blends"], x[:, 3:]),
        (still["factors"], still["blends"], x[:, [2] * 3]),
    ):
        gains = {
            (f, b): psnr(tuned_flow(x[:, :3], 1, [f], [b])[:, 0], best[:, 0]).mean().item()
            for f in (0.3, 0.75, 1.0, factors[0])
            for b in (0.0, 0.5, 0.95, blends[0])
        }
        assert max(gains.values()) == pytest.approx(gains[factors[0], blends[0]], abs=1e-3)


@pytest.fixture(scope="module")
def files(tmp_path_factory, make_ladder, write_video) -> Path:
    """`checkpoints/` with two predictors and `data/` with clips of the test groups and one of a training group."""
    folder = tmp_path_factory.mktemp("files")
    model = make_ladder(seed=1, design="motion", seen=2)
    save_encoder(folder / "checkpoints", model, provenance="random")
    save_predictor(folder / "checkpoints", "one_frame", model, training={}, scores={})
    other = make_ladder(seed=2, seen=2)
    save_predictor(folder / "checkpoints", "full_res", other, training={}, scores={})
    rng = np.random.default_rng(1)
    for label, group in (("YoYo", 1), ("YoYo", 2), ("BabyCrawling", 3), ("YoYo", 9)):
        texture = world(rng, 64, 240)
        frames = np.stack([texture[:, 2 * t : 2 * t + 80] for t in range(30)]).round().astype(np.uint8)
        write_video(folder / "data" / label / f"v_{label}_g{group:02d}_c01.mp4", frames)
    write_video(folder / "data" / "YoYo" / "v_YoYo_g04_c01.mp4", frames[:5])
    return folder


@pytest.fixture
def main(files, monkeypatch):
    """The command line in this process: `main("--part", "test")`."""

    def run(*options: object) -> None:
        words = ["evaluate", "--data", files / "data", "--cache", files / "cache", *options]
        monkeypatch.setattr(sys, "argv", [str(word) for word in words])
        command.main()

    return run


@pytest.mark.slow
def test_the_command_line_from_files_to_tables_json_and_figures(files):
    out = files / "results"
    options = ["--data", files / "data", "--cache", files / "cache", "--checkpoints", files / "checkpoints"]
    options += ["--per-clip", 2, "--parts", 2, "--json", out / "scores.json", "--figures", out]
    words = [sys.executable, "-m", "train.evaluate", *map(str, options)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    report = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    head = {"part": "test", "per_clip": 2, "fps": 10.0, "horizon": 3, "checkpoints": str(files / "checkpoints")}
    assert {key: value for key, value in report.items() if key != "groups"} == head
    (group,) = report["groups"]
    assert (group["size"], group["seen"], group["clips"], group["windows"]) == ([32, 64], 2, 3, 6)
    assert list(group["methods"]) == [
        "copy_last",
        "constant_velocity",
        "tuned_flow",
        "one_frame",
        "full_res",
        "flow_oracle",
    ]
    assert {label: c["clips"] for label, c in group["classes"].items()} == {"BabyCrawling": 1, "YoYo": 2}
    assert group["parts"]["windows"] == 2 and command.parts_markdown(report) in done.stdout
    assert command.markdown(report) in done.stdout
    assert {path.name for path in out.iterdir()} == {"gain.png", "scores.json"}


def test_one_predictor_can_be_chosen(files, main, capsys):
    main("--checkpoints", files / "checkpoints", "--model", "full_res", "--per-clip", 1, "--json", files / "one.json")
    assert "\n| full_res | " in capsys.readouterr().out
    (group,) = json.loads((files / "one.json").read_text(encoding="utf-8"))["groups"]
    assert "one_frame" not in group["methods"] and group["windows"] == 3


def test_the_command_line_says_what_is_missing(files, main, tmp_path, capsys):
    with pytest.raises(SystemExit, match="There is no folder"):
        main("--checkpoints", tmp_path / "nowhere")
    with pytest.raises(SystemExit, match=r"has no lvln/config\.json"):
        main("--checkpoints", files / "checkpoints", "--model", "lvln")
    with pytest.raises(SystemExit, match="is of a validation group"):
        main("--checkpoints", files / "checkpoints", "--part", "validation")
    with pytest.raises(SystemExit):
        main("--checkpoints", files / "checkpoints", "--per-clip", "0")
    assert "--per-clip: must be at least 1" in capsys.readouterr().err
