"""vp.reopening: sources that come and go."""

import pytest

from vp import reopening
from vp.errors import CheckpointError
from vp.reopening import Reopening


class Opener:
    """Fails while `well` is False, and counts."""

    def __init__(self) -> None:
        self.well, self.calls = False, 0

    def __call__(self, spec: str) -> str:
        self.calls += 1
        if not self.well:
            raise CheckpointError("No network.")
        return f"opened {spec}"


def test_the_hub_may_be_away_and_come_back(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(reopening.time, "monotonic", lambda: now[0])
    opener = Opener()
    source = Reopening("hf://me/ladder", opener, remote=True)
    assert source.trouble == "No network." and opener.calls == 1
    opener.well = True
    with pytest.raises(CheckpointError, match="No network"):  # not asked again for a while
        source.get()
    now[0] += reopening.PAUSE + 1
    assert source.get() == "opened hf://me/ladder" and source.trouble is None
    opener.well = False
    assert source.get() == "opened hf://me/ladder" and opener.calls == 2


def test_what_is_not_on_the_hub_must_be_there_at_once():
    with pytest.raises(CheckpointError, match="No network"):
        Reopening("folder", Opener(), remote=False, later=True)


def test_what_can_wait_is_left_alone_until_it_is_asked_for():
    opener = Opener()
    opener.well = True
    source = Reopening("hf://datasets/me/clips", opener, remote=True, later=True)
    assert opener.calls == 0 and source.opened is None
    assert source.get() == "opened hf://datasets/me/clips" == source.opened and opener.calls == 1
