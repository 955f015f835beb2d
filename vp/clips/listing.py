"""What the file names of a source and its manifest say of the clips."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from vp import ucf101
from vp.errors import ClipError
from vp.limits import VIDEO_SUFFIXES

MANIFEST = "clips.json"  # optional, in the root: titles, labels, kinds of motion


@dataclass(frozen=True)
class Clip:
    """One clip of a source."""

    id: str  # its path in the source, as a key only
    label: str  # class name, "" if it has none
    name: str  # for people
    group: int | None = None  # of UCF101: clips of one group are cut from one video
    motion: tuple[str, ...] = ()  # kinds of motion, for example ("translation",)
    about: str = ""


def describe(files: Iterable[str], manifest: bytes | None) -> list[Clip]:
    """Clips from relative POSIX paths, those of the manifest first and in its order."""
    entries = _parse_manifest(manifest) if manifest is not None else {}
    clips = {}
    for file in files:
        entry = entries.get(file, {})
        folder, stem = parts(file)
        named = ucf101.read_name(stem)
        # Folders may be called train and test; those of classes write some names in another case than their clips.
        label = named.label if named and named.label.lower() != folder.lower() else folder
        clips[file] = Clip(
            id=file,
            label=entry.get("label", label),
            name=entry.get("title", named.title if named else stem),
            group=named.group if named else None,
            motion=tuple(entry.get("motion", ())),
            about=entry.get("about", ""),
        )
    first = [clips.pop(file) for file in entries if file in clips]
    return first + [clips[file] for file in sorted(clips)]


def _parse_manifest(content: bytes) -> dict[str, dict]:
    try:
        return {entry["file"]: entry for entry in json.loads(content)["clips"]}
    except (ValueError, TypeError, KeyError) as error:
        raise ClipError(
            f'{MANIFEST} cannot be understood: it should read {{"clips": [{{"file": "name.mp4", "title": "…"}}]}}.'
        ) from error


def parts(file: str) -> tuple[str, str]:
    """("Class", "name") of "outer/Class/name.avi"; pathlib would take most of the time of a listing."""
    folders, _, name = file.rpartition("/")
    return folders.rpartition("/")[2], name.rpartition(".")[0] or name


def is_video(name: str) -> bool:
    """Whether a file of this name is listed."""
    return name.lower().endswith(VIDEO_SUFFIXES) and not name.startswith(".") and name.isprintable()
