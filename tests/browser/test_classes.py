"""The Classes view."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from driver import Explorer
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser


def opened(explorer: Explorer) -> Locator:
    view = explorer.view("Classes")
    expect(view.locator(".board")).to_be_visible(timeout=60_000)
    return view


def test_a_clip_is_watched_and_scored(explorer: Explorer) -> None:
    view = opened(explorer)
    bars = view.locator(".bars div")
    expect(bars).to_have_count(8)
    scores = [float(text.split()[0]) for text in bars.locator("b").all_inner_texts()]
    assert scores == sorted(scores, reverse=True) and 0 < sum(scores) <= 101
    expect(view.locator(".verdict h3")).not_to_be_empty()
    expect(view.locator(".course .series")).to_have_count(4)
    # The window on show is a band on the course, and the cursor moves in it.
    before = view.locator(".course .cursor").get_attribute("d")
    explorer.page.evaluate("lvln.setCursor(5)")
    assert view.locator(".course .cursor").get_attribute("d") != before
    expect(view.locator(".memories th[scope=colgroup]")).to_have_text(["appearance", "motion"])
    expect(view.locator(".memories th[scope=row]")).to_have_text(["C1", "C2", "C3", "C4"])
    # Of C1 nothing is heard but the match of the finest level.
    assert [len(row.locator("td:not(:empty)").all()) for row in view.locator(".memories tbody tr").all()] == [
        1,
        5,
        5,
        5,
    ]
    assert explorer.pixels("#view-classes .where canvas")[1] > 32

    looks = view.locator(".looks button")
    last = looks.count() - 1
    pressed = [b.get_attribute("aria-pressed") for b in looks.all()].index("true")
    other = 0 if pressed == last else last
    explorer.changes("#view-classes .where > canvas", lambda: looks.nth(other).click())
    expect(looks.nth(other)).to_have_attribute("aria-pressed", "true")


def test_it_says_what_is_motion_and_what_is_appearance(explorer: Explorer) -> None:
    """In numbers, over time, and at every place."""
    view = opened(explorer)
    sums = [float(text.replace("−", "-")) for text in view.locator(".streams b").all_inner_texts()]
    cells = {}
    for row in view.locator(".memories tbody tr").all():
        for column, cell in enumerate(row.locator("td").all()):
            if text := cell.inner_text().strip():
                cells.setdefault(column < 4, []).append(float(text.replace("−", "-")))
    assert sums == pytest.approx([sum(cells[True]), sum(cells[False])], abs=0.12)  # of rounded numbers
    expect(view.locator(".when .series text")).to_have_text(["appearance", "motion"])
    for stream in ("motion", "appearance", "both"):
        button = view.locator(f".which [data-stream={stream}]")
        explorer.changes("#view-classes .where > canvas", button.click)
        expect(button).to_have_attribute("aria-pressed", "true")


def test_a_memory_is_silenced_and_heard_again(explorer: Explorer) -> None:
    view = opened(explorer)
    whole = view.locator(".memories").inner_text()
    view.locator(".memories [data-part='C3.5x5']").click()
    expect(view.locator(".verdict small")).to_contain_text("without C3.5×5")
    expect(view.locator(".memories [data-part='C3.5x5']")).to_have_attribute("aria-pressed", "true")
    assert view.locator(".memories").inner_text() != whole
    view.locator(".memories [data-part='C3.5x5']").click()
    expect(view.locator(".verdict small")).not_to_contain_text("without")
    assert view.locator(".memories").inner_text() == whole


def test_a_filter_that_speaks_for_it_can_be_entered(explorer: Explorer) -> None:
    view = opened(explorer)
    button = view.locator(".filters button").first
    block, kernel, number = re.match(r"(C\d) (\d×\d) · (\d+)", button.inner_text().replace("\n", " ")).groups()
    button.click()
    heading = explorer.page.locator("#view-memory .detail h4")
    expect(heading).to_have_text(f"Filter {number} of {block}, {kernel}", timeout=60_000)


def test_another_clip_gets_its_own_scores_and_the_same_one_none_anew(explorer: Explorer) -> None:
    view = opened(explorer)
    before = view.locator(".bars").inner_text()
    with explorer.new_rollout():
        explorer.page.locator("#model label:has(input[value=lvln])").click()
    expect(view.locator(".board")).to_be_visible()
    assert view.locator(".bars").inner_text() == before
    with explorer.new_rollout():
        explorer.page.locator("#view-gallery .clip:not(.chosen)").nth(3).click()
    expect(view.locator(".board")).to_be_visible(timeout=60_000)
    assert view.locator(".bars").inner_text() != before


@pytest.mark.ucf101
def test_an_uploaded_original_is_recognised(explorer: Explorer, originals: list[Path]) -> None:
    """Not every one is; a horse race looks like nothing else."""
    path = next(p for p in originals if "HorseRace" in p.name)
    with explorer.new_rollout():
        explorer.upload(path)
    view = opened(explorer)
    expect(view.locator(".verdict h3")).to_have_text("Horse Race")
    expect(view.locator(".bars .top")).to_contain_text("Horse Race")


def test_silenced_memories_change_the_scores(explorer: Explorer) -> None:
    view = explorer.view("Experiments")
    view.locator("[data-part='C1']").click()
    view.locator(".said > button").click()
    expect(view.locator(".said .status")).to_have_text(re.compile("memories of C2, C3, C4 only"), timeout=60_000)
    view.locator("[data-part='C4']").click()
    expect(view.locator(".said table")).to_have_count(0)  # what follows is about the new prediction
    view.locator(".said > button").click()
    expect(view.locator(".said .status")).to_be_empty(timeout=60_000)
    expect(view.locator(".said table")).to_be_visible(timeout=60_000)
    rows = view.locator(".said tbody tr")
    assert 3 <= rows.count() <= 5
    texts = [row.locator("td:not(.bars)").all_inner_texts() for row in rows.all()]
    assert any(untouched != without for untouched, without in texts)


def test_it_fits_a_phone(visit) -> None:
    explorer = visit(width=390)
    opened(explorer)
    assert explorer.overflow() <= 0
