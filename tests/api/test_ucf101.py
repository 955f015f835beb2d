"""Untouched UCF101 clips through the API: every clip, every network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file

from vp import video
from vp.models import NAMES

pytestmark = [pytest.mark.ucf101, pytest.mark.slow]

FPS, SEEN, HORIZON = 10, 5, 3
WINDOWS = 3  # a clip, evenly spaced
LENGTH = (SEEN + HORIZON) / FPS


@pytest.fixture(scope="module")
def answers(client: Client, originals: list[Path]) -> dict[str, dict[str, list[dict]]]:
    """What the API says of every window: answers[network][clip]. Each network makes a film of the first one of a clip;
    the others are asked of all networks at once, which is less work."""
    found: dict[str, dict[str, list[dict]]] = {model: {} for model in NAMES}
    for path in originals:
        file, window = handle_file(str(path)), {"fps": FPS, "seen": SEEN, "horizon": HORIZON}
        first, *others = np.linspace(0, max(0.0, video.probe(path).seconds - LENGTH), WINDOWS).round(2).tolist()
        compared = [client.predict(video=file, start=start, **window, api_name="/compare") for start in others]
        for model in NAMES:
            movie, numbers = client.predict(video=file, model=model, start=first, **window, api_name="/predict")
            film = {"frames": video.probe(movie).frames}
            found[model][path.stem] = [numbers | film, *(networks[model] for networks in compared)]
    return found


def gains(windows: list[dict]) -> np.ndarray:
    """dB gained over repeating the last frame at each step, by the mean squared error over a clip's windows.

    UCF101 repeats frames exactly here and there: in one window the last frame is then right, without an error.
    """
    error = {
        key: np.mean([10 ** (-np.array(w[key]) / 10) for w in windows], axis=0) for key in ("psnr", "copy_last_psnr")
    }
    return 10 * np.log10(error["copy_last_psnr"] / error["psnr"])


@pytest.mark.parametrize("model", NAMES)
def test_every_clip_is_answered(answers: dict, originals: list[Path], model: str) -> None:
    assert len(originals) >= 12
    assert len(answers[model]) == len(originals)
    for clip, windows in answers[model].items():
        assert len(windows) == WINDOWS and windows[0]["frames"] == SEEN + HORIZON + 3
        for numbers in windows:
            assert numbers["model"] == model
            assert len(numbers["psnr"]) == HORIZON, clip
            assert all(5 < value <= 60 for value in numbers["psnr"] + numbers["copy_last_psnr"]), clip
            assert all(-1 <= value <= 1.00001 for value in numbers["ssim"] + numbers["copy_last_ssim"]), clip


@pytest.mark.parametrize("model", NAMES)
def test_no_clip_is_predicted_worse_than_by_repeating(answers: dict, model: str) -> None:
    of_clip = {clip: gains(windows).mean() for clip, windows in answers[model].items()}
    assert min(of_clip.values()) > -0.2, of_clip


def test_one_frame_is_better_than_repeating_on_every_clip(answers: dict, capsys: pytest.CaptureFixture) -> None:
    with capsys.disabled():
        print(f"\n{'gain over repeating, dB at +1 +2 +3':36}" + "".join(f"{model:>24}" for model in NAMES))
        for clip in answers["one_frame"]:
            print(f"{clip:36}" + "".join(_row(gains(answers[model][clip])) for model in NAMES))
        means = [np.mean([gains(windows) for windows in answers[model].values()], axis=0) for model in NAMES]
        print(f"{'mean':36}" + "".join(map(_row, means)))
    assert all(gains(windows).mean() > 0 for windows in answers["one_frame"].values())


def _row(values: np.ndarray) -> str:
    return "".join(f"{value:+8.2f}" for value in values)
