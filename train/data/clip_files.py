"""Which UCF101 clips a folder or a data set on the Hub holds."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vp.limits import VIDEO_SUFFIXES
from vp.ucf101 import NAME

if TYPE_CHECKING:
    from vp.clips import ClipSource


@dataclass(frozen=True)
class ClipFile:
    """One UCF101 clip: its name without type (`v_YoYo_g01_c01`), class, group number 1 to 25 and file."""

    name: str
    label: str
    group: int
    path: Path


def same_name(name: str) -> str:
    """What two spellings of one name have in common: neither capitals nor spaces tell classes or clips apart."""
    return "".join(name.casefold().split())


def find_clips(folder: Path) -> list[ClipFile]:
    """All UCF101 clips below a folder, through links too, sorted by name.

    Raises FileNotFoundError if there are none, ValueError if two different files have one name, and OSError for a
    folder that cannot be read.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"there is no folder {folder}: point --data at the folder of classes")
    clips: dict[str, ClipFile] = {}
    for path in sorted(_files(Path(folder))):
        if path.suffix.lower() not in VIDEO_SUFFIXES or not (match := NAME.fullmatch(path.stem)):
            continue
        clip = ClipFile(path.stem, match["label"], int(match["group"]), path)
        first = clips.setdefault(same_name(clip.name), clip)
        if not (first is clip or first.path.samefile(path) or filecmp.cmp(first.path, path, shallow=False)):
            raise ValueError(
                f"two different clips are called {clip.name}: {first.path} and {path}. Keep one of them below {folder}"
            )
    if not clips:
        raise FileNotFoundError(
            f"no UCF101 clips (CLASS/v_CLASS_gXX_cYY.avi or .mp4) below {folder}: point --data at the folder of classes"
        )
    return sorted(clips.values(), key=lambda clip: clip.name)


def _files(folder: Path) -> Iterator[Path]:
    """Every file below a folder. A folder that links lead to more than once, or back to, is walked each time but never
    inside itself."""

    def refuse(error: OSError) -> None:
        raise error

    above: dict[str, frozenset[str]] = {}
    for here, folders, files in os.walk(folder, followlinks=True, onerror=refuse):
        inside = above.pop(here, frozenset()) | {os.path.realpath(here)}
        folders[:] = [name for name in folders if os.path.realpath(os.path.join(here, name)) not in inside]
        above |= {os.path.join(here, name): inside for name in folders}
        yield from (Path(here, name) for name in files)


def find_data(data: str | Path) -> tuple[list[ClipFile], ClipSource | None]:
    """The UCF101 clips of a folder, or of a data set on the Hub by its address, whose paths are those in the data set,
    sorted by name; and where their files are still to be fetched from, None for a folder.

    Raises FileNotFoundError if there are none, ValueError if two have one name, ClipError if the Hub cannot be reached.
    """
    if Path(data).exists():
        return find_clips(Path(data)), None
    # Not at the top: it reads videos with PyAV, which machines that only train may lack.
    from vp.clips import hub_address, open_clips, ucf101_name

    if hub_address(str(data)) is None:
        return find_clips(Path(data)), None
    source = open_clips(str(data))
    clips: dict[str, ClipFile] = {}
    for clip in source.search(limit=len(source)):
        path = Path(clip.id)
        if ucf := ucf101_name(path.stem):
            first = clips.setdefault(same_name(path.stem), ClipFile(path.stem, *ucf, path)).path
            if first != path:
                raise ValueError(f"two clips of {source.spec} are called {path.stem}: {first} and {path}")
    if not clips:
        raise FileNotFoundError(f"no UCF101 clips (CLASS/v_CLASS_gXX_cYY.avi or .mp4) in {source.spec}")
    return sorted(clips.values(), key=lambda clip: clip.name), source
