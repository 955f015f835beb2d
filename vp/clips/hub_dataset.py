"""A dataset on the Hugging Face Hub as a source of clips. Which one is UCF101's says `vp.ucf101`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vp import hub
from vp.limits import MAX_UPLOAD_BYTES

from .listing import MANIFEST, describe, is_video
from .source import ClipSource


@dataclass(frozen=True)
class _Dataset:
    repository: hub.Repository

    def fetch(self, id: str, progress: Callable[[float], object] | None = None) -> Path:
        return self.repository.fetch(id, limit=MAX_UPLOAD_BYTES, progress=progress)

    def version(self, id: str) -> str:
        return f"{self.repository.address.repo} {self.repository.commit} {id}"

    def beginning(self, id: str, count: int) -> bytes | None:
        return None if self.repository.cached(id) else self.repository.head(id, count)

    def fetched(self, id: str) -> bool:
        return self.repository.cached(id) is not None


def open_dataset(address: hub.Address) -> ClipSource:
    """The clips of a dataset. Raises ClipError if the Hub cannot be reached, or there are none."""
    repository = hub.open_repository(address)
    manifest = repository.fetch(MANIFEST).read_bytes() if MANIFEST in repository.files else None
    videos = [file for file in repository.files if is_video(file.rpartition("/")[2])]
    return ClipSource(str(address), describe(videos, manifest), _Dataset(repository))
