"""Where clips come from: the bundled ones, a folder (UCF101's layout or flat), or a dataset on the Hugging Face Hub.

A source lists names only, so that thirteen thousand clips cost a moment; a clip is opened, downloaded or probed when
somebody picks it. Clips are asked for by an id from the listing, which is looked up and never used as a path.
"""

from .listing import Clip
from .opening import BUNDLED, hub_address, open_clips
from .source import ClipSource

__all__ = ["BUNDLED", "Clip", "ClipSource", "hub_address", "open_clips"]
