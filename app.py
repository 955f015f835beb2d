"""L-VLN explorer: look inside a video prediction network, in a browser.

python app.py
python app.py --clips UCF-101/ --checkpoints runs/one_frame/export
python app.py --clips bundled hf://datasets/OWNER/NAME --checkpoints hf://OWNER/NAME@REVISION
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import threading

CLIPS = "bundled ucf101"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; the environment variables VP_CLIPS and VP_CHECKPOINTS give the defaults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--clips",
        nargs="+",
        action="extend",
        metavar="SOURCE",
        help="where clips come from, a shelf for each: bundled, ucf101 (from the Hugging Face Hub, once somebody opens "
        f"it), a FOLDER, or hf://datasets/OWNER/NAME@REVISION; default: {CLIPS}, or what VP_CLIPS names, with commas "
        "between several",
    )
    parser.add_argument(
        "--checkpoints",
        default=os.environ.get("VP_CHECKPOINTS", "bundled"),
        help="where weights come from: bundled, a FOLDER, or hf://OWNER/NAME@REVISION",
    )
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=None, help="default: the first free one from 7860")
    parser.add_argument("--mcp", action="store_true", help="offer the API as MCP tools too (needs gradio[mcp])")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    args = parser.parse_args(arguments)
    args.clips = args.clips or _listed(os.environ.get("VP_CLIPS", "")) or CLIPS.split()
    return args


def _listed(text: str) -> list[str]:
    """Sources separated by commas; a folder may have one in its name."""
    return [text] if os.path.isdir(text) else [part.strip() for part in text.split(",") if part.strip()]


def main() -> None:
    args = parse()
    if args.mcp and importlib.util.find_spec("mcp") is None:
        sys.exit('error: --mcp needs one more package: python -m pip install "gradio[mcp]"')
    # Read when torch loads: threads that spin while they wait make everything crawl as soon as the cores are shared,
    # and here they always are, with the browser at least.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # Imported late, so that --help answers at once.
    from vp.errors import ExplorerError
    from vp.explorer import Explorer
    from vp.ui import QUEUE, build, launch_options

    try:
        explorer = Explorer(args.clips, args.checkpoints)
        page = build(explorer)
    except ExplorerError as error:
        sys.exit(f"error: {error}")
    threading.Thread(target=explorer.warm_up, daemon=True).start()
    on_space = "SPACE_ID" in os.environ
    page.queue(max_size=QUEUE).launch(
        server_name="0.0.0.0" if on_space else args.host,
        server_port=args.port,
        mcp_server=args.mcp,
        inbrowser=not (args.no_browser or on_space),
        **launch_options(),
    )


if __name__ == "__main__":
    main()
