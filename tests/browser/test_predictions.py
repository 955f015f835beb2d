"""From the gallery and the controls to other predictions, and what the views make of them."""

from __future__ import annotations

import re
from itertools import product

import pytest
from driver import Explorer
from playwright.sync_api import expect

from vp.models import BLOCKS, KERNELS, NAMES, TITLES

pytestmark = pytest.mark.browser

GRID, LARGE = "#view-memory .grid canvas", "#view-memory .large canvas"


def test_pick_a_clip(explorer: Explorer, capsys: pytest.CaptureFixture) -> None:
    page, before = explorer.page, explorer.state("rollout.clip_id")
    picture = explorer.pixels("#view-stage [data-panel=prediction] canvas")
    others = page.locator("#view-gallery .clip:not(.chosen)")
    expect(others.first).to_be_visible()
    wanted = others.first.get_attribute("data-id")
    assert wanted != before
    with explorer.new_rollout() as result:
        others.first.click()
    assert explorer.state("rollout.clip_id") == wanted
    assert explorer.state("rollout.start") == 0
    assert explorer.pixels("#view-stage [data-panel=prediction] canvas") != picture
    expect(page.locator("#view-gallery .clip.chosen")).to_have_attribute("data-id", wanted)
    expect(page.locator("#view-stage .details")).to_contain_text(explorer.state("rollout.clip"))
    with capsys.disabled():
        print(f"\nfrom click to picture: {result['ms']:.0f} ms, of which the network {network(explorer):.0f} ms")

    with explorer.new_rollout() as result:
        page.locator(f"#view-gallery .clip[data-id='{before}']").click()
    assert explorer.state("rollout.clip_id") == before
    with capsys.disabled():
        print(f"from click to picture: {result['ms']:.0f} ms, of which the network {network(explorer):.0f} ms")
    explorer.wait("document.querySelector('#player video')?.readyState >= 2")


def network(explorer: Explorer) -> float:
    return 1000 * explorer.state("rollout.seconds")


def test_every_control_predicts_anew(explorer: Explorer) -> None:
    page = explorer.page
    for name in ("lvln", "full_res", "one_frame"):
        with explorer.new_rollout():
            page.locator(f"#model label:has(input[value={name}])").click()
        assert explorer.state("rollout.model") == name
        expect(page.locator("#view-stage .details")).to_contain_text(TITLES[name])
        assert explorer.state("rollout.size") == ([128, 160] if name == "lvln" else [64, 96])

    with explorer.new_rollout():
        page.locator("#fps label:has(input[value='15'])").click()
    assert explorer.state("rollout.fps") == 15

    for name, key, by in (("start", "ArrowRight", 0.1), ("seen", "ArrowRight", 1), ("horizon", "ArrowLeft", -1)):
        before = explorer.state(f"rollout.{name}")
        with explorer.new_rollout():
            page.locator(f"#{name} input[type=range]").press(key)
        assert explorer.state(f"rollout.{name}") == pytest.approx(before + by), name
    seen, horizon = explorer.state("rollout.seen"), explorer.state("rollout.horizon")
    assert page.locator("#view-stage .cell").count() == seen + horizon

    # Typed into the field beside the slider.
    with explorer.new_rollout():
        page.locator("#horizon input[type=number]").fill("7")
        page.locator("#horizon input[type=number]").press("Enter")
    assert explorer.state("rollout.horizon") == 7
    # The slider's end moves with the window: the last start still has every frame.
    rest = page.evaluate("Number(document.querySelector('#start input[type=range]').max)")
    assert 0 < rest < 120


def test_a_quick_hand_gets_its_last_wish(explorer: Explorer) -> None:
    page = explorer.page
    for name in ("lvln", "full_res", "lvln", "full_res"):
        page.locator(f"#model label:has(input[value={name}])").click()
    explorer.wait(
        "lvln.state.rollout.model === 'full_res' && !document.documentElement.classList.contains('lvln-busy')"
    )
    page.wait_for_timeout(3000)
    assert explorer.state("rollout.model") == "full_res"


