"""Where the files of a source lie: what a folder and a dataset on the Hub have in common."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class Place(Protocol):
    """Where the files of a source lie. Ids are those of its listing."""

    def fetch(self, id: str, progress: Callable[[float], object] | None) -> Path:
        """The clip as a local file; raises ClipError."""

    def version(self, id: str) -> str:
        """A text that changes whenever the content of the clip does."""

    def beginning(self, id: str, count: int) -> bytes | None:
        """The first `count` bytes of a clip that is not here yet, None for one that is; raises ClipError."""

    def fetched(self, id: str) -> bool:
        """Whether the clip was downloaded from elsewhere before and is here."""
