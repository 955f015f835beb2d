"""Clips by what somebody wrote: a name, a folder, or an address on the Hub."""

from pathlib import Path

from vp import hub, ucf101
from vp.errors import ClipError

from .folder import open_folder
from .hub_dataset import open_dataset
from .source import ClipSource

BUNDLED = Path(__file__).resolve().parents[2] / "assets" / "clips"
FORMS = (
    "Clips are given as `bundled`, `ucf101`, a folder, or `hf://datasets/owner/name`, with or without `@revision`, or "
    "the address of its page."
)


def open_clips(spec: str) -> ClipSource:
    """List the clips of a source.

    Args:
        spec: `bundled`; `ucf101`, which stands for `ucf101.ON_THE_HUB`; a folder, flat or with a folder for each class,
            or one that contains such folders; or `hf://datasets/owner/name`, with `@revision` (a branch, tag or
            commit) or without, or the address of its page.

    Raises:
        ClipError: the source cannot be found or reached, or holds no videos.
    """
    if address := hub_address(spec):
        return open_dataset(address)
    folder = BUNDLED if spec == "bundled" else Path(spec).expanduser()
    if not folder.is_dir():
        raise ClipError(f"There is no folder '{spec}'. {FORMS}")
    return open_folder(spec, folder)


def hub_address(spec: str) -> hub.Address | None:
    """The dataset on the Hub that a source of clips is, None for a folder. Raises ClipError for a damaged address."""
    spec = ucf101.ON_THE_HUB if spec == "ucf101" else spec.strip()
    if not hub.is_address(spec):
        return None
    try:
        return hub.parse_address(spec, "dataset")
    except ValueError as error:
        raise ClipError(f"{error} {FORMS}") from None
