"""The shelves of the Clips tab, with a Hub on loopback that holds UCF101 in the layout of its default source."""

from __future__ import annotations

import hashlib
import re
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from driver import Explorer
from hub.hub_server import Hub, Repo
from playwright.sync_api import expect
from serve import ROOT, Server, serve

from vp.ucf101 import ON_THE_HUB

pytestmark = pytest.mark.browser

COMMIT = ON_THE_HUB.rpartition("@")[2]
REPO = "datasets/bitmind/UCF101-Videos"
MINE = "datasets/me/mine"
ACTIONS = ("Archery", "BandMarching", "HorseRace", "Knitting", "YoYo")  # the classifier does not know knitting


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A Hub with drawn clips under names of UCF101: 4 videos of 5 actions."""
    drawn = sorted((ROOT / "assets" / "clips").glob("*.mp4"))
    files = {"train.csv": b"clip_name,clip_path,label\n"}
    for i, label in enumerate(ACTIONS):
        for group in (1, 2, 9, 10):
            part = "test" if group < 8 else "train"
            content = drawn[(i + group) % len(drawn)].read_bytes() + f"{label}{group}".encode()
            for piece in (1, 2):
                suffix = "mp4" if group == 2 else "avi"  # one that browsers play as it is, and one that they do not
                files[f"{part}/{label}/v_{label}_g{group:02d}_c{piece:02d}.{suffix}"] = content + bytes([piece])
    with Hub() as running:
        running.repos[REPO] = Repo(commits={COMMIT: files}, refs={"main": COMMIT})
        yield running


@pytest.fixture(scope="module")
def shelved(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app as everybody starts it, with that Hub."""
    environment = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path_factory.mktemp("hf")),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_ETAG_TIMEOUT": "3",
        "HF_HUB_DOWNLOAD_TIMEOUT": "3",
        "HF_HUB_OFFLINE": "0",
    }
    with serve(**environment) as server:
        yield server


def shelf(explorer: Explorer, name: str) -> None:
    explorer.page.locator(f"#view-gallery .shelves button:text-is('{name}')").click()


def clips(explorer: Explorer):
    return explorer.page.locator("#view-gallery .clip")


def test_open_filter_click_classify(arrive: Callable[..., Explorer], hub: Hub, shelved: Server) -> None:
    explorer = arrive(shelved)
    page = explorer.page
    expect(clips(explorer)).to_have_count(12)
    assert not hub.log, "the Hub was asked before anybody opened its shelf"
    shelf(explorer, "UCF101")
    expect(page.locator("#view-gallery .about")).to_contain_text("research data")
    expect(page.locator("#view-gallery .count")).to_have_text("40 clips")
    # First what the classifier knows and training never saw, one of each.
    titles = clips(explorer).locator("span").all_inner_texts()
    assert [title.split("\n")[0] for title in titles[:5]] == [
        "Archery",
        "Band Marching",
        "Horse Race",
        "Yo Yo",
        "Archery",
    ]
    assert clips(explorer).nth(0).locator("i.known").count() == 1
    assert clips(explorer).nth(0).locator("i.seen").count() == 0
    # Pictures of what is on the screen only, and no whole clip for any of them.
    expect(clips(explorer).nth(0).locator("img")).to_be_visible()
    page.wait_for_timeout(500)
    got = hub.requests("/resolve/", "GET")
    assert 4 <= len(got) < 24 and all("range" in request.headers for request in got)
    # More as they scroll by.
    grid = page.locator("#view-gallery .grid")
    grid.evaluate("grid => grid.scrollTo(0, grid.scrollHeight)")
    expect(clips(explorer)).to_have_count(40)
    grid.evaluate("grid => grid.scrollTo(0, grid.scrollHeight)")
    expect(clips(explorer).last.locator("img")).to_be_visible()
    assert clips(explorer).last.locator("i.known").count() == 0
    expect(page.locator("#view-gallery i.seen", has_text="in training").first).to_be_visible()

    page.get_by_label("search clips").fill("g09 c02")
    expect(page.locator("#view-gallery .count")).to_have_text("5 clips")
    page.get_by_label("search clips").fill("")
    groups = page.locator("#view-gallery optgroup")
    assert [group.get_attribute("label") for group in groups.all()] == ["The classifier knows", "Other actions"]
    page.get_by_label("class", exact=True).select_option("HorseRace")
    expect(page.locator("#view-gallery .count")).to_have_text("8 clips")

    with explorer.new_rollout():
        clips(explorer).first.click()
    assert explorer.state("rollout.clip_id") == "ucf101:test/HorseRace/v_HorseRace_g01_c01.avi"
    expect(page.locator("#view-gallery .clip.chosen")).to_have_count(1)
    explorer.wait("document.querySelector('#player video')?.readyState >= 2")
    view = explorer.view("Classes")
    expect(view.locator(".truth")).to_contain_text("this is Horse Race")
    expect(view.locator(".truth")).not_to_contain_text("training")
    # A clip of a group that training used.
    with explorer.new_rollout():
        page.locator("#view-gallery .clip", has=page.locator("i.seen")).first.click()
    expect(page.locator("#view-stage .details")).to_contain_text("seen in training")
    expect(view.locator(".truth")).to_contain_text("used in training")
    # One of an action that it does not know.
    page.get_by_label("class", exact=True).select_option("Knitting")
    expect(page.locator("#view-gallery .count")).to_have_text("8 clips")
    with explorer.new_rollout():
        page.get_by_role("button", name="A random clip").click()
    expect(view.locator(".truth")).to_contain_text("Knitting, which is not among the 24 actions")
    assert explorer.overflow() <= 0


