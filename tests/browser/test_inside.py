"""The Ladder and Experiments views: looking inside."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from driver import Explorer
from playwright.sync_api import expect

from vp.inspection import moved_by
from vp.models import BLOCKS, KERNELS

pytestmark = pytest.mark.browser


def test_the_ladder_shows_every_stage_and_moves_with_the_time_line(explorer: Explorer) -> None:
    view = explorer.view("Ladder")
    expect(view.locator("[data-stage]")).to_have_count(4 + 4 * 4 + 3)
    names = {tile.get_attribute("data-stage") for tile in view.locator("[data-stage]").all()}
    assert {"e1", "e4", "L1", "L3", "C2.skip"} | {f"{b}.{k}" for b in BLOCKS for k in KERNELS} <= names
    for name in ("e1", "C1.3x3", "L1"):
        assert explorer.pixels(f"#view-ladder [data-stage='{name}'] canvas")[1] > 8, name
    # From the frame, three down, four across, three into the decoder, two up, and from L1 and C1 into the head.
    assert view.locator("svg path[marker-end]").count() == 1 + 3 + 4 + 3 + 2 + 2
    expect(view.locator("[data-moves]")).to_have_count(4)
    for name in ("C1", "C2", "C4"):
        expect(view.locator(f"[data-moves='{name}'] span")).to_have_text(re.compile(r"^[+−]\d+\.\d\d dB$"))
    last = explorer.state("rollout.steps") - 1
    explorer.changes(
        "#view-ladder [data-stage='C1.3x3'] canvas", lambda: explorer.page.evaluate(f"lvln.setCursor({last})")
    )
    expect(view.locator(".makes figcaption")).to_have_text(f"it predicts +{explorer.state('rollout.horizon')}")
    for name in ("C1", "C2", "C3"):  # at the first frame there is no motion to know yet, and C4 moves all alike
        assert explorer.pixels(f"#view-ladder [data-moves='{name}'] canvas")[1] > 8, name

    view.locator("[data-stage='L2']").click()
    expect(view.locator(".detail h4")).to_have_text("L2 through time")
    expect(view.locator(".detail .step")).to_have_count(explorer.state("rollout.steps"))
    view.locator(".detail .step").first.click()
    assert explorer.state("cursor") == 0


def test_a_click_on_a_memory_or_a_motion_enters_it(explorer: Explorer) -> None:
    view = explorer.view("Ladder")
    tile = view.locator("[data-stage='C3.5x5']")
    tile.focus()
    explorer.page.keyboard.press("Enter")
    memory = explorer.page.locator("#view-memory")
    memory.wait_for(state="visible")
    expect(memory.locator(".detail h4")).to_contain_text("of C3, 5×5")
    expect(memory.locator("[data-choice=block] input[value=C3]")).to_be_checked()

    explorer.view("Ladder").locator("[data-moves='C2']").click()
    expect(explorer.page.locator("#view-motion .built")).to_be_visible()


def test_silencing_parts_and_bringing_them_back(explorer: Explorer) -> None:
    box = explorer.view("Experiments").locator("article.silence")
    box.locator("[data-part='C1']").click()
    expect(box.locator(".verdict")).to_contain_text("dB")
    expect(box.locator("[data-part='C1.7x7']")).to_have_attribute("aria-pressed", "true")  # with its block
    expect(box.locator(".line")).to_have_count(2)
    assert explorer.pixels("#view-experiments .silence .line:nth-of-type(1) canvas")[1] > 8
    box.locator("[data-part='C1']").click()
    expect(box.locator(".result")).to_be_empty()

    expect(box.locator("[data-part$='.location']")).to_have_count(2)  # C3 and C4 know their place
    box.locator("[data-part='C3.location']").click()
    expect(box.locator(".line").last).to_contain_text("Without C3.location")
    box.locator("[data-part='C3.location']").click()

    box.locator("input").fill("C1.3x3.2")
    box.locator("button[type=submit]").click()
    expect(box.locator(".line").last).to_contain_text("Without C1.3x3.2")
    box.locator(".clear").click()
    box.locator("input").fill("C1.4x4")
    box.locator("button[type=submit]").click()
    expect(box.locator(".status")).to_contain_text("no ConvGRU 4x4")
    box.locator(".clear").click()
    expect(box.locator(".status")).to_be_empty()


def test_ranking_wiping_and_sweeping(explorer: Explorer) -> None:
    view = explorer.view("Experiments")
    view.locator(".importance .go").click()
    expect(view.locator(".importance tbody tr")).to_have_count(4 + 12)
    for block in view.locator(".importance tbody").all():
        expect(block.locator("tr")).to_have_text([re.compile(text) for text in ("^C[1-4]", "^3×3", "^5×5", "^7×7")])
    view.locator(".memory_reset .go").click()
    expect(view.locator(".memory_reset .verdict")).to_have_text(re.compile("caught up|catch up|fell behind"))
    expect(view.locator(".memory_reset svg .series")).to_have_count(3)
    before = view.locator(".memory_reset .series.wiped path").get_attribute("d")
    view.locator(".memory_reset svg rect").nth(3).click()
    expect(view.locator(".memory_reset .series.wiped path")).not_to_have_attribute("d", before)
    view.locator(".seen_sweep .go").click()
    expect(view.locator(".seen_sweep .series.ours circle")).to_have_count(explorer.state("rollout.seen"))

    view.locator(".importance tbody button").first.click()
    expect(explorer.page.locator("#view-memory .detail h4")).to_be_visible()


def test_where_a_part_of_the_prediction_looks(explorer: Explorer) -> None:
    view = explorer.view("Experiments")
    view.locator(".saliency .go").click()
    expect(view.locator(".saliency .heat figure")).to_have_count(explorer.state("rollout.seen"))
    target = view.locator(".saliency .target canvas")
    target.scroll_into_view_if_needed()
    place = target.bounding_box()
    whole = explorer.pixels("#view-experiments .saliency .heat figure:last-child canvas")
    mouse = explorer.page.mouse
    mouse.move(place["x"] + 0.2 * place["width"], place["y"] + 0.2 * place["height"])
    mouse.down()
    mouse.move(place["x"] + 0.5 * place["width"], place["y"] + 0.6 * place["height"], steps=4)
    mouse.up()
    explorer.wait("document.querySelector('#view-experiments .saliency .target b')?.style.width !== '100%'")
    explorer.wait("!document.querySelector('#view-experiments article.saliency.working')")
    assert explorer.pixels("#view-experiments .saliency .heat figure:last-child canvas") != whole


def test_everything_that_one_filter_does(explorer: Explorer) -> None:
    view = explorer.view("Memory")
    life = view.locator(".life")
    expect(life).to_be_visible()
    steps = explorer.state("rollout.steps")
    rows = life.locator("tr")
    expect(rows).to_have_count(7)  # the frames, h, its change, z, r, n, and h before training
    for row in rows.all():
        expect(row.locator("canvas")).to_have_count(steps)
    expect(rows.locator("th")).to_contain_text(
        ["it reads", "state h", "change of h", "update z", "reset r", "candidate n", "h, untrained"]
    )
    trained, before = (
        explorer.pixels(f"#view-memory .life tr.{kind} td:last-child canvas") for kind in ("h", "before")
    )
    assert trained != before and before[1] > 4
    last = f"#view-memory .life tr.h td:nth-child({steps + 1}) canvas"
    explorer.changes(last, lambda: view.locator("[data-choice=block] label:has(input[value=C2])").click())
    expect(life.locator("h4")).to_contain_text("of C2")
    life.locator(".frames button").nth(2).click()
    assert explorer.state("cursor") == 2
    expect(life.locator("tr.z td").nth(2)).to_have_class(re.compile("now"))


def test_the_spectrum_says_whether_there_is_a_grid(explorer: Explorer) -> None:
    view = explorer.view("Experiments")
    view.locator(".spectrum .go").click()
    expect(view.locator(".spectrum .verdict")).to_contain_text(
        ["One-frame leaves no grid", "The paper's design leaves a grid"]
    )
    kinds = ("truth", "prediction", "paper")
    seen = [explorer.pixels(f"#view-experiments .spectrum .{kind} canvas") for kind in kinds]
    assert all(colours > 32 for _, colours in seen)
    assert len({picture for picture, _ in seen}) == 3
    for kind in kinds[1:]:
        expect(view.locator(f".spectrum .{kind} figcaption")).to_contain_text("dB against repeating the last frame")


def test_another_clip_clears_what_was_found(explorer: Explorer) -> None:
    view = explorer.view("Experiments")
    view.locator(".importance .go").click()
    expect(view.locator(".importance tbody tr")).to_have_count(4 + 12)
    with explorer.new_rollout():
        explorer.page.locator("#view-gallery .clip:not(.chosen)").first.click()
    expect(view.locator(".importance .result")).to_be_empty()


def test_the_views_fit_a_phone(visit) -> None:
    explorer = visit(width=390)
    explorer.view("Ladder").locator("[data-stage='e4']").wait_for()
    assert explorer.overflow() <= 0
    explorer.view("Experiments").locator(".memory_reset .go").click()
    explorer.page.locator(".memory_reset svg").wait_for()
    assert explorer.overflow() <= 0


def test_motion_is_drawn_for_every_step(explorer: Explorer) -> None:
    view = explorer.view("Motion")
    expect(view.locator(".maps > div")).to_have_count(2)
    for panel in ("arrows", "colours"):
        assert explorer.pixels(f"#view-motion .{panel} > canvas")[1] > 8, panel
    explorer.changes(
        "#view-motion .colours > canvas",
        lambda: explorer.page.evaluate(f"lvln.setCursor({explorer.state('rollout.steps') - 1})"),
    )
    expect(view.locator(".arrows .note")).to_contain_text(f"+{explorer.state('rollout.horizon')}")
    expect(view.locator(".painted .note")).to_contain_text("%")
    assert explorer.pixels("#view-motion .maps canvas")[1] > 3


def test_motion_is_built_up_level_by_level(explorer: Explorer) -> None:
    explorer.page.evaluate(f"lvln.setCursor({explorer.state('rollout.seen') - 1})")
    view = explorer.view("Motion")
    figures = view.locator(".built figure")
    expect(figures.locator("b:first-child").locator("visible=true")).to_contain_text(
        ["C4", "… + C3", "… + C2", "… + C1", "the prediction"]
    )
    labels = figures.locator(".gain")
    expect(labels.last).to_have_text(re.compile(r"dB$"))
    gains = [float(text.replace("−", "-").removesuffix(" dB")) for text in labels.all_inner_texts()]
    scores = explorer.state("rollout.scores")
    assert gains[-1] == pytest.approx(scores["psnr"][0] - scores["copy_last_psnr"][0], abs=0.011)
    assert gains[-1] > gains[3] > gains[1]  # fine memories know more of this clip than coarse ones alone
    pictures = [explorer.pixels(f"#view-motion [data-level={name}] .moved")[0] for name in ("C4", "C2", "C1", "all")]
    assert len(set(pictures)) == 4
    explorer.changes("#view-motion [data-level=C1] .flow", lambda: explorer.page.evaluate("lvln.setCursor(2)"))


def test_the_page_colours_and_moves_as_the_network_does(explorer: Explorer) -> None:
    """Hue is direction and strength is speed; a frame is moved by a field of a coarser level, enlarged on the way."""
    colour = "([right, down]) => lvln.flow.colour(right, down, 3).map(Math.round)"
    red, cyan, white, fast, half = (
        explorer.page.evaluate(colour, motion) for motion in ([3, 0], [-3, 0], [0, 0], [30, 0], [1.5, 0])
    )
    assert red == fast == [255, 0, 0] and cyan == [0, 255, 255] and white == [255, 255, 255]
    assert half == [255, 128, 128]

    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (16, 32, 3), dtype=np.uint8)
    motion = rng.normal(0, 3, (2, 4, 8)).astype(np.float32)
    moved = explorer.page.evaluate(
        """([frame, right, down]) => {
          const canvas = Object.assign(document.createElement("canvas"), { height: 16, width: 32 });
          const context = canvas.getContext("2d");
          const picture = context.createImageData(32, 16);
          for (let i = 0; i < 16 * 32; i += 1) picture.data.set([...frame.slice(3 * i, 3 * i + 3), 255], 4 * i);
          context.putImageData(picture, 0, 0);
          const made = lvln.flow.moved(canvas, { h: 4, w: 8, right, down });
          return [...made.getContext("2d").getImageData(0, 0, 32, 16).data];
        }""",
        [frame.ravel().tolist(), *(part.ravel().tolist() for part in motion)],
    )
    picture = torch.from_numpy(frame).permute(2, 0, 1)[None].float()
    # A canvas holds what lies between black and white.
    expected = moved_by(-torch.from_numpy(motion)[None], picture)[0].permute(1, 2, 0).clamp(0, 255)
    np.testing.assert_allclose(np.reshape(moved, (16, 32, 4))[..., :3], expected, atol=0.6)
    assert np.abs(expected.numpy() - frame).mean() > 20
