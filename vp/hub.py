"""The Hugging Face Hub, for clips (datasets) and checkpoints (models): addresses, commits, files, errors in words.

All goes through the Hub's own client and lies in its cache, so `HF_TOKEN`, `HF_HOME`, `HF_HUB_OFFLINE` and
`HF_ENDPOINT` mean what they mean to it. A repository is opened at one commit, which does not change: what was
downloaded of it once serves without a network. The client takes half a second to import, and is imported when used.
"""

from __future__ import annotations

import inspect
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from .errors import CheckpointError, ClipError, ExplorerError
from .replacing import FULL, disk_is_full, replacing

# What a repository of a kind holds here, and so what its failures are.
FAILURES: dict[str, type[ExplorerError]] = {"model": CheckpointError, "dataset": ClipError}
MAIN = "main"

_SCHEME = re.compile(r"hf:/+", re.IGNORECASE)
_WEB = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/", re.IGNORECASE)
_NAME = re.compile(r"(?!.*(?:--|\.\.))\w(?:[\w.-]{0,94}\w)?", re.ASCII)
# A branch name becomes a path in the client's cache, so it may not climb out of it.
_REVISION = re.compile(r"(?!.*\.\.)[\w.+-]+(?:/[\w.+-]+)*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LARGE = 50_000  # files, from which on the Hub's short answer about a repository may leave some out
_PIECE = 1 << 16  # bytes


@dataclass(frozen=True)
class Address:
    """A repository at a revision. kind: "model" or "dataset"; repo: "owner/name"; revision: branch, tag or commit."""

    kind: str
    repo: str
    revision: str = MAIN

    def __str__(self) -> str:
        prefix = "datasets/" if self.kind == "dataset" else ""
        return f"hf://{prefix}{self.repo}" + ("" if self.revision == MAIN else f"@{self.revision}")

    @property
    def brief(self) -> str:
        """For messages: a commit by its first digits."""
        return str(self).replace(self.revision, self.revision[:7]) if _COMMIT.fullmatch(self.revision) else str(self)


def is_address(text: str) -> bool:
    """Whether a text means the Hub rather than a folder: `hf://...`, in any case, or the address of a page of it."""
    return text.lower().startswith("hf:") or _on_the_web(text) is not None


def parse_address(text: str, kind: str) -> Address:
    """Read `hf://[datasets/]owner/name[@revision]`, or the address of the repository's web page.

    kind: what it must be, "model" or "dataset". Raises ValueError, saying what is wrong with it.
    """
    text = text.strip()
    rest: list[str] = []
    revision = None
    if web := _on_the_web(text):
        path = re.split("[?#]", text[web.end() :])[0]
        parts = [unquote(part) for part in path.strip("/").split("/")]
    else:
        scheme = _SCHEME.match(text)
        path, at, named = text[scheme.end() if scheme else 0 :].strip("/").partition("@")
        parts = path.strip("/").split("/") if scheme else []
        revision = named.rstrip("/") if at else None
    repo_type = "model"
    if parts and parts[0].lower() in ("models", "datasets", "spaces"):
        repo_type, parts = parts[0].lower()[:-1], parts[1:]
    if web:
        parts, rest = parts[:2], parts[2:]
        if len(rest) == 2 and rest[0] in ("tree", "commit"):
            revision, rest = rest[1], []
    if rest or len(parts) != 2 or not all(_NAME.fullmatch(part) for part in parts):
        raise ValueError(f"{text!r} does not name a repository on the Hub.")
    if repo_type != kind:
        raise ValueError(f"{text!r} is not a {kind} repository.")
    if revision is not None and not _REVISION.fullmatch(revision):
        raise ValueError(f"{revision!r} in {text!r} is no branch, tag or commit.")
    return Address(kind, "/".join(parts), revision or MAIN)


def _on_the_web(text: str) -> re.Match | None:
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    return _WEB.match(text) or (re.match(re.escape(f"{endpoint}/"), text) if endpoint else None)


@dataclass(frozen=True)
class Repository:
    """One commit of a repository. Holds no files, so threads and processes may share it.

    files: its paths, each with its size in bytes where the Hub has said so.
    """

    address: Address
    commit: str
    files: dict[str, int | None]

    def cached(self, file: str) -> Path | None:
        """The file where it was downloaded before, without asking the Hub."""
        from huggingface_hub import try_to_load_from_cache

        path = try_to_load_from_cache(self.address.repo, file, repo_type=self.address.kind, revision=self.commit)
        return Path(path) if isinstance(path, str) else None

    def fetch(self, file: str, *, limit: int | None = None, progress: Callable[[float], object] | None = None) -> Path:
        """The file on this machine, downloaded if need be.

        limit: bytes; a longer file is not downloaded, for a repository that makes no sense shall fill nobody's disk.
        progress: told the share that has arrived, in [0, 1], from the thread that called.
        Raises the error of `FAILURES`, saying what to do.
        """
        from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download

        if cached := self.cached(file):
            return cached
        with explained(self.address, file):
            # Asked about first, because a download that finds no Hub tries again and again before it says so.
            size = get_hf_file_metadata(self._url(file)).size
            if limit is not None and (size or 0) > limit:
                raise FAILURES[self.address.kind](
                    f"{file} of {self.address.brief} is too large: {size:,} bytes for {limit:,}."
                )
            # The client writes in pieces of 10 MiB: a clip would come all at once, and a piece that is cut is lost.
            constants.DOWNLOAD_CHUNK_SIZE = _PIECE
            options = {"tqdm_class": _progress_bar(progress)} if progress and _tells_progress(hf_hub_download) else {}
            return Path(
                hf_hub_download(self.address.repo, file, repo_type=self.address.kind, revision=self.commit, **options)
            )

    def head(self, file: str, count: int) -> bytes:
        """The first `count` bytes of a file, which are not kept. Raises as `fetch` does."""
        from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

        with explained(self.address, file):
            headers = build_hf_headers() | {"Range": f"bytes=0-{count - 1}", "Accept-Encoding": "identity"}
            with get_session().stream(
                "GET", self._url(file), headers=headers, follow_redirects=True, timeout=_patience()
            ) as answer:
                hf_raise_for_status(answer)
                head = b""
                for part in answer.iter_bytes():  # a server may ignore the range and send all
                    head += part
                    if len(head) >= count:
                        break
                return head[:count]

    def _url(self, file: str) -> str:
        from huggingface_hub import hf_hub_url

        return hf_hub_url(self.address.repo, file, repo_type=self.address.kind, revision=self.commit)


def open_repository(address: Address) -> Repository:
    """Look up the commit of a revision and its files, or how they were at the last visit if the Hub cannot be reached.

    What is named by its commit is not looked up again. Raises the error of `FAILURES`.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RevisionNotFoundError

    kept = _kept(address)
    if kept and _COMMIT.fullmatch(address.revision):
        return kept
    with explained(address, "its list of files"):
        try:
            info = HfApi().repo_info(
                address.repo,
                repo_type=address.kind,
                revision=address.revision,
                files_metadata=address.kind == "model",  # of thousands of clips it takes the Hub a while
                timeout=_patience(),
            )
            files = {file.rfilename: file.size for file in info.siblings or ()}
            if len(files) >= _LARGE:
                names = HfApi().list_repo_files(address.repo, repo_type=address.kind, revision=info.sha)
                files = {name: files.get(name) for name in names}
        except RevisionNotFoundError:
            raise
        except Exception:  # no network, Hub in trouble, access withdrawn: what was downloaded still serves
            if known := kept or _downloaded(address):
                return known
            raise
    repository = Repository(address, info.sha, files)
    with suppress(OSError, ValueError):  # no place for it: then it is looked up again next time
        kept_at = _kept_at(address)
        with replacing(kept_at) as part:
            part.write_text(json.dumps({"commit": info.sha, "files": files}), encoding="utf-8")
    return repository


def _patience() -> float:
    """Seconds for the Hub to answer; most calls of the client would wait for ever."""
    from huggingface_hub import constants

    return float(constants.HF_HUB_ETAG_TIMEOUT)


def _kept_at(address: Address) -> Path:
    from huggingface_hub import cached_assets_path

    name = f"{address.kind}--{address.repo}--{address.revision}".replace("/", "--")
    return cached_assets_path("lvln-explorer", namespace="listings") / f"{name}.json"


def _kept(address: Address) -> Repository | None:
    """A repository as it was at the last visit."""
    try:
        listing = json.loads(_kept_at(address).read_bytes())
        return Repository(address, listing["commit"], dict(listing["files"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _downloaded(address: Address) -> Repository | None:
    """What somebody downloaded with the client itself."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(
            snapshot_download(address.repo, repo_type=address.kind, revision=address.revision, local_files_only=True)
        )
    except Exception:  # of many kinds, all of which mean that there is nothing
        return None
    files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    return Repository(address, folder.name, files) if files else None


