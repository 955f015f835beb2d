"""The experiments through the API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gradio_client.exceptions import AppError
from PIL import Image
from serve import Server
from test_refusals import check

from vp import video
from vp.models import BLOCKS, KERNELS

SMALL = {"seen": 3, "horizon": 2}


def test_silence_says_what_it_costs(ask: Callable, waves: Path) -> None:
    movie, numbers = ask("/silence", waves, **SMALL, parts="C1.3x3, C1.skip")
    assert video.probe(movie).frames == 3 + 2 + 3
    assert numbers["parts"] == ["C1.3x3", "C1.skip"] and numbers["model"] == "one_frame"
    assert len(numbers["psnr"]) == len(numbers["untouched_psnr"]) == 2
    assert numbers["lost"] == pytest.approx(np.mean(numbers["untouched_psnr"]) - np.mean(numbers["psnr"]), abs=1e-4)
    assert numbers["psnr"] != numbers["untouched_psnr"]
    assert ask("/predict", waves, **SMALL)[1]["psnr"] == pytest.approx(numbers["untouched_psnr"], abs=1e-3)


def test_importance_ranks_all_twelve_and_their_blocks(ask: Callable, waves: Path) -> None:
    ranking = ask("/importance", waves, seen=4)
    convgrus = {f"{block}.{kernel}" for block in BLOCKS for kernel in KERNELS}
    assert {part["part"] for part in ranking} == convgrus | set(BLOCKS)
    lost = [part["lost"] for part in ranking]
    assert lost == sorted(lost, reverse=True) and lost[0] > 0
    first = next(part for part in ranking if "." in part["part"])
    _, alone = ask("/silence", waves, seen=4, horizon=1, parts=first["part"])
    assert alone["lost"] == pytest.approx(first["lost"], abs=0.05)  # bf16 on some machines


def test_the_memory_can_be_wiped(ask: Callable, waves: Path) -> None:
    numbers = ask("/memory_reset", waves, frames=9, at=4)
    assert len(numbers["psnr"]) == len(numbers["reset_psnr"]) == len(numbers["copy_psnr"]) == 8
    assert numbers["psnr"][:4] == numbers["reset_psnr"][:4] and numbers["psnr"][4:] != numbers["reset_psnr"][4:]
    assert numbers["at"] == 4 and numbers["recovered"] in (None, *range(5))


def test_the_number_of_frames_seen_can_be_swept(ask: Callable, waves: Path) -> None:
    numbers = ask("/seen_sweep", waves, most=4)
    assert len(numbers["psnr"]) == len(numbers["ssim"]) == 4
    assert len(set(numbers["psnr"])) == 4 and numbers["copy_psnr"] > 5


def test_spectrum_finds_no_grid(ask: Callable, waves: Path) -> None:
    arrays, numbers = ask("/spectrum", waves, **SMALL)
    with np.load(arrays) as spectra:
        assert spectra["truth"].shape == spectra["prediction"].shape == (64, 96)
        assert spectra["truth"].max() > 0 and not np.array_equal(spectra["truth"], spectra["prediction"])
        assert spectra["paper"].shape == (64, 96) and not np.array_equal(spectra["paper"], spectra["prediction"])
    assert set(numbers["paper_grid"]) == set(numbers["grid"]) and numbers["paper_grid"] != numbers["grid"]
    assert set(numbers["grid"]) == {"2", "4", "8"} and all(0 < v < 2 for v in numbers["grid"].values()), numbers["grid"]


def test_motion_is_flow_and_mask(ask: Callable, waves: Path) -> None:
    arrays, numbers = ask("/motion", waves, **SMALL)
    with np.load(arrays) as found:
        assert found["flow"].shape == (4, 64, 96, 2) and found["mask"].shape == (4, 64, 96)
        speed = np.hypot(*np.moveaxis(found["flow"].astype(float), -1, 0)).mean((1, 2))
        sizes = {name: list(found[name].shape) for name in BLOCKS}
        finest = np.hypot(*np.moveaxis(found["C1"].astype(float), -1, 0)).mean((1, 2))
    assert numbers["speed"] == pytest.approx(speed.tolist(), abs=0.01) and max(numbers["speed"]) > 0.1
    assert numbers["steps"] == 4 and all(0 <= v <= 1 for v in numbers["painted"])
    levels = {level["name"]: level for level in numbers["levels"]}
    assert list(levels) == ["C4", "C3", "C2", "C1"]
    for name, size in sizes.items():
        assert size == [4, *levels[name]["size"], 2]
    assert levels["C1"]["speed"] == pytest.approx(finest.tolist(), abs=0.01)
    # Steps from the second frame on, where there is a motion to know.
    assert all(np.mean(level["gain"][1:]) > 0.2 for level in levels.values())
    scores = ask("/predict", waves, **SMALL)[1]
    assert numbers["gain"][2] == pytest.approx(scores["psnr"][0] - scores["copy_last_psnr"][0], abs=1e-3)


def test_the_ladder_map_has_every_stage(ask: Callable, waves: Path) -> None:
    arrays, numbers = ask("/ladder_map", waves, **SMALL, model="full_res")
    names = [stage["name"] for stage in numbers["stages"]]
    with np.load(arrays) as found:
        assert sorted(found) == sorted(names)
        for stage in numbers["stages"]:
            assert list(found[stage["name"]].shape) == [4, *stage["size"]]
            assert stage["strength"] == pytest.approx(found[stage["name"]].mean((1, 2)).tolist(), abs=1e-4)
    assert {"stem", "C1.7x7", "C4.skip", "L1"} < set(names)


def test_saliency_draws_every_frame_seen(ask: Callable, waves: Path) -> None:
    picture, numbers = ask("/saliency", waves, seen=3, top=0.25, left=0.25, bottom=0.5, right=0.5)
    assert numbers["region"] == [16, 24, 32, 48]
    assert len(numbers["shares"]) == 3 and sum(numbers["shares"]) == pytest.approx(1, abs=1e-3)
    strip = np.asarray(Image.open(picture))
    assert strip.shape == (64, 3 * 96) and strip.max() == 255
    last = strip[:, 192:].astype(float)
    # It looks near where it draws; far away a little too, since coarse memories move large parts together.
    assert last[16:32, 24:48].mean() > 3 * last[40:, 60:].mean()


@pytest.mark.parametrize(
    ("endpoint", "settings", "message"),
    [
        ("/silence", {"parts": "C9"}, "names no part"),
        ("/silence", {"parts": ""}, "1 to 64 parts"),
        ("/silence", {"parts": "C1.location"}, "no location bias"),
        ("/silence", {"parts": "C1.3x3.99"}, "filters 0 to"),
        ("/silence", {"parts": None}, "1 to 64 parts"),
        ("/importance", {"model": "alexnet"}, "no model"),
        ("/importance", {"seen": 0}, "from 1 to 20"),
        ("/memory_reset", {"at": 0}, "wiped before frames 1 to"),
        ("/memory_reset", {"at": 1.5}, "whole number"),
        ("/memory_reset", {"frames": 2}, "from 3 to 21"),
        ("/memory_reset", {"frames": 99}, "from 3 to 21"),
        ("/seen_sweep", {"most": 0}, "from 1 to 20"),
        ("/seen_sweep", {"start": 1.7}, "earlier start"),
        ("/saliency", {"bottom": 0.0}, "region is empty"),
        ("/saliency", {"left": "x"}, "number is needed"),
        ("/saliency", {"top": None}, "number is needed"),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value),
)
@pytest.mark.usefixtures("untroubled")
def test_refusals(ask: Callable, waves: Path, server: Server, endpoint: str, settings: dict, message: str) -> None:
    with pytest.raises(AppError) as caught:
        ask(endpoint, waves, **settings)
    check(str(caught.value), server)
    assert re.search(message, str(caught.value))
