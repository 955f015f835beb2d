"""The fine size on its way through the page: links, payloads, downloads and experiments."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from vp.errors import RequestError
from vp.explorer import Explorer
from vp.ui.handlers import Handlers

LINK = "#clip={}&model=one_frame&start=0.5&fps=10&seen=3&horizon=2&size=fine"


@pytest.fixture(scope="module")
def handlers() -> Handlers:
    return Handlers(Explorer())


@pytest.fixture(scope="module")
def clip(handlers) -> str:
    return handlers.example_request().clip_id


@pytest.fixture(scope="module")
def shown(handlers, clip) -> dict:
    return handlers.predict(handlers.follow(LINK.format(clip)))


def test_a_link_names_the_size(handlers, clip, shown):
    fine = handlers.follow(LINK.format(clip))
    assert fine.window.size == "fine" and shown["fine"] and shown["size"] == [128, 192]
    assert handlers.follow(LINK.format(clip).replace("&size=fine", "")) == replace(
        fine, window=replace(fine.window, size="own")
    )


@pytest.mark.parametrize(("wrong", "message"), [("size=huge", "one of own, fine"), ("size=fine&seen=12", "at most 12")])
def test_a_link_to_what_there_is_not_says_so(handlers, clip, wrong, message):
    with pytest.raises(RequestError, match=message):
        handlers.follow(f"#clip={clip}&{wrong}")


def test_files_say_that_they_are_fine(handlers, shown):
    key = shown["key"]
    assert handlers.download(key, "png")["name"] == "one_frame-fine.png"
    found = handlers.download(key, "npz")
    assert found["name"] == "one_frame-fine.npz"
    with np.load(found["url"].removeprefix("gradio_api/file=")) as data:
        assert data["predictions"].shape == (2, 128, 192, 3)
        assert json.loads(str(data["about"]))["size"] == "fine"


def test_every_view_is_of_that_size(handlers, shown):
    key = shown["key"]
    assert handlers.activations(key, "C1", "3x3", "h")["size"] == [64, 96]
    assert handlers.life(key, "C1", "3x3", 1)["steps"] == 4
    assert handlers.at_once("motion", key, {})["levels"][-1]["size"] == [64, 96]
    assert {tuple(result["size"]) for result in handlers.compare(key)["results"]} == {(128, 192), (256, 320)}
    stages = {stage["name"]: stage["size"] for stage in handlers.inspect("ladder_map", key, {})["stages"]}
    assert stages["C1.3x3"] == [64, 96] and stages["C4.7x7"] == [8, 12]
    assert handlers.inspect("saliency", key, {})["size"] == [128, 192]
    networks = handlers.inspect("spectrum", key, {})["networks"]
    assert [network["size"] for network in networks] == [[128, 192]] * 2
    assert len(handlers.inspect("memory_reset", key, {})["psnr"]) == 11  # of at most 12 frames
    assert len(handlers.inspect("importance", key, {})["importance"]) == 16
    assert len(handlers.inspect("seen_sweep", key, {})["psnr"]) == 3


def test_the_motion_of_the_largest_network_is_sent_in_little(handlers, clip):
    request = handlers.follow(f"#clip={clip}&model=lvln&start=0.5")
    assert (request.window.seen, request.window.horizon) == (5, 3)
    found = handlers.at_once("motion", handlers.predict(request)["key"], {})
    assert len(found["levels"]) == 4 and len(json.dumps(found)) < 300_000
