"""Sources of clips side by side, each with a name, opened when somebody looks at it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from vp import moving_circle, ucf101
from vp.errors import ClipError
from vp.reopening import Reopening

from .listing import Clip
from .opening import hub_address, open_clips
from .source import ClipSource


class Shelf:
    """One source of clips.

    spec: what to open, see `open_clips`. title: for people. about: a sentence about it, "" if it needs none.
    prefix: what its clips' ids begin with, so that they are told from those of other shelves; "" for the first one.
    """

    def __init__(self, spec: str, title: str, prefix: str) -> None:
        self.spec, self.title, self.prefix = spec, title, prefix
        address = hub_address(spec)
        self.remote = address is not None  # whether its clips come from the Hub
        self.about = _about(address) if address else ""
        # The first shelf is what a visitor sees, and a folder that is not there is a slip: these are opened now.
        self._source = Reopening(spec, open_clips, remote=self.remote, later=bool(prefix))

    @property
    def clips(self) -> ClipSource:
        """Its clips. The first time this may ask the Hub; raises ClipError while it is out of reach."""
        return self._source.get()

    @property
    def opened(self) -> ClipSource | None:
        """Its clips if somebody asked for them before. Asks nobody."""
        return self._source.opened

    @property
    def trouble(self) -> str | None:
        """Why it cannot be used at the moment, None if it can."""
        return self._source.trouble

    def id(self, clip: Clip) -> str:
        """The id of one of its clips among those of all shelves."""
        return self.prefix + clip.id


def open_shelves(specs: str | Sequence[str]) -> tuple[Shelf, ...]:
    """A shelf for each source, in this order. Raises ClipError for a folder that is not there."""
    shelves: list[Shelf] = []
    taken = {_key(moving_circle.PREFIX)}
    for spec in dict.fromkeys([specs] if isinstance(specs, str) else specs):
        name = title = _title(spec)
        number = 1
        while _key(title) in taken:
            number += 1
            title = f"{name} ({number})"
        taken.add(_key(title))
        shelves.append(Shelf(spec, title, f"{_key(title)}:" if shelves else ""))
    if not shelves:
        raise ClipError("No source of clips is named: name at least one, for example 'bundled'.")
    return tuple(shelves)


def find_clip(shelves: Sequence[Shelf], id: str) -> tuple[Shelf, Clip]:
    """The clip of an id that `Shelf.id` gave, and its shelf. Raises ClipError."""
    shelf = next((shelf for shelf in shelves if shelf.prefix and id.startswith(shelf.prefix)), shelves[0])
    return shelf, shelf.clips.get(id[len(shelf.prefix) :])


def varied(clips: Iterable[Clip], rank: Callable[[Clip], object]) -> list[Clip]:
    """Clips in an order for looking around: by `rank`, then one of each class in turn, each time of another video."""
    of_video: Counter = Counter()
    of_class: Counter = Counter()
    turns = []
    for clip in clips:
        turns.append((of_video[clip.label, clip.group], clip))
        of_video[clip.label, clip.group] += 1
    order = []
    for _, clip in sorted(turns, key=lambda turn: turn[0]):
        order.append(((rank(clip), of_class[clip.label]), clip))
        of_class[clip.label] += 1
    return [clip for _, clip in sorted(order, key=lambda place: place[0])]


def _key(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower()).strip("-")


def _title(spec: str) -> str:
    if spec == "bundled":
        return "Drawn"
    address = hub_address(spec)
    if address is None:
        return Path(spec).expanduser().resolve().name or "Folder"
    return "UCF101" if address == hub_address(ucf101.ON_THE_HUB) else address.repo.partition("/")[2]


def _about(address: object) -> str:
    what = f"Clips of {address}"
    if address == hub_address(ucf101.ON_THE_HUB):
        what = "Real clips of UCF101, a research data set,"
    return f"{what} from the Hugging Face Hub: fetched as you choose them, then kept for use without a network."
