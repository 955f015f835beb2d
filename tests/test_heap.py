"""vp.heap: what a large request leaves behind is given back."""

import sys

import pytest

from vp import heap

MEGABYTE = 1_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap")
def test_what_was_freed_is_given_back_once_it_is_much(monkeypatch):
    monkeypatch.setattr(heap, "_after", 0)
    heap.give_back()
    before = heap.resident()
    # Pieces that lie in the heap, and one behind them that is kept.
    pieces = [bytearray(b"x" * 100_000) for _ in range(3000)]
    kept = pieces.pop()
    assert heap.resident() > before + 250 * MEGABYTE
    del pieces
    heap.give_back()
    assert heap.resident() < before + 100 * MEGABYTE
    few = [bytearray(b"x" * 100_000) for _ in range(300)]
    trimmed = heap.resident()
    del few
    heap.give_back()
    assert heap.resident() > trimmed - 10 * MEGABYTE, "the next request will want it again"
    assert len(kept) == 100_000


def test_elsewhere_nothing_happens(monkeypatch, tmp_path):
    monkeypatch.setattr(heap, "_STATM", tmp_path / "none")
    monkeypatch.setattr(heap, "_after", 0)
    heap.give_back()
    assert heap.resident() == 0