# Progress -----------------------------------------------------------------------------------------------------


def _tells_progress(download: Callable) -> bool:
    return "tqdm_class" in inspect.signature(download).parameters  # not in the client's first versions


def _progress_bar(progress: Callable[[float], object]) -> type:
    """A progress bar for the client that shows nothing and tells `progress`."""
    from tqdm import tqdm

    class ProgressBar(tqdm):
        def __init__(self, *args: object, **options: object) -> None:
            options.pop("name", None)
            super().__init__(*args, **options | {"disable": False, "file": io.StringIO()})

        def update(self, n: float | None = 1) -> bool | None:
            shown = super().update(n)
            if self.total:
                progress(min(1.0, self.n / self.total))
            return shown

    return ProgressBar


# Errors -------------------------------------------------------------------------------------------------------


@contextmanager
def explained(address: Address, what: str) -> Iterator[None]:
    """Turn whatever the client raises while it fetches `what` into the error of `FAILURES`, in words for people.

    The client's own text is left out: an error about a malformed header quotes the token in it.
    """
    try:
        yield
    except ExplorerError:
        raise
    except Exception as error:  # the client's errors have no common base, and its HTTP library's differ by version
        raise FAILURES[address.kind](_explain(error, address, what)) from None


def _explain(error: BaseException, address: Address, what: str) -> str:
    """What went wrong with `what`, and what to do about it."""
    from huggingface_hub import constants, errors

    name = address.brief
    if isinstance(error, errors.LocalEntryNotFoundError) and error.__cause__ is not None:
        # "Not in the cache either": the cause says why the Hub was no help.
        return _explain(error.__cause__, address, what)
    if isinstance(error, errors.GatedRepoError):
        return f"{name} is gated: ask for access on its page on the Hub, then set HF_TOKEN to a token of that account."
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            f"There is no {address.kind} repository {name}, or it is private: "
            "check the name, or set HF_TOKEN to a token that may read it."
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{name}: there is no such branch, tag or commit. Leave out @revision for the newest."
    if isinstance(error, (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled)):
        return (
            f"{name}: no network (HF_HUB_OFFLINE is set, or the cached copy is partial) and no cached copy of {what}. "
            f"Connect once to download it, or {_instead(address)}."
        )
    if isinstance(error, errors.EntryNotFoundError):
        return f"{name} has no {what}: it was renamed or removed."
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        if status in (401, 403):
            return f"The Hub refuses {what} of {name} (HTTP {status}): check that HF_TOKEN is valid and may read it."
        return f"The Hub fails to hand out {what} of {name} (HTTP {status}) and no copy is cached. Try again later."
    reason = type(error).__name__
    if reason in ("LocalProtocolError", "UnicodeEncodeError"):  # the request could not even be written down
        return f"{name}: the request cannot be sent: check HF_TOKEN for characters that no token has."
    if reason in ("UnsupportedProtocol", "InvalidURL"):
        return f"{name}: HF_ENDPOINT must be a whole address, such as https://huggingface.co."
    # The client speaks through httpx or httpx2, by its version; its own HTTP error derives from theirs.
    if isinstance(error, (errors.HfHubHTTPError.__mro__[1], ConnectionError, TimeoutError)):
        if reason in ("RemoteProtocolError", "ReadError"):
            return f"The download of {what} of {name} broke off ({reason}). Try again, or {_instead(address)}."
        return (
            f"{name}: no network ({reason}) and no cached copy of {what}. "
            f"Check the connection and try again, or {_instead(address)}."
        )
    if isinstance(error, OSError) and error.strerror and error.errno not in FULL:
        return (
            f"{what} of {name} cannot be stored in the Hub client's cache: {error.strerror}. "
            "Set HF_HOME to a folder that can be written."
        )
    if (isinstance(error, OSError) and error.errno in FULL) or disk_is_full(constants.HF_HUB_CACHE):
        return (
            f"{what} of {name} cannot be stored in the Hub client's cache: the disk is full. "
            "Free some space, or set HF_HOME to a folder on another disk."
        )
    # A download that ends early lands here: the client has then thrown the part away.
    return f"The download of {what} of {name} failed ({reason}). Try again, or {_instead(address)}."


def _instead(address: Address) -> str:
    """What does without the Hub."""
    option, what = ("--clips", "clips") if address.kind == "dataset" else ("--checkpoints", "checkpoints")
    return f"start the app with {option} and a folder of {what}"
