"""How the page looks: Gradio's theme for its controls, our style sheet and scripts for the rest.

Nothing is fetched from elsewhere: fonts are the system's, so the page is whole without a network.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from vp.render import COLOURS

STATIC = Path(__file__).parent / "static"
# What views share, in the order in which it needs each other; each view's own comes behind, in any order.
SCRIPTS = ("core", "view", "words", "link", "picture", "flow", "share", "tour")
SHEETS = ("core", "header", "words", "tour", "controls", "stage", "share", "predict")
FONT = ["system-ui", "-apple-system", "Segoe UI", "Inter", "Roboto", "sans-serif"]

ACCENT = gr.themes.Color(
    name="predicted",
    c50="#fff4ed", c100="#ffe6d5", c200="#fecaaa", c300="#fda474", c400="#f98648", c500="#f07636",
    c600="#d95a1b", c700="#b44517", c800="#8f391a", c900="#743118", c950="#3f160a",
)  # fmt: skip


def theme() -> gr.themes.Base:
    """The one accent means "predicted" wherever it appears; everything else is quiet."""
    mono = ["ui-monospace", "SF Mono", "Menlo", "Consolas", "monospace"]
    base = gr.themes.Base(
        primary_hue=ACCENT, neutral_hue="slate", radius_size="md", spacing_size="sm", font=FONT, font_mono=mono
    )
    return base.set(
        body_background_fill="#f6f7f9",
        body_background_fill_dark="#0f1216",
        block_background_fill="#ffffff",
        block_background_fill_dark="#171b21",
        block_border_width="1px",
        block_border_color="#e3e7ee",
        block_border_color_dark="#262c35",
        block_shadow="none",
        input_background_fill="#ffffff",
        input_background_fill_dark="#11151a",
        button_primary_background_fill="#d95a1b",
        button_primary_text_color="#ffffff",
    )


def css() -> str:
    """The style sheets, inline."""
    return "\n".join(_read(SHEETS, "css"))


def head() -> str:
    """The scripts, inline, so that they are there before any view is."""
    scripts = [f"window.LVLN_COLOURS = {json.dumps(COLOURS)};", *_read(SCRIPTS, "js")]
    return "".join(f"<script>\n{script}</script>\n" for script in scripts)


def _read(shared: Sequence[str], kind: str) -> list[str]:
    """All files of a kind, what is shared first."""
    names = [*shared, *sorted({path.stem for path in STATIC.glob(f"*.{kind}")} - set(shared))]
    return [(STATIC / f"{name}.{kind}").read_text(encoding="utf-8") for name in names]
