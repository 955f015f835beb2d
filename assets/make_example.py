"""Compute the prediction that the page shows before anybody clicks, and write it to `assets/example.json`.

    python -m assets.make_example

Run it again whenever the bundled clips or checkpoints change; a test compares the file with them.
"""

from __future__ import annotations

import json

from vp.explorer import Explorer
from vp.ui.handlers import EXAMPLE, Handlers


def make() -> dict:
    """The payload of the first clip, under a fixed key."""
    handlers = Handlers(Explorer())
    payload = handlers.predict(handlers.example_request())
    return payload | {"key": "example"}


def main() -> None:
    EXAMPLE.write_text(json.dumps(make()) + "\n", encoding="utf-8")
    print(f"wrote {EXAMPLE.name}, {EXAMPLE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
