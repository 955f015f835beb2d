"""The store of rollouts: random keys, bounded memory, nothing lost but time."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vp.errors import RequestError
from vp.explorer import Window
from vp.ui.store import Request, RolloutStore


def request(name: str = "a.mp4") -> Request:
    return Request(name, 3.0, "A clip", "a", Window("one_frame"))


@pytest.fixture
def computed() -> list[str]:
    return []


@pytest.fixture
def store(computed) -> RolloutStore:
    def compute(asked: Request) -> SimpleNamespace:
        computed.append(asked.path)
        return SimpleNamespace(nbytes=40, path=asked.path)

    return RolloutStore(compute, max_bytes=100)


def test_what_was_run_is_kept_and_not_computed_again(store, computed):
    key, rollout = store.run(request())
    assert store.get(key) is rollout and computed == ["a.mp4"]
    assert store.request(key) == request()


def test_keys_are_long_and_never_the_same_for_the_same_request(store):
    keys = {store.run(request())[0] for _ in range(20)}
    assert len(keys) == 20 and all(len(key) >= 16 for key in keys)


def test_beyond_its_bound_the_least_recently_used_goes_and_comes_back_when_asked_for(store, computed):
    first, second = store.run(request("1"))[0], store.run(request("2"))[0]
    store.get(first)  # now 2 is the older one
    store.run(request("3"))
    computed.clear()
    assert store.get(first).path == "1" and computed == []
    assert store.get(second).path == "2" and computed == ["2"]


def test_a_remembered_request_is_computed_when_asked_for(store, computed):
    key = store.remember(request(), key="example")
    assert key == "example" and computed == []
    assert store.get("example").path == "a.mp4" and computed == ["a.mp4"]


@pytest.mark.parametrize("key", ["", "unknown", None, 3, ["a"]], ids=str)
def test_an_unknown_key_gets_a_message(store, key):
    with pytest.raises(RequestError, match="Choose the clip again"):
        store.get(key)
