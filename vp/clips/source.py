"""A searchable list of clips."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from vp import ucf101
from vp.errors import ClipError

from .listing import Clip, parts
from .place import Place
from .thumbnails import thumbnail


class ClipSource:
    """A searchable list of clips. Made by `open_clips`.

    Args:
        spec: what was opened, as the user wrote it.
        clips: the clips in the order of listing.
        place: where their files are.
    """

    def __init__(self, spec: str, clips: Iterable[Clip], place: Place) -> None:
        self.spec = spec
        self._clips = {clip.id: clip for clip in clips}
        self._place = place
        self._text = {clip.id: _searchable(clip) for clip in self._clips.values()}
        if not self._clips:
            raise ClipError(f"There are no videos in '{spec}': name a folder or a dataset that holds video files.")

    def __len__(self) -> int:
        return len(self._clips)

    @property
    def labels(self) -> dict[str, int]:
        """Class names in alphabetical order, each with its number of clips."""
        counts = Counter(clip.label for clip in self._clips.values() if clip.label)
        return dict(sorted(counts.items()))

    def search(self, text: str = "", label: str | None = None, limit: int = 24, offset: int = 0) -> list[Clip]:
        """Clips that contain every word of `text` in class, name or description, whatever their case.

        Args:
            text: words or parts of them, in any order: "apply lip" finds ApplyLipstick. Empty finds all.
            label: only this class.
            limit: how many at most.
            offset: how many to leave out first, for further pages.
        """
        words = text.lower().split()
        matches = [
            clip
            for clip in self._clips.values()
            if (not label or clip.label == label) and all(word in self._text[clip.id] for word in words)
        ]
        offset = max(0, offset)
        return matches[offset : offset + max(0, limit)]

    def get(self, id: str) -> Clip:
        """The clip of an id from the listing, or ClipError."""
        clip = self._clips.get(id)
        if clip is None:
            raise ClipError("There is no such clip in this list: choose one from the gallery.")
        return clip

    def path(self, id: str, progress: Callable[[float], object] | None = None) -> Path:
        """The clip as a local file, downloaded if need be. progress: told the share that has arrived, in [0, 1].

        Raises:
            ClipError: unknown id, or the file is gone or cannot be downloaded.
        """
        return self._place.fetch(self.get(id).id, progress)

    def fetched(self) -> list[Clip]:
        """The clips that were downloaded before; none of a folder, which has them all without that."""
        return [clip for clip in self._clips.values() if self._place.fetched(clip.id)]

    def version(self, id: str) -> str:
        """A text that changes whenever the content of the clip does. Raises ClipError."""
        return self._place.version(self.get(id).id)

    def thumbnail(self, id: str) -> Path | None:
        """A small JPEG of the clip, made once: of its middle, or of its beginning where it is not downloaded yet.

        A clip that cannot be shown gets a grey picture, one that is not to be had at the moment None.

        Raises:
            ClipError: unknown id.
        """
        clip = self.get(id)
        try:
            return thumbnail(self._place, clip.id)
        except (ClipError, OSError):  # the latter where there is no room for it
            return None


def _searchable(clip: Clip) -> str:
    _, stem = parts(clip.id)  # without folders: every "lip" would find a folder called clips
    return " ".join((clip.label, ucf101.spaced(clip.label), stem, clip.name, *clip.motion, clip.about)).lower()
