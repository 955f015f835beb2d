"""What an evaluation leaves behind: numbers as JSON, and figures."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .figures import draw


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """`--json` and `--figures`."""
    parser.add_argument("--json", type=Path, default=None, help="write the numbers here")
    parser.add_argument("--figures", type=Path, default=None, help="draw them into this folder")


def leave(report: dict, args: argparse.Namespace) -> None:
    """Write and draw what was asked for; the names of the figures are printed."""
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if args.figures:
        for path in draw(report, args.figures):
            print(path)
