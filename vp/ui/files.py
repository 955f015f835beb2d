"""Where results that are files go."""

from __future__ import annotations

import secrets
from pathlib import Path

from gradio.utils import get_upload_folder


def new_file(name: str) -> Path:
    """A path for a result, in a folder of its own under the one that Gradio serves and clears."""
    path = Path(get_upload_folder()) / secrets.token_hex(16) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
