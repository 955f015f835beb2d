"""Make the index of what every filter answers to over the drawn clips (`vp.inspection.index`).

    python -m assets.make_index [--checkpoints FOLDER] [--networks one_frame ...]

That of the bundled weights is written to `assets/index`, of others to the cache folder. Run it again whenever clips or
weights change; a test compares them.
"""

from __future__ import annotations

import argparse
import time

from vp.explorer import Explorer
from vp.indexes import drawn_path, index_clip, index_key, write_index
from vp.inspection.index import merge
from vp.models import ALL_NAMES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoints", default="bundled", help="as of the app; default: the bundled ones")
    parser.add_argument("--networks", nargs="+", choices=ALL_NAMES, default=None, help="default: all that are there")
    options = parser.parse_args()
    explorer = Explorer(checkpoints=options.checkpoints)
    shelf, begin = explorer.shelves[0], time.perf_counter()
    for name in options.networks or explorer.checkpoints.names():
        passages = []
        for clip in shelf.clips.search(limit=len(shelf.clips)):
            passages += index_clip(explorer, name, shelf.id(clip), silence_each=True)
            print(f"{name} {clip.name}: {time.perf_counter() - begin:.0f} s", flush=True)
        path = drawn_path(explorer.checkpoints, name)
        write_index(merge(passages), path, index_key(explorer.checkpoints, name))
        print(f"wrote {path}, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
