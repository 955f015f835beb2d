"""The scripts of the page are written in one style; `python -m tests.ui.test_scripts` brings them into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from vp.ui.theme import STATIC

beautifier = pytest.importorskip("jsbeautifier", reason="no jsbeautifier: pip install -r tests/requirements.txt")
STYLE = {
    "indent_size": 2,
    "brace_style": "collapse,preserve-inline",
    "end_with_newline": True,
    "keep_array_indentation": True,
    "max_preserve_newlines": 2,
    "operator_position": "preserve-newline",
    "space_after_anon_function": True,
}
SCRIPTS = sorted(STATIC.glob("*.js"))


def formatted(text: str) -> str:
    return beautifier.beautify(text, STYLE)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_it_is_formatted(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    wanted = formatted(text)
    pairs = zip(text.splitlines(), wanted.splitlines(), strict=False)
    line = next((i for i, (is_now, should_be) in enumerate(pairs, start=1) if is_now != should_be), "last")
    assert text == wanted, f"line {line} of {script.name}: run python -m tests.ui.test_scripts"


def test_what_is_not_formatted_is_found() -> None:
    assert formatted("const a = (b)=>{ return b+1 }\n") == "const a = (b) => { return b + 1 }\n"
    assert formatted("if (a) {\n    b();\n}") == "if (a) {\n  b();\n}\n"


if __name__ == "__main__":
    for script in SCRIPTS:
        script.write_text(formatted(script.read_text(encoding="utf-8")), encoding="utf-8")
