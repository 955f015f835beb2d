"""Every text file is UTF-8, whatever the code page of the system: in what the code says, and when it runs."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [ROOT / "app.py", *sorted(path for name in ("vp", "train", "assets") for path in (ROOT / name).rglob("*.py"))]
# The C locale without what Python does about it: ASCII, so that any other character is an error.
CODE_PAGE = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
START = """
import locale, sys, warnings
warnings.filterwarnings("ignore", category=EncodingWarning)
assert not sys.flags.utf8_mode and "utf" not in locale.getpreferredencoding(False).lower()
warnings.filterwarnings("error", category=EncodingWarning, module=r"(vp|train|assets|__main__)(\\.|$)")
"""


def run(program: str, *options: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *options, "-c", program], cwd=ROOT, env=os.environ | CODE_PAGE | environment,
        capture_output=True, encoding="utf-8", errors="replace", timeout=200,
    )  # fmt: skip


def without_encoding(source: str) -> list[str]:
    """The calls that read or write text in the encoding of the system."""
    found = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        method = isinstance(call.func, ast.Attribute)
        name = call.func.attr if method else getattr(call.func, "id", "")
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if method and name in ("read_text", "write_text"):
            bare = len(call.args) <= (name == "write_text")
        elif name == "open" and ast.unparse(call.func) not in ("av.open", "os.open", "Image.open", "webbrowser.open"):
            place = 0 if method else 1
            mode = given.get("mode", call.args[place] if len(call.args) > place else ast.Constant("r"))
            bare = not (isinstance(mode, ast.Constant) and "b" in str(mode.value))
        else:
            bare = "text" in given or "universal_newlines" in given
        if bare and "encoding" not in given:
            found.append(f"{call.lineno}: {ast.unparse(call)}")
    return found


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("p.read_text()", 1), ("p.read_text(encoding='utf-8')", 0), ("p.write_text(x)", 1), ("p.read_bytes()", 0),
        ("open(p)", 1), ("open(p, 'wb')", 0), ("p.open('a')", 1), ("p.open('rb')", 0), ("open(p, mode='rb')", 0),
        ("run(c, text=True)", 1), ("run(c, text=True, encoding='utf-8')", 0), ("av.open(p)", 0),
    ],
)  # fmt: skip
def test_what_counts_as_no_encoding(source, count):
    assert len(without_encoding(source)) == count


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_text_is_read_and_written_as_utf8(path):
    assert without_encoding(path.read_text(encoding="utf-8")) == []


def test_the_page_is_built_under_another_code_page(tmp_path):
    program = START + (
        "from vp.explorer import Explorer\n"
        "from vp.ui import build, launch_options\n"
        "page = build(Explorer())\n"
        "text = launch_options()['css'] + launch_options()['head'] + str(page.config)\n"
        "assert chr(0xd7) in text and chr(0xc3) + chr(0x97) not in text\n"  # the times sign, as cp1252 would have it
        "print('built')\n"
    )
    done = run(program, "-X", "warn_default_encoding", VP_CACHE=str(tmp_path))
    assert done.returncode == 0 and done.stdout == "built\n", done.stderr[-3000:]


def test_files_of_training_are_read_under_another_code_page(tmp_path):
    """A recipe and a log of a person who writes with accents, and a cache of clips whose names have some."""
    (tmp_path / "é.yaml").write_text("# à l'œuvre\nmodel: one_frame\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("# à l'œuvre\nmodel: one_frame\n", encoding="utf-8-sig")
    (tmp_path / "c.yaml").write_text("# à l'œuvre\nmodel: one_frame\n", encoding="utf-16")
    (tmp_path / "index.jsonl").write_text('["naïve", 3, 25.0]\n', encoding="utf-8")
    (tmp_path / "testlist01.txt").write_text("Été/v_Été_g01_c01.avi\n", encoding="utf-8")
    program = START + (
        "from pathlib import Path\n"
        "from train.data import circle_sequences\n"
        "from train.data.frame_cache import read_index\n"
        "from train.predictor.recipe import load_recipe\n"
        "from train.data.splits import read_list\n"
        f"here = Path({os.fsencode(tmp_path).decode()!r})\n"
        "assert [load_recipe(str(path)).model for path in here.glob('*.yaml')] == ['one_frame'] * 3\n"
        "circle_sequences.build(here)\n"
        "assert 'na\\u00efve' in read_index(here) and 'circle' in read_index(here)\n"
        "assert read_list(here / 'testlist01.txt') == {'v_\\u00c9t\\u00e9_g01_c01'}\n"
    )
    done = run(program, "-X", "warn_default_encoding")
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("console", ["cp932", "cp1252", "ascii"])
def test_a_console_that_cannot_show_a_character_stops_nothing(console):
    """A table after an hour of scoring, or the name of a clip that cannot be decoded."""
    done = run("import train\nprint('\\u2013 \\u00b1 \\u03c3 \\udce9')", PYTHONIOENCODING=console)
    assert done.returncode == 0 and done.stdout, done.stderr
