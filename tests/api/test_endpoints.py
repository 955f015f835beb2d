"""What the server says about itself."""

from __future__ import annotations

import pytest
from gradio_client import Client

from vp.ui.experiments import EXPERIMENTS

WINDOW = ["start", "fps", "seen", "horizon"]
FILTER = ["block", "kernel", "filter"]
PARAMETERS = {
    "/predict": ["video", "model", *WINDOW, "size"],
    "/activations": ["video", "model", *WINDOW, "block", "kernel", "quantity", "step", "trained", "size"],
    "/compare": ["video", *WINDOW, "size"],
    "/classify": ["video"],
    "/silence": ["video", "model", *WINDOW, "parts", "size"],
    "/importance": ["video", "model", *WINDOW[:3], "size"],
    "/memory_reset": ["video", "model", "start", "fps", "frames", "at", "size"],
    "/seen_sweep": ["video", "model", "start", "fps", "most", "size"],
    "/saliency": ["video", "model", *WINDOW[:3], "top", "left", "bottom", "right", "size"],
    "/spectrum": ["video", "model", *WINDOW, "size"],
    "/motion": ["video", "model", *WINDOW, "size"],
    "/ladder_map": ["video", "model", *WINDOW, "size"],
    "/one_number": ["video", "model", *WINDOW, *FILTER, "step", "row", "column", "size"],
    "/one_filter": ["model", *FILTER],
    "/one_moment": ["video", "model", *WINDOW, *FILTER, "first", "last", "top", "left", "bottom", "right", "size"],
}
DEFAULTS = {
    "model": "one_frame", "start": 0, "fps": 10, "seen": 5, "horizon": 3,
    "block": "C1", "kernel": "3x3", "quantity": "h", "step": 0, "parts": "C1.3x3", "frames": 17, "at": 8, "most": 5,
    "top": 0, "left": 0, "bottom": 1, "right": 1, "trained": True, "size": "own",
    "filter": 0, "row": 16, "column": 24, "first": 1, "last": 6,
}  # fmt: skip

OWN = {(f"/one_{what}", "kernel"): "7x7" for what in ("number", "filter", "moment")} | {("/one_number", "step"): 4}


@pytest.fixture(scope="module")
def described(client: Client) -> dict:
    return client.view_api(return_format="dict", print_info=False)


def test_there_are_these_endpoints_and_no_private_ones(described: dict) -> None:
    own = {"/predict", "/activations", "/compare", "/classify"}
    assert set(described["named_endpoints"]) == own | {f"/{name}" for name in EXPERIMENTS} >= set(PARAMETERS)
    assert not described["unnamed_endpoints"]


@pytest.mark.parametrize("endpoint", PARAMETERS)
def test_parameters_have_names_and_defaults(described: dict, endpoint: str) -> None:
    parameters = described["named_endpoints"][endpoint]["parameters"]
    assert [p["parameter_name"] for p in parameters] == PARAMETERS[endpoint]
    for parameter in parameters:
        name = parameter["parameter_name"]
        assert parameter["parameter_has_default"] == (name in DEFAULTS)
        assert parameter["parameter_default"] == OWN.get((endpoint, name), DEFAULTS.get(name))


@pytest.mark.parametrize("endpoint", PARAMETERS)
def test_every_endpoint_says_what_it_does(described: dict, endpoint: str) -> None:
    about = described["named_endpoints"][endpoint]["description"]
    assert len(about) > 20
    assert about.endswith(".")
