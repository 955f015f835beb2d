"""Numbers on command lines that make no sense are refused, and are not taken for "no limit"."""

import importlib
import re
import sys

import pytest

FIT = ["train.fit_predictor", "one_frame", "--out", "nowhere"]
DATA = ["--data", "nowhere"]


@pytest.mark.parametrize(
    ("command", "option", "value", "says"),
    [
        (FIT, "--minutes", "0", "above 0, not 0"),
        (FIT, "--minutes", "-5", "above 0, not -5"),
        (FIT, "--minutes", "nan", "above 0, not nan"),
        (FIT, "--log-every", "0", "at least 1"),
        (FIT, "--batch", "0", "at least 1"),
        (["train.cache", *DATA, "--cache", "nowhere"], "--workers", "0", "at least 1"),
        (["train.evaluate", *DATA], "--per-clip", "0", "at least 1"),
        (["train.evaluate", *DATA], "--parts", "0", "at least 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_numbers_that_make_no_sense_are_refused(monkeypatch, capsys, command, option, value, says):
    for extra in ("lightning", "matplotlib", "cv2"):
        pytest.importorskip(extra, reason="training needs train/requirements.txt")
    module, *given = command
    monkeypatch.setattr(sys, "argv", [module, *given, option, value])
    with pytest.raises(SystemExit, match="2"):
        importlib.import_module(module).main()
    assert re.search(rf"{option}\b.*{re.escape(says)}", capsys.readouterr().err.splitlines()[-1])
