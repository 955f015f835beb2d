"""The real server, and a clip that it likes."""

from __future__ import annotations

from pathlib import Path

import pytest
from gradio_client import Client

ROOT = Path(__file__).resolve().parents[2]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("serve")


@pytest.fixture(scope="session")
def good() -> Path:
    """A clip that every endpoint answers."""
    return ROOT / "assets" / "clips" / "walk.mp4"


@pytest.fixture
def visitor(server) -> Client:
    """A client that throws away what it gets."""
    from serve import Visitor  # here: a plugin's asserts are rewritten only if nothing imported it before

    return Visitor(server.url, download_files=False)
