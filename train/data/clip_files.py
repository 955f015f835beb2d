"""Which UCF101 clips a folder or a data set on the Hub holds."""

from __future__ import annotations

import filecmp
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vp.limits import VIDEO_SUFFIXES
from vp.ucf101 import read_name

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
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}: point --data at the folder of classes")

    def refuse(error: OSError) -> None:
        raise error

    files, walked = [], set()
    for here, folders, names in os.walk(folder, followlinks=True, onerror=refuse):
        if (real := os.path.realpath(here)) in walked:  # links lead to it again, or back
            folders.clear()
            continue
        walked.add(real)
        files += [Path(here, name) for name in names]
    return _by_name(sorted(files), f"below {folder}", local=True)


def find_data(data: str | Path) -> tuple[list[ClipFile], ClipSource | None]:
    """The UCF101 clips of a folder, or of a data set on the Hub by its address, whose paths are those in the data set,
    sorted by name; and where their files are still to be fetched from, None for a folder.

    Raises FileNotFoundError if there are none, ValueError if two have one name, ClipError if the Hub cannot be reached.
    """
    if not Path(data).exists():
        # Not at the top: it reads videos with PyAV, which machines that only train may lack.
        from vp.clips import hub_address, open_clips

        if hub_address(str(data)):
            source = open_clips(str(data))
            paths = [Path(clip.id) for clip in source.search(limit=len(source))]
            return _by_name(paths, f"in {source.spec}", local=False), source
    return find_clips(Path(data)), None


def _by_name(paths: list[Path], where: str, *, local: bool) -> list[ClipFile]:
    """Those of the files that are UCF101 clips, sorted by name. local: they can be read, and what is equal is one."""
    clips: dict[str, ClipFile] = {}
    for path in paths:
        if path.suffix.lower() not in VIDEO_SUFFIXES or not (named := read_name(path.stem)):
            continue
        clip = ClipFile(path.stem, named.label, named.group, path)
        first = clips.setdefault(same_name(clip.name), clip)
        if first is clip or (local and (first.path.samefile(path) or filecmp.cmp(first.path, path, shallow=False))):
            continue
        raise ValueError(
            f"two different clips {where} are called {clip.name}: {first.path} and {path}. Keep one of them"
        )
    if not clips:
        raise FileNotFoundError(
            f"no UCF101 clips (CLASS/v_CLASS_gXX_cYY.avi or .mp4) {where}: point --data at the folder of classes"
        )
    return sorted(clips.values(), key=lambda clip: clip.name)
