"""Videos that visitors bring: uploads, good and broken, and a recording."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from driver import Explorer
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

PLAYABLE = "document.querySelector('#player video')?.readyState >= 2"
TOAST = "[data-testid=toast-body]"


def source(explorer: Explorer) -> str:
    """Name of the file in the player of the whole clip."""
    return explorer.page.evaluate("document.querySelector('#player video')?.currentSrc || ''")


@pytest.mark.ucf101
def test_upload_an_avi(explorer: Explorer, originals: list[Path], capsys: pytest.CaptureFixture) -> None:
    page, example = explorer.page, source(explorer)
    clip = next(path for path in originals if "HorseRace" in path.name)
    with explorer.new_rollout() as result:
        explorer.upload(clip)
    assert explorer.state("rollout.clip") == "your video"
    assert explorer.state("rollout.clip_id") is None
    assert explorer.state("rollout.truths") == explorer.state("rollout.horizon")
    assert page.locator(TOAST).count() == 0, page.locator(TOAST).all_inner_texts()
    with capsys.disabled():
        print(f"\nfrom file chosen to picture: {result['ms']:.0f} ms")

    # No browser plays XviD: what the player gets has been transcoded.
    explorer.wait(f"{PLAYABLE} && document.querySelector('#player video').currentSrc !== {example!r}")
    assert page.evaluate("document.querySelector('#player video').duration") > 1
    assert page.evaluate("document.querySelector('#player video').error") is None

    memory = explorer.view("Memory")
    explorer.wait("document.querySelector('#view-memory .steps .step')")
    expect(memory.locator(".memory > .status")).to_be_empty()
    assert explorer.pixels("#view-memory .grid canvas")[1] > 8
    expect(explorer.view("Compare").locator(".model")).to_have_count(3, timeout=60_000)
    assert page.locator("#view-compare .model .bad", has_text=re.compile("error|not", re.I)).count() == 0
    with explorer.new_rollout():
        page.locator("#start input[type=range]").press("ArrowRight")
    assert explorer.state("rollout.start") == pytest.approx(0.1)
    assert explorer.state("rollout.clip") == "your video"


def test_a_broken_file_is_refused_in_words(
    explorer: Explorer, tmp_path: Path, moving: Callable[..., np.ndarray], write_video: Callable[..., Path]
) -> None:
    page, key = explorer.page, explorer.state("rollout.key")
    text = tmp_path / "notes.mp4"
    text.write_text("This is not a video.\n" * 500, encoding="utf-8")
    explorer.upload(text)
    toast = page.locator(TOAST)
    expect(toast.first).to_contain_text("not a video", timeout=60_000)
    shown = " ".join(toast.all_inner_texts())
    for secret in ("Traceback", "ffmpeg", "site-packages", "/tmp/", ".py"):
        assert secret not in shown
    explorer.wait("!document.documentElement.classList.contains('lvln-busy')")
    assert explorer.state("rollout.key") == key, "the picture that was there stays"

    # The page still works: with the controls, with a good file, with the gallery.
    with explorer.new_rollout():
        page.locator("#horizon input[type=range]").press("ArrowRight")
    for close in page.locator("[data-testid=toast-close]").all():
        close.click()
    good = write_video(tmp_path / "waves.mp4", moving(40, 120, 160))
    for _ in range(2):  # neither what was refused nor what was taken has to be cleared away first
        with explorer.new_rollout():
            explorer.upload(good)
    assert explorer.state("rollout.clip") == "your video"
    explorer.wait(PLAYABLE)
    explorer.tab("Clips")
    with explorer.new_rollout():
        page.locator("#view-gallery .clip").first.click()
    assert explorer.state("rollout.clip") != "your video"


def test_a_clip_that_is_too_short(
    explorer: Explorer, tmp_path: Path, moving: Callable[..., np.ndarray], write_video: Callable[..., Path]
) -> None:
    """Three frames are a video, but not one in which five can be seen: the message says what to change."""
    short = write_video(tmp_path / "short.mp4", moving(3, 96, 128))
    explorer.upload(short)
    toast = explorer.page.locator(TOAST)
    expect(toast.first).to_contain_text("seen frames", timeout=60_000)
    explorer.wait("!document.documentElement.classList.contains('lvln-busy')")


def test_record_with_the_webcam(visit: Callable[..., Explorer]) -> None:
    explorer = visit()
    page = explorer.page
    explorer.context.grant_permissions(["camera"])
    explorer.tab("Webcam")
    page.locator("#webcam button").first.click()  # asks for the camera
    record = page.locator("#webcam button[aria-label*=ecord]").first
    record.click()
    page.wait_for_timeout(2500)
    with explorer.new_rollout():
        page.locator("#webcam button[aria-label*=top], #webcam button[aria-label*=ecord]").first.click()
    assert explorer.state("rollout.clip") == "your video"
    explorer.wait(PLAYABLE)


def test_a_circle_is_set_off_by_hand(explorer: Explorer) -> None:
    explorer.tab("Circle")
    view = explorer.page.locator("#view-circle")
    canvas = view.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    mouse = explorer.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.down()
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.9, steps=4)
    mouse.up()
    expect(view.locator(".note")).to_contain_text("90°")
    with explorer.new_rollout():
        view.locator(".go").click()
    clip = explorer.state("rollout.clip_id")
    assert clip.startswith("circle:90.0,24.0,26,ffffff")
    assert explorer.state("rollout.clip") == "Your circle"
    assert explorer.page.evaluate("lvln.address()").endswith(f"view=Predict&t={explorer.state('cursor')}")

    canvas.focus()
    explorer.page.keyboard.press("ArrowRight")
    expect(view.locator(".note")).to_contain_text("100°")
