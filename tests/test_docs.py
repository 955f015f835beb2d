"""README, CONTRIBUTING and docs: every path, command, option, recipe and figure that they name is there."""

from __future__ import annotations

import argparse
import functools
import importlib
import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTS += sorted((ROOT / "assets").glob("*/README.md"))
TOP = ("vp", "train", "tests", "assets", "docs", r"\.ci")
PATH = re.compile(rf"(?<![\w./:-])(?:{'|'.join(TOP)})/[\w./-]*\w[\w./-]*")
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def read(document: Path) -> str:
    return document.read_text(encoding="utf-8").replace("\\\n", " ")


def code(text: str) -> str:
    """What stands in code blocks and between backticks, a line each."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) + re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE)
    return "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))])


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Our modules and scripts that a document runs, each with its words; comments and what comes after are left out."""
    for line in code(text).splitlines():
        for part in re.split(r"&&|;|\|", line.split(" #")[0]):
            words = shlex.split(part.replace("[", "").replace("]", ""))
            words = words[1:] if words[:1] == ["do"] else words
            if words[:2] == ["python", "-m"] and re.match(r"(train|tests|assets)\.", words[2]):
                yield words[2], words[3:]
            elif words[:2] == ["python", "app.py"]:
                yield "app", words[2:]
            elif words[:1] == ["train/all_networks.sh"]:  # DATA OUT MINUTES, then options of this:
                yield "train.fit_predictor", words[4:]


COMMANDS = sorted({(module, tuple(words)) for document in DOCUMENTS for module, words in commands(read(document))})


class Parsed(Exception):
    """The parser of a command, caught before the command does anything."""


@functools.cache
def parser_of(module: str) -> argparse.ArgumentParser | None:
    """The parser with which a module reads its command line; None if it takes no words."""
    if module.startswith("train."):
        for package in ("lightning", "tensorboard", "matplotlib", "sklearn", "cv2"):
            pytest.importorskip(package, reason="training needs train/requirements.txt")
    package = importlib.util.find_spec(module).submodule_search_locations
    loaded = importlib.import_module(f"{module}.__main__" if package else module)
    if "argparse" not in vars(loaded):
        return None

    def caught(self, *_):
        raise Parsed(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", caught)
        with pytest.raises(Parsed) as parsed:
            loaded.main()
    return parsed.value.args[0]


def test_there_is_something_to_check():
    modules = {module for module, _ in COMMANDS}
    assert {"app", "train.fit_predictor", "train.evaluate", "train.findings.moving_circle", "tests.bench"} <= modules
    assert len(COMMANDS) > 20 and len(DOCUMENTS) > 7


@pytest.mark.parametrize(("module", "words"), COMMANDS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_command_takes_the_words_that_a_document_gives_it(module, words, capsys):
    parser = parser_of(module)
    if parser is None:
        assert not words
        return
    try:
        parser.parse_args(words or ["--help"])
    except SystemExit as ended:
        assert ended.code == 0, capsys.readouterr().err


def test_the_code_of_the_walk_runs(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "inspect.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 8
    exec("\n".join(blocks), {})
    said = capsys.readouterr().out.splitlines()
    kept, z, before, also, n, after = map(
        float, re.fullmatch(r"\((.+) - (.+)\) (.+) \+ (.+) x (.+) = (.+)", said[0]).groups()
    )
    assert kept == 1 and z == also and (1 - z) * before + z * n == pytest.approx(after, abs=2e-3)


def test_the_recipes_that_documents_name_are_shipped():
    pytest.importorskip("yaml", reason="training needs train/requirements.txt")
    from train.predictor.recipe import shipped

    rooms, named = {"train.fit_predictor": "predictor", "train.fit_classifier": "classifier"}, []
    for module, words in COMMANDS:
        if module in rooms and words and not words[0].startswith("-"):
            named.append(words[0])
            pattern = re.sub(r"\\\$\w+", ".+", re.escape(words[0]))  # subset_$n
            assert any(re.fullmatch(pattern, recipe) for recipe in shipped(rooms[module])), words[0]
    assert len(named) > 5


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_an_option_in_the_text_is_one_of_a_command(document):
    """Options that stand by themselves, such as --minutes."""
    alone = set(OPTION.findall(" ".join(re.findall(r"`(--[^`]*)`", read(document)))))
    for module in (
        ("app", "train.fit_predictor", "train.evaluate", "train.fit_classifier", "tests.bench") if alone else ()
    ):
        alone -= set(parser_of(module)._option_string_actions)
    assert not alone


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_a_path_is_there(document):
    text = read(document)
    paths = {*PATH.findall(code(text)), *re.findall(r"(?<![\w/.-])[\w]+\.py\b", code(text))}
    lost = []
    for path in paths:
        pattern = re.sub("NAME", "*", path.rstrip("/."))  # of something that is yet to be added
        pattern = pattern if "/" in path else f"**/{pattern}"
        lost += [] if next(ROOT.glob(pattern), None) else [path]
    assert not lost


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_what_a_document_links_or_shows_is_there(document):
    targets = re.findall(r"\]\(([^)\s]+)\)", read(document))
    lost = [t for t in targets if not re.match(r"\w+:|#", t) and not (document.parent / t.split("#")[0]).exists()]
    assert not lost


def test_every_figure_is_shown_or_named_by_a_document():
    text = "".join(map(read, DOCUMENTS))
    assert not [path.name for path in (ROOT / "assets" / "figures").iterdir() if path.name not in text]
