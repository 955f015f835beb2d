"""One number, one filter, one moment through the API: what they say is what the inside says, and adds up."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from serve import ROOT, Server
from test_refusals import check

WALK = ROOT / "assets" / "clips" / "walk.mp4"
PLACE = {"block": "C2", "kernel": "5x5", "filter": 4}


def test_one_number_adds_up(ask: Callable) -> None:
    archive, numbers = ask("/one_number", WALK, **PLACE, step=5, row=0, column=23)
    assert numbers["part"] == "C2.5x5.4" and numbers["model"] == "one_frame"
    with np.load(archive) as arrays:
        parts = {name: arrays[name] for name in arrays.files}
    names = parts["names"].tolist()
    for name, found in numbers["sums"].items():
        state = parts["reset_state" if name == "n" else "state"]
        adds = (parts["input"] * parts[f"input_kernel_{name}"]).sum((1, 2))
        more = (state * parts[f"state_kernel_{name}"]).sum((1, 2))
        assert found["inputs"]["total"] == pytest.approx(adds.sum(), abs=1e-4)
        assert found["states"]["total"] == pytest.approx(more.sum(), abs=1e-4)
        assert found["total"] == pytest.approx(found["bias"] + adds.sum() + more.sum(), abs=1e-3)
        for one in found["inputs"]["strongest"]:
            channel = names.index(one["name"])
            assert one["adds"] == pytest.approx(adds[channel], abs=1e-4)
            np.testing.assert_allclose(one["patch"], parts["input"][channel], rtol=1e-3, atol=1e-5)
            np.testing.assert_allclose(one["kernel"], parts[f"input_kernel_{name}"][channel], rtol=1e-3, atol=1e-5)
        strengths = [abs(one["adds"]) for one in found["inputs"]["strongest"]]
        assert strengths == sorted(strengths, reverse=True) and strengths[0] == pytest.approx(abs(adds).max(), abs=1e-4)
    sigmoid = 1 / (1 + math.exp(-numbers["sums"]["z"]["total"]))
    z, n = numbers["sums"]["z"]["value"], numbers["sums"]["n"]["value"]
    assert z == pytest.approx(sigmoid, abs=1e-5)
    assert numbers["after"] == pytest.approx((1 - z) * numbers["before"] + z * n, abs=1e-5)
    assert not all(map(all, numbers["inside"]))  # at the border a part of the kernel lies beyond it
    top, left, bottom, right = numbers["field"]
    assert 0 == top < bottom <= 64 and 0 <= left < right == 96


def test_one_filter_says_what_it_answers_to(client: Client) -> None:
    numbers = client.predict(model="one_frame", **PLACE, api_name="/one_filter")
    assert numbers["part"] == "C2.5x5.4" and numbers["clips"] == len(numbers["lost"]) > 6
    for some in numbers["moments"].values():
        sizes = [abs(one["value"]) for one in some]
        assert len({one["clip"] for one in some}) == 6 and sizes == sorted(sizes, reverse=True)
        assert all(0 < one["y"] < 1 and 0 < one["x"] < 1 for one in some)
    assert numbers["mean_lost"] == pytest.approx(np.mean(list(numbers["lost"].values())), abs=1e-4)
    polar = numbers["polar"]
    assert np.shape(polar["count"]) == (len(polar["sizes"]), len(polar["directions"]))
    assert len(polar["activation"]) == len(polar["sizes"])
    # The largest state is there when that window is predicted again.
    best = numbers["moments"]["h"][0]
    again = {"start": best["start"], "seen": best["step"] + 1, "horizon": 1} | PLACE
    path = ROOT / "assets" / "clips" / best["clip"]
    there = {"step": best["step"], "row": best["row"], "column": best["column"]}
    _, number = client.predict(video=_file(path), model="one_frame", **again, **there, api_name="/one_number")
    assert number["recorded"]["h"] == pytest.approx(best["value"], abs=0.02)


def test_one_moment_finds_filters_and_times(ask: Callable) -> None:
    numbers = ask("/one_moment", WALK, **PLACE, first=1, last=6, top=0.5)
    assert numbers["marked"]["part"] == "C2.5x5.4" and len(numbers["marked"]["curve"]) == 6
    assert len(numbers["others"]) == 8
    for one in numbers["others"]:
        given = np.corrcoef(one["curve"], numbers["marked"]["curve"])[0, 1]
        assert one["correlation"] == pytest.approx(given, abs=0.01) and one["part"] != "C2.5x5.4"
    assert (numbers["again"] is None) != (numbers["missing"] is None)
    for one in numbers["again"] or ():
        assert 0 < one["correlation"] <= 1.0001 and len(one["curve"]) == 6


@pytest.mark.parametrize(
    ("endpoint", "settings", "message"),
    [
        ("/one_number", {"filter": 99}, "filters 0 to"),
        ("/one_number", {"block": "C9"}, "no ConvGRU"),
        ("/one_number", {"step": 7}, "step must be a whole number from 0 to 6"),
        ("/one_number", {"row": -1}, "row must be"),
        ("/one_number", {"column": 1.5}, "whole number"),
        ("/one_moment", {"first": 3, "last": 4}, "at least 3 steps"),
        ("/one_moment", {"bottom": 0.0}, "region is empty"),
        ("/one_moment", {"kernel": "9x9"}, "no ConvGRU"),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value),
)
@pytest.mark.usefixtures("untroubled")
def test_refusals(ask: Callable, server: Server, endpoint: str, settings: dict, message: str) -> None:
    with pytest.raises(AppError) as caught:
        ask(endpoint, WALK, **settings)
    check(str(caught.value), server)
    assert re.search(message, str(caught.value))


@pytest.mark.parametrize(
    ("settings", "message"), [({"model": "alexnet"}, "no model"), ({"filter": 99}, "filters 0 to")], ids=str
)
@pytest.mark.usefixtures("untroubled")
def test_a_filter_that_is_not_there(client: Client, server: Server, settings: dict, message: str) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(**{"model": "one_frame"} | settings, api_name="/one_filter")
    check(str(caught.value), server)
    assert re.search(message, str(caught.value))


def _file(path: Path) -> object:
    from gradio_client import handle_file

    return handle_file(str(path))
