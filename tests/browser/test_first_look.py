"""What a visitor sees before and without a click: the finished example, the player, the theme, the keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from driver import VIEWS, Explorer
from playwright.sync_api import expect

from vp.ui.events import LOADING

pytestmark = pytest.mark.browser

PANELS = [f"#view-stage [data-panel={name}] canvas" for name in ("truth", "prediction", "copy")]

SETTLE = "document.getAnimations().forEach((a) => a.effect.getTiming().iterations < Infinity && a.finish())"
FOCUSED = "places => Object.keys(places).filter((name) => document.activeElement.matches(places[name]))"
# The radio buttons themselves are hidden: their labels show the focus.
AROUND = """() => {
  const element = document.activeElement;
  window.focused = element;
  const { x, y, width, height } = (element.closest("label") || element).getBoundingClientRect();
  const left = Math.max(0, x - 8);
  const top = Math.max(0, y - 8);
  const [right, bottom] = [Math.min(innerWidth, x + width + 8), Math.min(innerHeight, y + height + 8)];
  return { x: left, y: top, width: right - left, height: bottom - top };
}"""


def test_a_finished_example_without_a_click(explorer: Explorer, capsys: pytest.CaptureFixture) -> None:
    page = explorer.page
    for panel in PANELS:
        assert explorer.pixels(panel)[1] > 16, f"{panel} is empty"
    seen, horizon = explorer.state("rollout.seen"), explorer.state("rollout.horizon")
    assert page.locator("#view-stage .cell").count() == seen + horizon
    assert page.locator("#view-stage .cell.predicted").count() == horizon
    expect(page.locator("#view-stage .headline")).to_contain_text("repeating the last frame")
    expect(page.locator("#view-stage .details")).to_contain_text(explorer.state("rollout.clip"))

    assert page.locator("#view-predict .strip").count() == 6
    for canvas in page.locator("#view-predict .strip.predicted canvas").all():
        assert canvas.is_visible()
    assert page.locator("#view-predict table.scores tbody tr").count() == 2 * horizon
    expect(page.locator("#view-gallery .clip").nth(1)).to_be_visible()
    explorer.wait("document.querySelector('#player video')?.readyState >= 2")
    # This visitor wants no motion, so nothing moves by itself.
    assert explorer.state("cursor") == 0
    assert not explorer.state("playing")
    with capsys.disabled():
        print(f"\nfrom address to picture: {explorer.opened:.1f} s")


def test_every_view_opens(explorer: Explorer) -> None:
    for name in VIEWS:
        assert len(explorer.view(name).inner_text()) > 40, name

    about = explorer.view("About")
    rows = about.locator("table").first.locator("tbody tr")  # the model card may have more
    names = ["L-VLN", "One-frame", "Full-res", "The paper's design"]
    expect(rows).to_have_count(len(names))  # they come after the text
    assert [row.locator("td").first.inner_text() for row in rows.all()] == names
    expect(about).not_to_contain_text("not available")
    expect(about).to_contain_text("128×160")
    expect(about).to_contain_text("MIT")


def test_a_click_before_the_networks_are_there_is_told_so(explorer: Explorer) -> None:
    busy = explorer.page.locator("#view-stage .busy")
    explorer.page.evaluate("message => lvln.connect({ props: { value: message }, watch() {} })", LOADING)
    expect(busy).to_contain_text("Loading the network")
    explorer.page.evaluate("lvln.busy(false)")
    expect(busy).to_be_empty()


def test_play_and_pause(visit: Callable[..., Explorer]) -> None:
    explorer = visit(motion=True)
    button = explorer.page.locator("#view-stage .play")
    assert explorer.state("playing")
    expect(button).to_have_attribute("aria-label", "pause")
    first = explorer.state("cursor")
    explorer.wait(f"lvln.state.cursor !== {first}")

    button.click()
    expect(button).to_have_attribute("aria-label", "play")
    rest = explorer.state("cursor")
    explorer.page.wait_for_timeout(1100)  # it rests for 900 ms at most
    assert explorer.state("cursor") == rest

    button.click()
    explorer.wait(f"lvln.state.cursor !== {rest}")


def test_keys_and_clicks_move_the_one_cursor(explorer: Explorer) -> None:
    page, last = explorer.page, explorer.page.evaluate("lvln.frames() - 1")
    line = page.locator("#view-stage .timeline")
    line.focus()
    before = explorer.pixels(PANELS[0])
    for key, cursor in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("Home", 0), ("End", last)):
        line.press(key)
        assert explorer.state("cursor") == cursor, key
    assert explorer.pixels(PANELS[0]) != before
    line.press("ArrowRight")
    assert explorer.state("cursor") == last
    expect(line).to_have_attribute("aria-valuenow", str(last + 1))
    expect(line).to_have_attribute("aria-valuetext", f"predicted frame {explorer.state('rollout.horizon')}")
    expect(page.locator("#view-predict .strip.predicted .cell.now")).to_have_attribute("data-t", str(last))

    page.locator("#view-stage .cell").nth(1).click()
    assert explorer.state("cursor") == 1
    page.locator(f"#view-predict .strip.predicted .cell[data-t='{last}']").click()
    assert explorer.state("cursor") == last
    expect(page.locator("#view-stage .cell").nth(last)).to_have_class("cell predicted now")

    line.focus()
    line.press("Space")
    assert explorer.state("playing")
    line.press("Space")
    assert not explorer.state("playing")


def test_dark_and_light(visit: Callable[..., Explorer]) -> None:
    explorer = visit()
    page = explorer.page
    colour = "getComputedStyle(document.querySelector('.stage')).backgroundColor"
    explorer.view("Memory")
    explorer.wait("document.querySelector('#view-memory .steps .step')")
    light, grid = page.evaluate(colour), explorer.pixels("#view-memory .grid canvas")
    assert not page.evaluate("document.body.classList.contains('dark')")
    page.locator("#view-header .theme").click()
    assert page.evaluate("document.body.classList.contains('dark')")
    assert page.evaluate(colour) != light
    assert explorer.pixels("#view-memory .grid canvas") != grid

    explorer.open()
    assert page.evaluate("document.body.classList.contains('dark')"), "the choice is forgotten on the next visit"
    page.locator("#view-header .theme").click()
    assert page.evaluate(colour) == light


def test_dark_where_the_system_is_dark(visit: Callable[..., Explorer]) -> None:
    assert visit(scheme="dark").page.evaluate("document.body.classList.contains('dark')")


def focus_shows(explorer: Explorer) -> bool:
    """Whether the element with the focus looks different without it. The next Tab goes on from there."""
    page = explorer.page
    page.evaluate(SETTLE)
    around = page.evaluate(AROUND)
    focused = page.screenshot(clip=around)
    page.evaluate("focused.blur()")
    page.evaluate(SETTLE)
    plain = page.screenshot(clip=around)
    return focused != plain


@pytest.mark.parametrize("width", [390, 1440])
def test_scores_of_the_model_card_keep_their_lines(visit: Callable[..., Explorer], width: int) -> None:
    explorer = visit(width=width)
    about = explorer.view("About")
    about.get_by_text("Model card").click()
    cell = about.locator("td").filter(has_text=re.compile(r"^\s*\+\d\.\d\d / \+\d\.\d\d / \+\d\.\d\d\s*$")).first
    cell.scroll_into_view_if_needed()
    assert cell.bounding_box()["height"] < 48  # one line of 13 px
    assert explorer.overflow() <= 0


@pytest.mark.parametrize("width", [390, 820])
def test_narrow_windows(visit: Callable[..., Explorer], width: int) -> None:
    explorer = visit(width=width, height=844)
    for name in VIEWS:
        content = explorer.view(name)
        explorer.page.wait_for_timeout(300)
        assert explorer.overflow() <= 0, name
        box = content.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width + 1, name
    for panel in PANELS:
        explorer.page.locator(panel).scroll_into_view_if_needed()
        expect(explorer.page.locator(panel)).to_be_in_viewport()
    # The stage comes first, the choice of clips after it.
    boxes = [explorer.page.locator(where).bounding_box() for where in ("#view-stage", "#sources")]
    if width < 900:
        assert boxes[0]["y"] < boxes[1]["y"]


def test_the_keyboard_reaches_everything(explorer: Explorer) -> None:
    page = explorer.page
    explorer.view("Memory")
    explorer.wait("document.querySelector('#view-memory .steps .step')")
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    places = {
        "theme": "#view-header .theme",
        "gallery": "#view-gallery .clip",
        "model": "#model input",
        "start": "#start input[type=range]",
        "fps": "#fps input",
        "seen": "#seen input[type=range]",
        "horizon": "#horizon input[type=range]",
        "play": "#view-stage .play",
        "time line": "#view-stage .timeline",
        "tabs": "#views [role=tab]",
        "block": "#view-memory [data-choice=block] input",
        "filters": "#view-memory .grid canvas",
        "overlay": "#view-memory .overlay input",
    }
    reached, unseen = set(), []
    for _ in range(150):
        page.keyboard.press("Tab")
        for name in page.evaluate(FOCUSED, places):
            if name not in reached and not focus_shows(explorer):
                unseen.append(name)
            reached.add(name)
        if reached == set(places):
            break
    assert reached == set(places)
    assert not unseen, f"nothing shows that the focus is on: {', '.join(unseen)}"

    page.locator("#view-memory .grid canvas").focus()
    title = page.locator("#view-memory .detail h4").inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#view-memory .detail h4")).not_to_have_text(title)


@pytest.mark.parametrize("width", [390, 1360])
def test_the_tour_leads_through_one_clip(visit: Callable[..., Explorer], width: int) -> None:
    explorer = visit(width=width)
    page = explorer.page
    page.locator("#view-header .tour").click()
    card = page.locator(".lvln-tour")
    titles = []
    # What each scene leaves behind: it does something.
    done = (".stage .cell", ".silence .verdict", ".memory_reset svg", ".number .sum", ".answers h4")
    for place in range(5):
        expect(card.locator("small")).to_have_text(f"{place + 1} of 5")
        expect(page.locator(".lvln-toured")).to_have_count(1)
        expect(page.locator(done[place]).first).to_be_visible()
        expect(page.locator(".lvln-toured")).to_be_in_viewport()
        titles.append(card.locator("h3").inner_text())
        assert explorer.overflow() <= 0
        page.keyboard.press("Enter")  # the next button has the focus
    expect(card).to_have_count(0)
    assert len(set(titles)) == 5
    expect(page.locator("#view-header .tour")).to_be_focused()
    assert page.locator("[data-part='C1']").get_attribute("aria-pressed") == "true"
    page.keyboard.press("Enter")
    expect(card).to_be_visible()
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)


def test_a_word_explains_itself_to_mouse_keyboard_and_touch(explorer: Explorer) -> None:
    word = explorer.view("Ladder").locator("[data-word=ladder]")
    tip = explorer.page.locator(".lvln-tip")
    word.hover()
    expect(tip).to_contain_text("memories are the rungs")
    explorer.page.mouse.move(1, 1)
    expect(tip).to_have_count(0)
    word.focus()
    expect(tip).to_be_visible()
    explorer.page.keyboard.press("Escape")
    expect(tip).to_have_count(0)
    word.dispatch_event("click")  # as a finger does
    expect(tip).to_be_visible()
    known = explorer.page.evaluate("[...document.querySelectorAll('.word')].map((word) => word.dataset.word)")
    for name in set(known):
        explorer.page.locator(f"[data-word={name}]").first.dispatch_event("click")
        expect(tip).not_to_contain_text("undefined")


def test_the_stage_shows_either_bar_and_says_who_is_ahead(explorer: Explorer) -> None:
    scores = explorer.state("rollout.scores")
    assert len(scores["flow_psnr"]) == len(scores["psnr"])
    explorer.page.evaluate("lvln.setCursor(lvln.state.rollout.seen + 1)")
    panel = explorer.page.locator("#view-stage [data-panel=copy]")
    expect(panel.locator(".note")).to_have_text(f"{scores['copy_last_psnr'][1]:.1f} dB")
    explorer.changes(PANELS[2], panel.locator("[data-bar=flow]").click)
    expect(panel.locator("[data-bar=flow]")).to_have_attribute("aria-pressed", "true")
    expect(panel.locator(".note")).to_have_text(f"{scores['flow_psnr'][1]:.1f} dB")
    headline = explorer.page.locator("#view-stage .headline small")
    expect(headline).to_contain_text("tuned flow")
    # A clip on which the flow is ahead says so.
    explorer.page.evaluate("""() => {
      const { rollout } = lvln.state;
      const flow_psnr = rollout.scores.psnr.map((v) => v + 0.7);
      lvln.show({ ...rollout, scores: { ...rollout.scores, flow_psnr } });
    }""")
    expect(headline).to_have_text("but tuned flow is 0.7 dB ahead of it here")


def test_a_network_offers_the_frames_that_it_was_trained_on(explorer: Explorer) -> None:
    advice = explorer.page.locator("#view-stage .advice")
    expect(advice).to_be_hidden()
    with explorer.new_rollout():
        explorer.page.locator("#model label:has(input[value=lvln])").click()
    wanted = explorer.state("rollout.made_for")
    assert wanted != explorer.state("rollout.seen")
    expect(advice).to_contain_text(f"L-VLN was trained on {wanted} seen frames.")
    with explorer.new_rollout():
        advice.locator("button").click()
    assert explorer.state("rollout.seen") == wanted
    expect(advice).to_be_hidden()


def test_a_phone_shows_all_views_side_by_side(visit: Callable[..., Explorer]) -> None:
    explorer = visit(width=390)
    switch = explorer.page.locator("#view-switch button")
    expect(switch.locator("visible=true")).to_have_count(len(VIEWS))
    switch.get_by_text("Motion", exact=True).click()
    expect(explorer.page.locator("#view-motion")).to_be_visible()
    expect(explorer.page.locator("#view-switch [aria-current=true]")).to_have_text("Motion")


def test_the_player_stays_where_it_is_when_the_clips_come(visit: Callable[..., Explorer]) -> None:
    explorer = visit()
    top = "Math.round(document.querySelector('#player').getBoundingClientRect().top + scrollY)"
    expect(explorer.page.locator("#view-gallery .clip").nth(1)).to_be_visible()
    explorer.page.locator("#player").wait_for()
    there = explorer.page.evaluate(top)
    explorer.page.evaluate("document.querySelector('#view-gallery .grid').replaceChildren()")
    assert abs(explorer.page.evaluate(top) - there) <= 8
