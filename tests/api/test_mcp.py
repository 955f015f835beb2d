"""The API as MCP tools: what a language model's client sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from aside import run_aside
from gradio_client import Client, handle_file
from serve import ROOT, Server, serve

pytest.importorskip("mcp", reason='needs one more package: pip install "gradio[mcp]"')

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

from vp.ui.experiments import EXPERIMENTS

pytestmark = pytest.mark.slow
TOOLS = {"predict", "activations", "compare", "classify", *EXPERIMENTS}


@pytest.fixture(scope="module")
def mcp_server() -> Iterator[Server]:
    with serve("--mcp") as server:
        yield server


def ask(server: Server, task):
    async def run():
        async with (
            streamablehttp_client(f"{server.url}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await task(session)

    return run_aside(run())


def test_every_endpoint_is_a_tool_that_says_what_it_does(mcp_server: Server) -> None:
    tools = {tool.name: tool for tool in ask(mcp_server, lambda session: session.list_tools()).tools}
    assert set(tools) == TOOLS
    for name, tool in tools.items():
        assert len(tool.description) > 60, name
        assert ("video" in tool.inputSchema["properties"]) == (name != "one_filter"), name


def test_a_tool_fetches_public_addresses_only(mcp_server: Server) -> None:
    """Neither a file of the server's machine nor an address inside its network may be named."""
    clip = ROOT / "assets" / "clips" / "walk.mp4"

    async def call(session: ClientSession) -> list:
        places = (clip.as_uri(), str(clip), f"{mcp_server.url}/gradio_api/file={clip}")
        return [await session.call_tool("importance", {"video": place, "seen": 4}) for place in places]

    assert all(answer.isError for answer in ask(mcp_server, call))


def test_the_api_is_there_beside_the_tools(mcp_server: Server, waves: Path) -> None:
    ranking = Client(mcp_server.url, verbose=False).predict(handle_file(str(waves)), api_name="/importance")
    assert len(ranking) == 12 + 4
