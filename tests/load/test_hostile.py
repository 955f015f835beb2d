"""Some of the hostile input, through the real API; `python -m tests.load.hostile` sends all of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from load.hostile import Case, attack, cases, verdict

if TYPE_CHECKING:
    from serve import Server

SHARE = 12  # every twelfth case
PATIENCE = 15.0  # in CI the cores are shared


def test_there_are_more_than_two_hundred_and_they_differ(tmp_path: Path, good: Path) -> None:
    every = list(cases(tmp_path, good))
    assert len(every) > 200 and len({(c.name, str(c.file)) for c in every}) > 200
    assert {c.endpoint for c in every} >= {"/predict", "/silence", "/saliency"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_gets_words_and_the_next_visitor_an_answer(server: Server, tmp_path: Path, good: Path) -> None:
    report = attack(server, good, list(cases(tmp_path, good, seed=7))[::SHARE], PATIENCE)
    assert report["wrong"] == []
    assert report["tracebacks"] == 0
    assert report["outcomes"]["refused"] > report["cases"] / 3


def test_what_is_wrong_with_an_answer() -> None:
    case = Case("x", "/predict", None)
    assert verdict(case, "refused", 0.1, "No video given: pass a file.") is None
    assert "no video" in verdict(case, "answered", 0.1, "")
    assert "inside" in verdict(case, "refused", 0.1, 'Traceback: File "x.py"')
    assert "no reason" in verdict(case, "refused", 0.1, "The upstream Gradio app has raised an exception")
    assert "took" in verdict(case, "refused", 9.0, "No video given: pass a file.")
