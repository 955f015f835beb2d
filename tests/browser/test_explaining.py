"""One number, one filter, one moment: what the Memory view explains."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pytest
from driver import PIXELS, Explorer
from PIL import Image
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

CLIP = "#clip=walk.mp4&model=one_frame&start=0.5&fps=10&seen=5&horizon=3"
PAD = 14  # pixels of the page around a view in its picture
NUMBER = CLIP + "&view=Memory&t=4&block=C2&kernel=5x5&quantity=h&filter=4&row=0&column=20"


def number(text: str) -> float:
    return float(re.sub(r"[^\d.−]", "", text).replace("−", "-"))


def arrived(explorer: Explorer) -> Locator:
    """The panel of one number, once the page shows what a link to it names."""
    panel = explorer.page.locator("#view-memory .number")
    expect(panel.locator("h4")).to_have_text("One number: row 0, column 20 of C2 5×5 4 at step 5")
    return panel


def test_a_link_leads_to_one_number_whose_terms_add_up(visit) -> None:
    explorer = visit(fragment=NUMBER)
    panel = arrived(explorer)
    sums = panel.locator(".sum")
    expect(sums).to_have_count(3)
    for box in sums.all():
        terms = box.locator(".term")
        expect(terms).to_have_count(7)
        for canvas in terms.first.locator("canvas").all():
            assert canvas.get_attribute("width") == "5"
        added = [number(text.split("\n")[-1]) for text in box.locator(".term span, .rest").all_inner_texts()]
        total = number(box.locator(".total b").first.inner_text())
        assert sum(added) == pytest.approx(total, abs=0.005 * (len(added) + 1))
    z, r, n = (number(text) for text in sums.locator(".value b").all_inner_texts())
    assert 0 <= z <= 1 and 0 <= r <= 1 and -1 <= n <= 1
    equation = panel.locator(".equation").inner_text()
    kept, before, again, candidate, after = re.fullmatch(
        r".*= \(1 − (\S+)\) · (\S+) \+ (\S+) · (\S+) = (\S+)", equation
    ).groups()
    assert number(kept) == number(again) == z
    assert number(after) == pytest.approx((1 - z) * number(before) + z * number(candidate), abs=0.02)
    assert "&row=0&column=20" in explorer.page.evaluate("lvln.address()")


def test_one_number_follows_the_time_line_the_mouse_and_the_keys(visit) -> None:
    explorer = visit(fragment=NUMBER)
    panel = arrived(explorer)
    before = panel.locator(".equation").inner_text()
    explorer.page.evaluate("lvln.goTo(6)")
    expect(panel.locator("h4")).to_have_text(re.compile("at step 7$"))
    assert panel.locator(".equation").inner_text() != before

    large = explorer.page.locator("#view-memory .large canvas")
    large.scroll_into_view_if_needed()
    box = large.bounding_box()
    rows, columns = explorer.state("rollout.blocks.C2").copy()[1:]
    at = {"x": box["width"] * 7.5 / columns, "y": box["height"] * 5.5 / rows}
    looks = explorer.page.locator("#view-memory .looks")
    large.hover(position=at)
    expect(looks.locator("figcaption")).to_contain_text("Row 5, column 7 looks at")
    expect(looks.locator("figcaption")).to_contain_text(re.compile("moved|no motion"))
    large.click(position=at)
    expect(panel.locator("h4")).to_contain_text("row 5, column 7 of")
    explorer.page.mouse.move(0, 0)
    large.focus()
    explorer.page.keyboard.press("ArrowRight")
    expect(panel.locator("h4")).to_contain_text("row 5, column 8 of")


def test_one_number_comes_at_once(visit, capsys: pytest.CaptureFixture) -> None:
    """On two idle cores well below 300 ms; a machine that is shared gets more, and tells."""
    explorer = visit(fragment=NUMBER)
    arrived(explorer)
    took = []
    for column in range(3, 8):
        begin = time.monotonic()
        explorer.page.evaluate(
            "([column]) => lvln.look('one_number', { block: 'C2', kernel: '5x5', filter: 1, step: 3, row: 4, column })",
            [column],
        )
        took.append(time.monotonic() - begin)
    with capsys.disabled():
        print(f"\none number: {1000 * sorted(took)[2]:.0f} ms")
    assert min(took) < 1.5


def test_one_filter_says_what_it_answers_to_and_leads_there(visit) -> None:
    explorer = visit(fragment=NUMBER)
    arrived(explorer)
    panel = explorer.page.locator("#view-memory .answers")
    expect(panel.locator("h4")).to_have_text("What filter 4 of C2, 5×5 answers to")
    loops = panel.locator(".loop")
    expect(loops).to_have_count(6)
    panel.scroll_into_view_if_needed()
    explorer.wait("[...document.querySelectorAll('.answers .loop canvas')].every((canvas) => canvas.width > 144)")
    for canvas in loops.locator("canvas").all():
        assert canvas.evaluate(PIXELS)[1] > 16
    expect(panel.locator(".polar path")).to_have_count(4 * 8)
    expect(panel.locator(".polar figcaption")).to_contain_text("Mean state by the motion")
    expect(panel.locator(".lost .bars i")).not_to_have_count(0)

    explorer.changes("#view-memory .answers .loop canvas", lambda: panel.locator("label:has(input[value=dh])").click())
    named = loops.last.get_attribute("href")
    with explorer.new_rollout():
        loops.last.click()
    values = dict(part.split("=") for part in named[1:].split("&"))
    assert explorer.state("rollout.clip_id") == values["clip"] and values["quantity"] == "dh"
    explorer.wait(f"lvln.state.cursor === {values['t']}")
    heading = f"row {values['row']}, column {values['column']} of C2 5×5 4 at step {int(values['t']) + 1}"
    expect(explorer.page.locator("#view-memory .number h4")).to_have_text(f"One number: {heading}")


def test_one_moment_finds_filters_and_times_alike(visit) -> None:
    explorer = visit(fragment=NUMBER + "&first=2&last=5&region=0.5,0,1,0.5")
    arrived(explorer)
    panel = explorer.page.locator("#view-memory .moment")
    panel.scroll_into_view_if_needed()
    expect(panel.locator("h4")).to_have_text("One moment of filter 4 of C2, 5×5")
    others = panel.locator(".others button")
    expect(others).to_have_count(8)
    expect(panel.locator(".part")).to_be_visible()
    ends = panel.locator("input")
    assert [end.input_value() for end in ends.all()] == ["3", "6"]
    expect(panel.locator(".again .loop .spark")).to_have_count(6)
    before = others.first.inner_text()
    panel.locator(".part button").click()
    expect(panel.locator(".part")).to_be_hidden()
    expect(others.first).not_to_have_text(before)

    course = panel.locator(".course")
    course.scroll_into_view_if_needed()
    box = course.bounding_box()
    mouse = explorer.page.mouse
    mouse.move(box["x"] + box["width"] * 0.5 / 7, box["y"] + 20)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 4.5 / 7, box["y"] + 20, steps=5)
    mouse.up()
    assert [end.input_value() for end in ends.all()] == ["1", "5"]
    ends.first.fill("4")
    ends.first.press("Tab")
    assert [end.input_value() for end in ends.all()] == ["4", "6"]  # three steps at least
    explorer.wait("lvln.address().includes('first=3&last=5')")

    # Read and clicked in one breath: the answer about the new stretch may change the list in between.
    block = others.first.evaluate("(one) => (one.click(), one.querySelector('b').textContent.split(' ')[0])")
    expect(explorer.page.locator("#view-memory .detail h4")).to_contain_text(f"of {block}, ")


def test_what_is_explained_is_in_the_picture_of_the_view(visit, tmp_path: Path) -> None:
    explorer = visit(fragment=NUMBER + "&first=2&last=5&region=0.5,0,1,0.5")
    arrived(explorer)
    page, view = explorer.page, explorer.page.locator("#view-memory .memory")
    panels = {".number": ".sum", ".moment": ".others button", ".answers": ".polar path"}
    for panel, content in panels.items():
        view.locator(panel).scroll_into_view_if_needed()
        expect(view.locator(f"{panel} {content}").first).to_be_visible()
    with page.expect_download() as download:
        page.locator("#view-stage .snap").click()
    assert download.value.suggested_filename == "one_frame-memory.png"
    download.value.save_as(tmp_path / "view.png")
    picture = np.asarray(Image.open(tmp_path / "view.png").convert("RGB")).astype(int)
    whole = view.bounding_box()
    scale = picture.shape[1] / (whole["width"] + 2 * PAD)
    for panel in panels:
        box = view.locator(f"{panel} .body").bounding_box()
        top, left = (round(scale * (box[side] - whole[side] + PAD)) for side in "yx")
        part = picture[top : top + round(scale * box["height"]), left : left + round(scale * box["width"])]
        colours = np.unique(part @ (1 << 16, 1 << 8, 1))
        assert len(colours) > 100 and part.std() > 8, panel


def test_explanations_fit_a_phone(visit) -> None:
    explorer = visit(width=390, fragment=NUMBER)
    panel = arrived(explorer)
    expect(panel.locator(".sum").last).to_be_visible()
    assert explorer.overflow() <= 0
