"""What a run trains on: UCF101, a subset of it, one video, or the moving circle."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from . import circle_sequences
from .clip_files import ClipFile, find_data
from .frame_cache import build, read_index
from .splits import select, spread


class Source(NamedTuple):
    """Names of clips in the cache."""

    train: list[str]
    validation: list[str]


def prepare(data: str | Path | None, cache: Path, *, kind: str, clips: int | None, splits: Path | None) -> Source:
    """Decode what a run needs into the cache.

    data: a UCF101 folder, the address of one on the Hub, or one video file, which then is all there is to train and to
        validate on.
    kind: "ucf101", or "circle", which needs no data.
    clips: take only so many training clips, spread evenly over the sorted names and so over the classes. The run is
        then validated on what it trains on: such a run shows that a network can learn, not that it generalises.
    splits: folder of the official lists; without it the groups decide.
    Raises ValueError when there is nothing to train on, OSError without clips in the folder or without lists where
    `splits` says, ClipError when the Hub cannot be reached.
    """
    if kind == "circle":
        names = circle_sequences.build(cache)
        return Source(names, names)
    if data is None:
        raise ValueError("this recipe trains on video: say where it is with --data")
    hub = validation = None
    if (video := Path(data)).is_file():
        train = [ClipFile(video.stem, "", 0, video)]
    else:
        every, hub = find_data(data)
        train = select(every, "train", splits)
        if not train:
            raise ValueError(f"{data} holds no clip of a training group")
        if clips is None:
            validation = select(every, "validation", splits)
        else:
            train = spread(train, clips)
    names = [clip.name for clip in build(train + (validation or []), cache, hub=hub)]
    trained, held_out = names[: len(train)], names[len(train) :]
    if read_index(cache).keys().isdisjoint(trained):
        raise ValueError(f"none of the {len(train)} training clips can be decoded: see above why")
    return Source(trained, trained if validation is None else held_out)