def test_memory_shows_every_block_kernel_and_quantity(explorer: Explorer) -> None:
    memory = explorer.view("Memory")
    explorer.wait("document.querySelector('#view-memory .steps .step')")

    def choose(group: str, value: str) -> None:
        memory.locator(f"[data-choice={group}] label:has(input[value='{value}'])").click()

    def settled(block: str, kernel: str) -> None:
        expect(memory.locator(".detail h4")).to_contain_text(f"{block}, {kernel.replace('x', '×')}")
        expect(memory.locator(".memory > .status")).to_be_empty()

    pictures = set()
    sizes = {block: explorer.state(f"rollout.blocks.{block}") for block in BLOCKS}
    for block, kernel in product(BLOCKS, KERNELS):
        choose("block", block)
        choose("kernel", kernel)
        settled(block, kernel)
        picture, levels = explorer.pixels(GRID)
        assert levels > 8, (block, kernel)
        pictures.add(picture)
        height, width = memory.locator(".steps canvas").first.evaluate("c => [c.height, c.width]")
        assert [height, width] == sizes[block][-2:]
    assert len(pictures) == 12

    for quantity in ("dh", "z", "r", "n", "h"):
        explorer.changes(GRID, lambda q=quantity: choose("quantity", q))
        expect(memory.locator(".legend small")).not_to_be_empty()
    explorer.changes(GRID, lambda: choose("scale", "each"))
    explorer.changes(GRID, lambda: choose("sort", "index"))


def test_memory_filters_overlay_and_cursor(explorer: Explorer) -> None:
    page, memory = explorer.page, explorer.view("Memory")
    explorer.wait("document.querySelector('#view-memory .steps .step')")
    title = memory.locator(".detail h4")
    before = title.inner_text()
    box = page.locator(GRID).bounding_box()
    explorer.changes(LARGE, lambda: page.locator(GRID).click(position={"x": box["width"] * 0.45, "y": 20}))
    assert title.inner_text() != before
    assert re.fullmatch(r"Filter \d+ of C1, 3×3", title.inner_text())
    expect(memory.locator(".numbers")).to_contain_text("step 1")
    explorer.changes(LARGE, lambda: memory.locator(".overlay").click())
    explorer.changes(LARGE, lambda: memory.locator(".overlay").click())

    line = page.locator("#view-stage .timeline")
    steps = memory.locator(".steps .step")
    assert steps.count() == explorer.state("rollout.steps")
    for step in range(1, 4):
        explorer.changes(GRID, lambda: line.press("ArrowRight"))
        assert "now" in steps.nth(step).get_attribute("class").split()
    explorer.changes(GRID, lambda: steps.nth(0).click())
    assert explorer.state("cursor") == 0

    with explorer.new_rollout():
        page.locator("#model label:has(input[value=full_res])").click()
    expect(memory.locator(".memory > .status")).to_be_empty()
    expect(steps).to_have_count(explorer.state("rollout.steps"))
    assert explorer.pixels(GRID)[1] > 8


def test_compare_has_three_cards_with_numbers(explorer: Explorer) -> None:
    page, board = explorer.page, explorer.view("Compare")
    cards = board.locator(".model")
    expect(cards).to_have_count(3, timeout=60_000)
    horizon = explorer.state("rollout.truths")
    for card, name in zip(cards.all(), NAMES, strict=True):
        expect(card.locator("h3")).to_contain_text(TITLES[name])
        expect(card.locator(".result")).to_contain_text("repeating the last frame")
        numbers = card.locator("tbody td").all_inner_texts()
        assert len(numbers) == 3 * horizon
        assert all(re.fullmatch(r"[+−]?\d+\.\d+( dB)?", text) for text in numbers), numbers
    canvas = "#view-compare .model:nth-child(2) canvas"
    assert explorer.pixels(canvas)[1] > 16
    explorer.changes(canvas, lambda: page.locator("#view-stage .timeline").press("End"))

    # Another window clears the board and fills it again.
    with explorer.new_rollout():
        page.locator("#seen input[type=range]").press("ArrowLeft")
    expect(cards).to_have_count(3, timeout=60_000)
    assert explorer.state("compare.of") == explorer.state("rollout.key")
