"""vp.malloc: what a large request leaves behind is given back."""

import sys

import pytest

from vp import malloc

MEGABYTE = 1_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap")
def test_what_was_freed_is_given_back_once_it_is_much(monkeypatch):
    monkeypatch.setattr(malloc, "_after", 0)
    malloc.give_back()
    before = malloc.resident()
    # Pieces that lie in the heap, and one behind them that is kept.
    pieces = [bytearray(b"x" * 100_000) for _ in range(3000)]
    kept = pieces.pop()
    assert malloc.resident() > before + 250 * MEGABYTE
    del pieces
    malloc.give_back()
    assert malloc.resident() < before + 100 * MEGABYTE
    few = [bytearray(b"x" * 100_000) for _ in range(300)]
    trimmed = malloc.resident()
    del few
    malloc.give_back()
    assert malloc.resident() > trimmed - 10 * MEGABYTE, "the next request will want it again"
    assert len(kept) == 100_000


def test_elsewhere_nothing_happens(monkeypatch, tmp_path):
    monkeypatch.setattr(malloc, "_STATM", tmp_path / "none")
    monkeypatch.setattr(malloc, "_after", 0)
    malloc.give_back()
    assert malloc.resident() == 0
