"""Checkpoints on the Hugging Face Hub, through its own client and its own cache.

`HF_TOKEN`, `HF_HOME`, `HF_HUB_OFFLINE` and `HF_ENDPOINT` mean what they mean to the client.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import (
    HfApi,
    ModelInfo,
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    snapshot_download,
    try_to_load_from_cache,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from ..errors import CheckpointError
from ..models import ALL_NAMES
from .files import CLASSIFIER, CONFIG, CONFIG_LIMIT, ENCODER, WEIGHTS
from .source import CARD, FORMS, CheckpointSource

# The client speaks through httpx or httpx2, by its version; its own HTTP error derives from theirs.
_TRANSPORT: type[Exception] = HfHubHTTPError.__mro__[1]
_SPEC = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+?)(?:@(?P<revision>[\w.+-]+(?:/[\w.+-]+)*))?", re.ASCII)
_SMALL = [CARD, *(f"{name}/{CONFIG}" for name in (*ALL_NAMES, ENCODER, CLASSIFIER))]


class HubSource(CheckpointSource):
    """One commit of a Hub repository. Weights are downloaded when they are first loaded."""

    def __init__(self, spec: str, folder: Path, repo: str) -> None:
        # The client keeps the files of each commit in a folder of that name.
        super().__init__(spec, folder, folder.name)
        self._repo = repo

    def _weights(self, name: str, limit: int) -> Path:
        file = f"{name}/{WEIGHTS}"
        cached = try_to_load_from_cache(self._repo, file, revision=self.revision)
        if isinstance(cached, str):
            return Path(cached)
        with _translated(self.spec, file):
            try:
                size = get_hf_file_metadata(hf_hub_url(self._repo, file, revision=self.revision)).size
            except EntryNotFoundError:
                return super()._weights(name, limit)  # which says what is there instead
        # Before the download, not after it: a repository that makes no sense shall fill nobody's disk.
        if size is not None and size > limit:
            raise CheckpointError(f"{file} of {self.spec} is too large for its network: {size:,} bytes for {limit:,}.")
        with _translated(self.spec, file):
            return Path(hf_hub_download(self._repo, file, revision=self.revision))

    def _listing(self) -> list[str]:
        try:
            return [file.rfilename for file in _look_up(self._repo, self.revision).siblings or ()]
        except Exception:  # it only improves the message about a missing file, which is what must not get lost
            return []


def open_hub(spec: str) -> HubSource:
    """Open `hf://owner/name` or `hf://owner/name@revision`; see `open_checkpoints`."""
    match = _SPEC.fullmatch(spec)
    # A branch name becomes a path in the client's cache, so it may not climb out of it.
    if match is None or ".." in spec:
        if re.match(r"hf://(datasets|spaces)/", spec):
            raise CheckpointError(f"{spec!r} is not a model repository. {FORMS}")
        raise CheckpointError(f"{spec!r} does not name a repository on the Hub. {FORMS}")
    repo, revision = match["repo"], match["revision"] or "main"
    with _translated(spec, "its configuration"):
        try:
            info = _look_up(repo, revision)
        except RevisionNotFoundError:
            raise
        except Exception as error:  # no network, Hub in trouble, access withdrawn: what was downloaded still serves
            try:
                return HubSource(spec, Path(snapshot_download(repo, revision=revision, local_files_only=True)), repo)
            except LocalEntryNotFoundError:
                raise error from None
        return HubSource(spec, _download_small(spec, repo, revision, info), repo)


def _look_up(repo: str, revision: str) -> ModelInfo:
    """Commit and files (with sizes) of a revision. Unlike most calls of the client, this one does not wait for ever."""
    return HfApi().model_info(repo, revision=revision, files_metadata=True, timeout=constants.HF_HUB_ETAG_TIMEOUT)


def _download_small(spec: str, repo: str, revision: str, info: ModelInfo) -> Path:
    """Fetch the card and the configurations of a commit; returns its folder in the client's cache."""
    small = [file for file in info.siblings or () if file.rfilename in _SMALL]
    if not small:
        raise CheckpointError(f"{spec} holds none of the checkpoints that this explorer knows: {', '.join(ALL_NAMES)}.")
    for file in small:
        if (file.size or 0) > CONFIG_LIMIT:
            raise CheckpointError(f"{file.rfilename} of {spec} is too large: {file.size:,} bytes for {CONFIG_LIMIT:,}.")
    for file in small:
        path = hf_hub_download(repo, file.rfilename, revision=info.sha)
    if revision != info.sha:
        # Asked for by branch, the client notes where the branch stood: for the days without a network.
        hf_hub_download(repo, file.rfilename, revision=revision)
    return Path(path).parents[file.rfilename.count("/")]


@contextmanager
def _translated(spec: str, what: str) -> Iterator[None]:
    """Turn whatever the client raises while it fetches `what` into a CheckpointError.

    The client's own text is left out: an error about a malformed header quotes the token in it.
    """
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:  # the client's errors have no common base, and its HTTP library's differ by version
        raise CheckpointError(_explain(error, spec, what)) from None


def _explain(error: BaseException, spec: str, what: str) -> str:
    """What went wrong with `what` of `spec`, and what to do about it."""
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        # "Not in the cache either": the cause says why the Hub was no help.
        return _explain(error.__cause__, spec, what)
    if isinstance(error, GatedRepoError):
        return f"{spec} is gated: ask for access on its page on the Hub, then set HF_TOKEN to a token of that account."
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"There is no model repository {spec}, or it is private: "
            "check the name, or set HF_TOKEN to a token that may read it."
        )
    if isinstance(error, RevisionNotFoundError):
        return f"{spec}: there is no such branch, tag or commit. Leave out @revision for the newest."
    if isinstance(error, (LocalEntryNotFoundError, OfflineModeIsEnabled)):
        return (
            f"{spec}: no network (HF_HUB_OFFLINE is set, or the cached copy is partial) and no cached copy of {what}. "
            "Connect once to download it."
        )
    if isinstance(error, EntryNotFoundError):
        return f"{spec} has no {what}: the checkpoint is incomplete."
    if isinstance(error, HFValidationError):
        return f"{spec!r} is not a valid repository name or revision. {FORMS}"
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status in (401, 403):
            return f"The Hub refuses {what} of {spec} (HTTP {status}): check that HF_TOKEN is valid and may read it."
        return f"The Hub fails to hand out {what} of {spec} (HTTP {status}) and no copy is cached. Try again later."
    if isinstance(error, (_TRANSPORT, ConnectionError, TimeoutError)):
        reason = type(error).__name__
        if reason == "LocalProtocolError":  # the request could not even be written down
            return f"{spec}: the request cannot be sent: check HF_TOKEN for characters that no token has."
        return f"{spec}: no network ({reason}) and no cached copy of {what}. Check the connection and try again."
    if isinstance(error, OSError) and error.strerror:
        return f"{what} of {spec} cannot be stored in the Hub client's cache: {error.strerror}."
    # A download that ends early lands here: the client has then thrown the part away.
    return f"The download of {what} of {spec} failed ({type(error).__name__}). Try again."
