"""vp.cache_folder."""

import sys

from vp.cache_folder import cache_folder


def test_the_cache_folder_of_the_user_or_a_temporary_one(tmp_path, monkeypatch):
    monkeypatch.delenv("VP_CACHE", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == (tmp_path / "xdg" / "lvln-explorer").resolve()
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cache_folder().is_dir() and cache_folder() == cache_folder()
