"""L-VLN explorer: look inside a video prediction network, in a browser.

python app.py
python app.py --clips UCF-101/ --checkpoints runs/one_frame/export
python app.py --clips bundled hf://datasets/OWNER/NAME --checkpoints hf://OWNER/NAME@REVISION
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import gc
import importlib.util
import os
import signal
import sys
import threading

CLIPS = "bundled ucf101"
HEAD_START = 0.5  # seconds that the first page has for itself before the networks are loaded


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
    parser.add_argument("--port", type=port_number, default=None, help="default: the first free one from 7860")
    parser.add_argument("--mcp", action="store_true", help="offer the API as MCP tools too (needs gradio[mcp])")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    args = parser.parse_args(arguments)
    args.clips = args.clips or _listed(os.environ.get("VP_CLIPS", "")) or CLIPS.split()
    return args


def _listed(text: str) -> list[str]:
    """Sources separated by commas; a folder may have one in its name."""
    return [text] if os.path.isdir(text) else [part.strip() for part in text.split(",") if part.strip()]


def port_number(text: str) -> int:
    """A port that a program may listen on; the `type` of --port."""
    if not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"must be from 1 to 65535, not {text}")
    return int(text)


def main() -> None:
    args = parse()
    codes: list[int] = []
    # Registered first, so called last, when all is tidied up. The end of the interpreter would tear what other threads
    # predict or load out of PyTorch, which aborts the process then.
    atexit.register(lambda: codes and leave(codes[0]))
    for name in ("SIGTERM", "SIGHUP"):
        # As Ctrl-C, so that what was uploaded and made is deleted; nohup has SIGHUP ignored.
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:
            signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        run(args)
        codes.append(0)
    except KeyboardInterrupt:
        codes.append(130)


def leave(code: int) -> None:
    """End the process at once."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # there may be none, or nobody at its end
            stream.flush()
    os._exit(code)


def run(args: argparse.Namespace) -> None:
    """Serve the page until somebody stops it."""
    if args.mcp and importlib.util.find_spec("mcp") is None:
        sys.exit('error: --mcp needs one more package: python -m pip install "gradio[mcp]"')
    # Read when torch loads: threads that spin while they wait make everything crawl as soon as the cores are shared,
    # and here they always are, with the browser at least.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    gc.disable()  # what the imports make is there to stay: to look through it for waste takes a tenth of the start
    from vp.errors import ExplorerError
    from vp.machine import prepare
    from vp.malloc import share_heaps

    share_heaps()

    on_space = "SPACE_ID" in os.environ
    host = "0.0.0.0" if on_space else args.host
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host  # IPv6, as in an address
    try:
        prepare(host, args.port)
        # Imported late: --help answers at once, and Gradio reads what was just set.
        from vp.explorer import Explorer
        from vp.ui import QUEUE, build, launch_options

        explorer = Explorer(args.clips, args.checkpoints)
        page = build(explorer)
    except ExplorerError as error:
        sys.exit(f"error: {error}")
    try:
        page.queue(max_size=QUEUE).launch(
            prevent_thread_lock=True,
            server_name=host,
            server_port=args.port,
            mcp_server=args.mcp,
            inbrowser=not (args.no_browser or on_space),
            **launch_options(),
        )
    except OSError as error:  # Gradio found no port, or could not listen on it after all
        sys.exit(f"error: {error}")
    gc.freeze()
    gc.enable()
    # The page needs no network: PyTorch is loaded behind it, and whoever waited for the page has it before.
    loading = threading.Timer(HEAD_START, explorer.warm_up)
    loading.daemon = True
    loading.start()
    page.block_thread()


if __name__ == "__main__":
    main()
