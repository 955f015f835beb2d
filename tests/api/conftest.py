"""A client of the real server, a clip that it likes and files that it does not."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from gradio_client import Client, handle_file

if TYPE_CHECKING:
    from serve import Server


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("serve")


@pytest.fixture(scope="session")
def client(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """gradio_client, with its downloads in a temporary folder."""
    from serve import Visitor  # here: a plugin's asserts are rewritten only if nothing imported it before

    return Visitor(server.url, download_files=tmp_path_factory.mktemp("downloads"))


@pytest.fixture(scope="session")
def waves(
    tmp_path_factory: pytest.TempPathFactory, moving: Callable[..., np.ndarray], write_video: Callable[..., Path]
) -> Path:
    """A good clip: two seconds of moving waves at 25 frames a second."""
    return write_video(tmp_path_factory.mktemp("clips") / "waves.mp4", moving(50, 120, 160))


@pytest.fixture(scope="session")
def spoilt(
    tmp_path_factory: pytest.TempPathFactory, moving: Callable[..., np.ndarray], write_video: Callable[..., Path]
) -> dict[str, Path]:
    """Files that are no clip to predict, by what is wrong with them."""
    folder = tmp_path_factory.mktemp("spoilt")
    frames = moving(1, 120, 160)
    text, empty, cut = folder / "notes.mp4", folder / "empty.mp4", folder / "cut.mp4"
    text.write_text("This is not a video.\n" * 500, encoding="utf-8")
    empty.write_bytes(b"")
    whole = write_video(folder / "whole.mp4", moving(50, 120, 160)).read_bytes()
    cut.write_bytes(whole[: len(whole) // 3])
    with wave.open(str(folder / "tone.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes((3000 * np.sin(np.arange(16000) / 5)).astype("<i2").tobytes())
    with av.open(str(folder / "tone.wav")) as source, av.open(str(folder / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        for frame in source.decode(audio=0):
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return {
        "text": text,
        "empty": empty,
        "cut": cut,
        "sound": folder / "sound.mp4",
        "one frame": write_video(folder / "one.mp4", frames),
    }


@pytest.fixture
def ask(client: Client) -> Callable[..., object]:
    """Call an endpoint with a file of this machine: `ask("/predict", path, seen=3)`."""

    def call(endpoint: str, path: Path | None, **settings: object) -> object:
        return client.predict(video=path and handle_file(str(path)), **settings, api_name=endpoint)

    return call