def test_a_link_leads_to_its_shelf(arrive: Callable[..., Explorer], shelved: Server) -> None:
    wanted = "ucf101:test/YoYo/v_YoYo_g01_c01.avi"
    explorer = arrive(shelved, fragment=f"#clip={wanted}&view=Ladder")
    explorer.wait(f"lvln.state.rollout.clip_id === '{wanted}'")
    expect(explorer.page.locator("#view-gallery [aria-selected=true]")).to_have_text("UCF101")
    expect(explorer.page.locator("#view-gallery .clip.chosen")).to_have_attribute("data-id", wanted)


def test_a_slow_clip_shows_how_far_it_is(arrive: Callable[..., Explorer], hub: Hub, shelved: Server) -> None:
    explorer = arrive(shelved)
    shelf(explorer, "UCF101")
    card = clips(explorer).nth(6)
    card.wait_for()
    before = explorer.page.locator("#player video").get_attribute("src")
    hub.fault("/lfs/", method="GET", pace=60_000, times=-1)
    try:
        with explorer.new_rollout():
            card.click()
            expect(explorer.page.locator("#view-stage .busy")).to_have_text(re.compile(r"Fetching .*, \d+ %…"))
            assert card.evaluate("card => Number(card.style.getPropertyValue('--arrived'))") > 0
    finally:
        hub.faults.clear()
    assert explorer.state("rollout.clip_id").endswith(".mp4")
    expect(explorer.page.locator("#player video")).not_to_have_attribute("src", before)
    explorer.wait("document.querySelector('#player video').readyState >= 2")


def test_without_the_hub(arrive: Callable[..., Explorer], hub: Hub, shelved: Server) -> None:
    explorer = arrive(shelved)
    page = explorer.page
    shelf(explorer, "UCF101")
    expect(page.locator("#view-gallery .count")).to_have_text("40 clips")
    with explorer.new_rollout():  # which is here from now on
        clips(explorer).nth(1).click()
    here, away = explorer.state("rollout.clip_id"), clips(explorer).nth(11)
    hub.stop()
    try:
        away.click()
        toast = page.locator(".toast-body")
        expect(toast).to_contain_text("no network")
        expect(toast).to_contain_text("--clips and a folder")
        explorer.wait("!document.documentElement.classList.contains('lvln-busy')")
        expect(page.locator("#view-gallery .clip.chosen")).to_have_attribute("data-id", here)
        # The drawn ones, and what is here, go on; so does a new visitor.
        shelf(explorer, "Drawn")
        with explorer.new_rollout():
            clips(explorer).nth(3).click()
        second = arrive(shelved, width=390)
        shelf(second, "UCF101")
        with second.new_rollout():
            second.page.locator(f"#view-gallery .clip[data-id='{here}']").click()
        assert second.overflow() <= 0
    finally:
        hub.start()


def stored(hub: Hub, repo: str, id: str) -> str:
    """Where the Hub keeps the content of a clip."""
    (files,) = hub.repos[repo].commits.values()
    return f"/lfs/{hashlib.sha256(files[id.partition(':')[2]]).hexdigest()}"


def cut_short(hub: Hub, server: Server, home: Path, id: str) -> None:
    hub.fault(stored(hub, REPO, id), method="GET", content=lambda data: data[:20_000], times=-1)


def broken_off(hub: Hub, server: Server, home: Path, id: str) -> None:
    hub.fault(stored(hub, REPO, id), method="GET", cut=0, times=-1)


def full_disk(hub: Hub, server: Server, home: Path, id: str) -> None:
    _, most = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (20_000, most))


