import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
