"""Where the indexes of `vp.inspection.index` are kept: beside the bundled clips, or in the cache folder.

An index belongs to the weights that it was made with, by their hash. That of the bundled clips and weights is shipped;
`python -m assets.make_index` makes one for other weights. Clips that were fetched from the Hub are added as they are
there, a file each, to the cache folder and never to the repository.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import video
from .cache_folder import cache_folder
from .checkpoints import CheckpointSource
from .errors import CheckpointError, ExplorerError
from .limits import FPS, MAX_SEEN
from .replacing import replacing

if TYPE_CHECKING:  # these need PyTorch
    from .explorer import Explorer
    from .inspection.index import Index

BUNDLED = Path(__file__).resolve().parent.parent / "assets" / "index"
DRAWN = "drawn.npz"
FORMAT = 1  # raise it when indexes should be made anew
ARRAYS = ("peaks", "places", "courses", "scales", "lost", "answers", "motions")


def index_key(checkpoints: CheckpointSource, name: str) -> str:
    """What changes whenever the weights of a network do. Raises CheckpointError."""
    config = checkpoints.config(name)
    if "weights_sha256" not in config:
        raise CheckpointError(f"{name} of {checkpoints.spec} does not say what its weights are: save it again.")
    text = f"{FORMAT} {name} {config['encoder_sha256']} {config['weights_sha256']}"
    return hashlib.sha256(text.encode()).hexdigest()


def open_index(checkpoints: CheckpointSource, name: str) -> Index:
    """The index of the drawn clips for the weights of a network, with the clips that `add_clip` added to it.

    Raises CheckpointError, saying which command makes one, where there is none for these weights.
    """
    from .inspection.index import merge

    key = index_key(checkpoints, name)
    added = _folder(name, key)
    places = [added / DRAWN, *([BUNDLED / f"{name}.npz"] if checkpoints.spec == "bundled" else [])]
    drawn = next((index for place in places if (index := read_index(place, key))), None)
    if drawn is None:
        option = "" if checkpoints.spec == "bundled" else f" --checkpoints {checkpoints.spec}"
        stale = " of other weights" if any(place.exists() for place in places) else ""
        raise CheckpointError(
            f"There is {'only an' if stale else 'no'} index{stale} for {name}: "
            f"run python -m assets.make_index --networks {name}{option}"
        )
    others = (read_index(path, key) for path in sorted(added.glob("*.npz")) if path.name != DRAWN)
    return merge([drawn, *(other for other in others if other)])


def index_clip(explorer: Explorer, name: str, id: str, *, silence_each: bool = False) -> Iterator[Index]:
    """The index of every passage of a clip, by the trained weights of a network.

    silence_each: also try the first passage without each filter. Raises ClipError, VideoError or CheckpointError.
    """
    from .inspection.index import index_passage

    shelf, clip = explorer.clip(id)
    predictor = explorer.predictor(name)
    with closing(video.stream(shelf.clips.path(clip.id), fps=FPS)) as frames:
        first, passage = 0, list(islice(frames, MAX_SEEN + 1))
        while len(passage) > 2:
            options = {"clip": id, "start": first / FPS, "silence_each": silence_each and not first}
            yield explorer.run(index_passage, predictor, np.stack(passage), **options)
            # A passage's last frame, which is only predicted, is the first that the next one reads.
            first, passage = first + MAX_SEEN, [passage[-1], *islice(frames, MAX_SEEN)]


def add_clips(explorer: Explorer, name: str, progress: Callable[[float], object] | None = None) -> int:
    """Add to the index of a network, in the cache folder, the clips from the Hub that this machine has and that are
    not in it yet, of shelves that were opened. A clip that cannot be read is left out.

    progress: told the share that is done, in [0, 1]. Returns how many were added. Raises CheckpointError.
    """
    from .inspection.index import merge

    key = index_key(explorer.checkpoints, name)
    new = []
    for shelf in explorer.shelves:
        if not (clips := shelf.opened):  # nothing asks the Hub for a shelf before somebody looks at it
            continue
        for clip in clips.fetched():
            digest = hashlib.sha256(clips.version(clip.id).encode()).hexdigest()[:32]
            path = _folder(name, key) / f"{digest}.npz"
            if not path.exists():
                new.append((shelf.id(clip), path))
    count = 0
    for done, (id, path) in enumerate(new):
        try:
            if passages := list(index_clip(explorer, name, id)):
                write_index(merge(passages), path, key)
                count += 1
        except ExplorerError:
            pass
        if progress:
            progress((done + 1) / len(new))
    return count


def drawn_path(checkpoints: CheckpointSource, name: str) -> Path:
    """Where the index of the drawn clips is written: in the repository for the bundled weights only."""
    bundled = checkpoints.spec == "bundled"
    return BUNDLED / f"{name}.npz" if bundled else _folder(name, index_key(checkpoints, name)) / DRAWN


def write_index(index: Index, path: Path, key: str) -> None:
    """Write an index for the weights of this key. The same index gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {
        "key": key,
        "model": index.model,
        "widths": index.widths,
        "passages": [dataclasses.astuple(passage) for passage in index.passages],
    }
    with replacing(path) as part:
        np.savez_compressed(part, head=np.array(json.dumps(head)), **{name: getattr(index, name) for name in ARRAYS})


def read_index(path: Path, key: str) -> Index | None:
    """The index in a file, None where there is none for the weights of this key. Raises CheckpointError for a damaged
    file."""
    from .inspection.index import Index, Passage

    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            head = json.loads(str(file["head"]))
            if head["key"] != key:
                return None
            return Index(
                model=head["model"],
                widths=tuple(head["widths"]),
                passages=tuple(Passage(*passage) for passage in head["passages"]),
                **{name: file[name] for name in ARRAYS},
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"The index {path} cannot be read: delete it and make it again.") from error


def _folder(name: str, key: str) -> Path:
    return cache_folder() / "index" / f"{name}-{key[:16]}"
