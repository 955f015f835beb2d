"""Links that bring a view back, and files to keep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from driver import Explorer
from PIL import Image
from playwright.sync_api import expect

from vp import video

pytestmark = pytest.mark.browser


def test_a_link_brings_back_clip_window_view_filter_and_step(visit: Callable[..., Explorer]) -> None:
    first = visit()
    with first.new_rollout():
        first.page.locator("#view-gallery .clip:not(.chosen)").nth(2).click()
    with first.new_rollout():
        first.page.locator("#model label:has(input[value=full_res])").click()
    memory = first.view("Memory")
    memory.locator("[data-choice=block] label:has(input[value=C3])").click()
    memory.locator("[data-choice=quantity] label:has(input[value=z])").click()
    expect(memory.locator(".detail h4")).to_contain_text("of C3")
    expect(memory.locator(".legend")).to_contain_text("update gate z")
    memory.locator(".grid canvas").focus()
    first.page.keyboard.press("ArrowRight")
    first.page.evaluate("lvln.setCursor(6)")
    chosen = memory.locator(".detail h4").inner_text()
    fragment = first.fragment("t=6", "quantity=z")
    named = parse_qs(fragment)
    assert named["model"] == ["full_res"] and named["view"] == ["Memory"] and named["t"] == ["6"]

    second = visit(fragment=f"#{fragment}")
    second.wait("window.lvln && lvln.state.rollout?.model === 'full_res'")
    assert second.state("rollout.clip_id") == first.state("rollout.clip_id")
    expect(second.page.locator("#view-memory .detail h4")).to_have_text(chosen)
    expect(second.page.locator("#view-memory [data-choice=quantity] input[value=z]")).to_be_checked()
    assert second.state("cursor") == 6
    expect(second.page.locator("#model input[value=full_res]")).to_be_checked()
    clip = second.state("rollout.clip_id")
    expect(second.page.locator("#view-gallery .clip.chosen")).to_have_attribute("data-id", clip)


def test_the_fine_size_is_in_every_view_and_in_the_link(visit: Callable[..., Explorer]) -> None:
    first = visit()
    own = first.state("rollout.size")
    with first.new_rollout():
        first.page.locator("#size label:has(input[value=fine])").click()
    assert first.state("rollout.size") == [2 * side for side in own]
    expect(first.page.locator("#view-stage .details")).to_contain_text("128×192 px")
    motion = first.view("Motion")
    expect(motion.locator("[data-level=C1] small").first).to_have_text("64×96")
    assert first.pixels("#view-motion [data-level=C1] .moved")[1] > 8
    expect(first.view("Memory").locator(".detail h4")).to_contain_text("of C1")
    fragment = first.fragment("view=Memory")
    assert parse_qs(fragment)["size"] == ["fine"]

    second = visit(fragment=f"#{fragment}")
    second.wait("window.lvln && lvln.state.rollout?.fine")
    assert second.state("rollout.size") == first.state("rollout.size")
    expect(second.page.locator("#size input[value=fine]")).to_be_checked()
    with second.new_rollout():
        second.page.locator("#size label:has(input[value=own])").click()
    assert second.state("rollout.size") == own
    second.wait("location.hash && !location.hash.includes('size=')")


def test_a_link_that_names_nothing_says_so(explorer: Explorer) -> None:
    page, clip = explorer.page, explorer.state("rollout.clip_id")
    walk = page.locator("#view-gallery .clip").nth(1).get_attribute("data-id")
    for fragment in ("clip=nothing", f"clip={walk}&seen=many", f"clip={walk}&model=alexnet", f"clip={walk}&size=huge"):
        explorer.open(f"#{fragment}")
        toast = page.locator(".toast-body")
        expect(toast).to_be_visible()
        assert "Traceback" not in toast.inner_text()
        assert explorer.state("rollout.clip_id") == clip, fragment


def test_a_prediction_can_be_kept(explorer: Explorer, tmp_path: Path) -> None:
    model = explorer.state("rollout.model")
    for kind in ("png", "mp4", "gif", "npz"):
        with explorer.page.expect_download() as download:
            explorer.page.locator(f"#view-stage [data-kind={kind}]").click()
        assert download.value.suggested_filename == f"{model}.{kind}"
        path = tmp_path / f"kept.{kind}"
        download.value.save_as(path)
        if kind == "png":
            assert np.asarray(Image.open(path)).std() > 20
        elif kind == "npz":
            with np.load(path) as data:
                assert data["predictions"].shape[0] == explorer.state("rollout.horizon")
        else:
            assert len(video.read(path, fps=5)) > 3
        expect(explorer.page.locator("#view-stage .said")).to_be_empty()


def test_every_view_can_be_kept_as_a_picture(explorer: Explorer, tmp_path: Path) -> None:
    for name in ("Predict", "Ladder", "Memory", "Motion", "Compare"):
        view = explorer.view(name)
        expect(view.locator("canvas").first).to_be_visible(timeout=60_000)  # three networks, one after the other
        explorer.page.wait_for_timeout(600)  # pictures arrive one by one
        with explorer.page.expect_download() as download:
            explorer.page.locator("#view-stage .snap").click()
        path = tmp_path / f"{name}.png"
        download.value.save_as(path)
        assert download.value.suggested_filename.endswith(f"-{name.lower()}.png")
        picture = np.asarray(Image.open(path).convert("RGB"))
        box = view.bounding_box()
        assert abs(picture.shape[1] - 2 * (box["width"] + 28)) < 4, name
        colours = picture.astype(int) @ (1 << 16, 1 << 8, 1)
        assert picture.std() > 12 and len(np.unique(colours)) > 500, name


def test_a_link_brings_back_an_experiment(visit: Callable[..., Explorer]) -> None:
    first = visit()
    view = first.view("Experiments")
    view.locator("[data-part='C1.3x3']").click()
    expect(view.locator(".silence .verdict")).to_be_visible()
    view.locator(".seen_sweep .go").click()
    expect(view.locator(".seen_sweep .chart")).to_be_visible()
    fragment = first.fragment("run=")
    named = parse_qs(fragment)
    assert named["silence"] == ["C1.3x3"] and named["run"] == ["seen_sweep"] and named["view"] == ["Experiments"]

    second = visit(fragment=f"#{fragment}")
    again = second.page.locator("#view-experiments")
    expect(again.locator("[data-part='C1.3x3']")).to_have_attribute("aria-pressed", "true")
    expect(again.locator(".silence .verdict")).to_have_text(view.locator(".silence .verdict").inner_text())
    expect(again.locator(".seen_sweep .chart")).to_be_visible()


def test_the_link_is_copied(explorer: Explorer) -> None:
    explorer.context.grant_permissions(["clipboard-read", "clipboard-write"])
    explorer.page.locator("#view-stage .link").click()
    expect(explorer.page.locator("#view-stage .said")).to_contain_text("Copied")
    assert f"clip={explorer.state('rollout.clip_id')}" in explorer.page.evaluate("navigator.clipboard.readText()")
