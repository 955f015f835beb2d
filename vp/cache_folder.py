"""The folder that outlasts a run: thumbnails of clips, and what was indexed of them."""

import atexit
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path


def cache_folder() -> Path:
    """VP_CACHE, or else the user's cache folder of this system."""
    try:
        if chosen := os.environ.get("VP_CACHE"):
            folder = Path(chosen).expanduser()
        elif sys.platform == "win32":
            folder = Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "lvln-explorer"
        elif sys.platform == "darwin":
            folder = Path.home() / "Library" / "Caches" / "lvln-explorer"
        else:
            folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lvln-explorer"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder.resolve()
    except (OSError, RuntimeError):  # the latter where nobody has a home, as in some containers
        pass
    return _temporary_folder()


@cache
def _temporary_folder() -> Path:
    """For homes that cannot be written, as in many containers: what is kept lasts for this run."""
    folder = Path(tempfile.mkdtemp(prefix="lvln-explorer-cache-")).resolve()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