def no_place(hub: Hub, server: Server, home: Path, id: str) -> None:
    shutil.rmtree(home)
    home.write_text("", encoding="utf-8")  # not even an administrator can write below it


@pytest.fixture(scope="module")
def troubled(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """The app with shelves of what the Hub has, has not, hands out to some only, and will have."""
    repo = hub.repos[REPO]
    hub.repos["datasets/me/gated"] = Repo(gated=True, commits=repo.commits, refs=repo.refs)
    home = tmp_path_factory.mktemp("hf")
    environment = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_TOKEN": "",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_ETAG_TIMEOUT": "3",
        "HF_HUB_DOWNLOAD_TIMEOUT": "3",
        "HF_HUB_OFFLINE": "0",
    }
    shelves = (
        "bundled",
        "ucf101",
        "hf://datasets/bitmind/UCF101-Videos@v9",
        "hf://datasets/me/gated",
        f"{hub.url}/{MINE}/tree/main",
    )
    with serve("--clips", *shelves, **environment) as server:
        yield server, home


def test_a_shelf_that_cannot_be_listed_is_tried_again(
    arrive: Callable[..., Explorer], hub: Hub, troubled: tuple[Server, Path]
) -> None:
    hub.stop()
    try:
        explorer = arrive(troubled[0])
        status = explorer.page.locator("#view-gallery .status")
        shelf(explorer, "UCF101")
        expect(status).to_contain_text("no network")
        expect(status).to_contain_text("--clips and a folder")
        assert not explorer.page.locator("#trouble").is_visible()
        shelf(explorer, "Drawn")
        expect(clips(explorer)).to_have_count(12)
        with explorer.new_rollout():
            clips(explorer).nth(2).click()
        shelf(explorer, "UCF101")
        expect(status).to_contain_text("no network")
        hub.start()
        explorer.page.wait_for_timeout(5_500)  # the Hub is not asked more often
        explorer.page.get_by_role("button", name="Try again").click()
        expect(explorer.page.locator("#view-gallery .count")).to_have_text("40 clips")
    finally:
        hub.stop()
        hub.start()


@pytest.mark.ucf101
def test_a_right_class_in_three_clicks(
    arrive: Callable[..., Explorer], hub: Hub, troubled: tuple[Server, Path], originals: list[Path]
) -> None:
    files = {f"test/{path.parent.name}/{path.name}": path.read_bytes() for path in originals}
    hub.repos[MINE] = Repo(commits={COMMIT: files}, refs={"main": COMMIT})
    explorer = arrive(troubled[0])
    shelf(explorer, "mine")
    with explorer.new_rollout():
        clips(explorer).filter(has_text="Horse Race").click()
    view = explorer.view("Classes")
    expect(view.locator(".verdict h3")).to_have_text("Horse Race")
    expect(view.locator(".truth")).to_contain_text("Right: this is Horse Race.")


@pytest.mark.parametrize(
    ("name", "trouble", "messages"),
    [
        ("UCF101-Videos", None, ("no such branch, tag or commit", "Leave out @revision")),
        ("gated", None, ("is gated: ask for access on its page", "HF_TOKEN")),
        ("UCF101", cut_short, ("failed", "Try again", "--clips and a folder")),
        ("UCF101", broken_off, ("broke off", "Try again", "--clips and a folder")),
        ("UCF101", full_disk, ("the disk is full", "Free some space, or set HF_HOME")),
        ("UCF101", no_place, ("cannot be stored", "Set HF_HOME to a folder that can be written")),
    ],
    ids=["no such revision", "gated", "cut short", "broken off", "full disk", "no place"],
)
def test_what_stands_in_the_way_is_shown_and_the_drawn_shelf_works_on(
    arrive: Callable[..., Explorer],
    hub: Hub,
    troubled: tuple[Server, Path],
    name: str,
    trouble: Callable | None,
    messages: tuple[str, ...],
) -> None:
    server, home = troubled
    explorer = arrive(server)
    shelf(explorer, name)
    limits = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    shown = explorer.page.locator("#view-gallery .status")
    try:
        if name != "UCF101-Videos":
            card = clips(explorer).nth(5)
            card.wait_for()
            if trouble:
                trouble(hub, server, home, card.get_attribute("data-id"))
            card.click()
            shown = explorer.page.locator(".toast-body")
        for words in messages:
            expect(shown).to_contain_text(words)
        explorer.wait("!document.documentElement.classList.contains('lvln-busy')")
        shelf(explorer, "Drawn")
        with explorer.new_rollout():
            clips(explorer).nth(4).click()
        explorer.wait("document.querySelector('#player video')?.readyState >= 2")
    finally:
        hub.faults.clear()
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)
