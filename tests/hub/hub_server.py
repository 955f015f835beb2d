"""A Hugging Face Hub on this machine's loopback, for tests with the real client.

It speaks the part of the Hub's HTTP protocol that `huggingface_hub` uses to create a repository, upload a folder
(small files inside the commit, large ones through Git LFS), list it and download from it, for models and datasets.
Large files are served from a second port, as the real ones are from another host. Everything lives in memory.

Faults are injected with `Hub.fault`; every request is in `Hub.log`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

# The real Hub decides by size and by .gitattributes; both kinds must occur here.
LFS_ABOVE = 10_000
LFS_SUFFIXES = (".safetensors", ".mp4", ".avi")
PAGE = 4


@dataclass
class Repo:
    """One repository: commits are full snapshots {path: content}, newest last."""

    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes]) -> str:
        """Make `files` the newest commit of main; returns its hash."""
        digest = hashlib.sha1(f"{len(self.commits)}".encode())
        for path in sorted(files):
            digest.update(path.encode() + b"\0" + hashlib.sha1(files[path]).digest())
        self.commits[digest.hexdigest()] = files
        self.refs["main"] = digest.hexdigest()
        return digest.hexdigest()

    def resolve(self, revision: str) -> str | None:
        """Commit hash of a branch, tag or hash; None if unknown."""
        return self.refs.get(revision) or (revision if revision in self.commits else None)


@dataclass
class Fault:
    """What to do to the next `times` requests of `method` (None: any) whose path contains `where`.

    delay: seconds before the answer; pace: bytes of it a second; cut: bytes after which the connection ends.
    """

    where: str
    method: str | None = None
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pace: int | None = None
    cut: int | None = None
    content: Callable[[bytes], bytes] | None = None


@dataclass(frozen=True)
class Request:
    """One line of the log; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    status: int


class Hub:
    """The server. Use as a context manager, or `start` and `stop` it; it keeps its ports and contents.

    token: the only one that is valid.
    """

    token = "hf_fixture"

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.log: list[Request] = []
        self.lock = threading.RLock()
        self._servers: list[ThreadingHTTPServer] = []
        self._ports = [0, 0]

    @property
    def url(self) -> str:
        """What HF_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def storage_url(self) -> str:
        """Where large files lie."""
        return f"http://127.0.0.1:{self._ports[1]}"

    def start(self) -> Hub:
        for i, port in enumerate(self._ports):
            server = ThreadingHTTPServer(("127.0.0.1", port), type("Bound", (_Handler,), {"hub": self}))
            server.daemon_threads = True
            self._ports[i] = server.server_address[1]
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
            self._servers.append(server)
        return self

    def stop(self) -> None:
        """Refuse connections from now on."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers.clear()

    def __enter__(self) -> Hub:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def add(self, name: str, files: dict[str, bytes], *, dataset: bool = False, **flags: bool) -> str:
        """Put a repository "owner/name" there without a client; returns its commit."""
        repo = self.repos.setdefault(f"{'dataset' if dataset else 'model'}s/{name}", Repo(**flags))
        return repo.commit(dict(files))

    def fault(self, where: str, **what: object) -> Fault:
        """Inject a fault, see `Fault`."""
        fault = Fault(where, **what)
        with self.lock:
            self.faults.append(fault)
        return fault

    def requests(self, where: str, method: str | None = None) -> list[Request]:
        """The logged requests whose path contains `where`."""
        return [r for r in list(self.log) if where in r.path and method in (None, r.method)]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Quiet: there is `Hub.log`."""

    def do_GET(self) -> None:
        self._handle()

    do_HEAD = do_POST = do_PUT = do_GET

    def _handle(self) -> None:
        self.close_connection = True  # so that a stopped server leaves no connection behind
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.fault = self._next_fault()
        if self.fault and self.fault.delay:
            time.sleep(self.fault.delay)
        if self.fault and self.fault.status:
            return self._error(self.fault.status, **self.fault.headers)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client gave up waiting
            self._route()
        return None

    def _next_fault(self) -> Fault | None:
        with self.hub.lock:
            for fault in self.hub.faults:
                if fault.times and fault.where in self.path and fault.method in (None, self.command):
                    fault.times -= 1
                    return fault
        return None

    def _route(self) -> None:
        url = urlsplit(self.path)
        self.query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        parts = url.path.strip("/").split("/")
        match parts:
            case ["api", "repos", "create"]:
                self._create()
            case ["api", "validate-yaml"]:
                self._json({"errors": [], "warnings": []})
            case ["lfs", oid]:
                self._storage(oid)
            case ["api", ("models" | "datasets") as kind, owner, name, *rest]:
                if repo := self._repo(f"{kind}/{owner}/{name}", write=rest[:1] in (["preupload"], ["commit"])):
                    self._api(repo, kind, f"{owner}/{name}", [unquote(part) for part in rest])
            case ["datasets", owner, name, *rest]:
                self._files("datasets", owner, name, rest)
            case [owner, name, *rest]:
                self._files("models", owner, name, rest)
            case _:
                self._error(404)

    # --- who may do what -------------------------------------------------------------------------------------

    def _authorised(self) -> bool | None:
        """True with the valid token, None without one; answers 401 and gives False for a wrong one."""
        header = self.headers.get("Authorization")
        if header is None:
            return None
        if header != f"Bearer {self.hub.token}":
            self._error(401, **{"X-Error-Message": "Invalid credentials in Authorization header"})
            return False
        return True

    def _repo(self, key: str, *, write: bool = False) -> Repo | None:
        allowed = self._authorised()
        if allowed is False:
            return None
        repo = self.hub.repos.get(key)
        if repo is None or (repo.private and not allowed):
            self._error(404 if allowed else 401, **{"X-Error-Code": "RepoNotFound"})
        elif write and not allowed:
            self._error(401, **{"X-Error-Message": "Invalid username or password."})
        else:
            return repo
        return None

    # --- api -------------------------------------------------------------------------------------------------

    def _create(self) -> None:
        if not self._authorised():
            return self._error(401)
        asked = json.loads(self.body)
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        kind = asked.get("type") or "model"
        where = f"{self.hub.url}/{'datasets/' if kind == 'dataset' else ''}{name}"
        with self.hub.lock:
            if f"{kind}s/{name}" in self.hub.repos:
                return self._json({"error": "You already created this repo", "url": where}, status=409)
            private = asked.get("private") is True or asked.get("visibility") == "private"
            self.hub.add(name, {".gitattributes": b""}, dataset=kind == "dataset")
            self.hub.repos[f"{kind}s/{name}"].private = private
        return self._json({"url": where, "name": name, "id": name})

    def _api(self, repo: Repo, kind: str, name: str, rest: list[str]) -> None:
        match rest:
            case [] | ["revision", _]:
                if commit := self._commit(repo, rest[1] if rest else "main"):
                    siblings = [{"rfilename": path} for path in sorted(repo.commits[commit])]
                    if "blobs" in self.query:
                        for entry, path in zip(siblings, sorted(repo.commits[commit]), strict=True):
                            entry |= {"size": len(repo.commits[commit][path])}
                    info = {"_id": "0", "id": name, "sha": commit, "private": repo.private, "siblings": siblings}
                    self._json(info | {"tags": [], "downloads": 0, "likes": 0, "gated": repo.gated, "disabled": False})
            case ["tree", revision, *folder]:
                if commit := self._commit(repo, revision):
                    self._tree(repo.commits[commit], "/".join(folder))
            case ["paths-info", revision]:
                if commit := self._commit(repo, revision):
                    if "json" in (self.headers.get("Content-Type") or ""):
                        wanted = json.loads(self.body)["paths"]
                    else:
                        wanted = parse_qs(self.body.decode()).get("paths", [])
                    tree = repo.commits[commit]
                    self._json([_entry(path, tree[path]) for path in wanted if path in tree])
            case ["preupload", revision]:
                if commit := self._commit(repo, revision):
                    self._preupload(repo.commits[commit])
            case ["commit", revision]:
                if commit := self._commit(repo, revision):
                    self._add_commit(repo, repo.commits[commit], kind, name)
            case _:
                self._error(404)

    def _commit(self, repo: Repo, revision: str) -> str | None:
        commit = repo.resolve(revision)
        if commit is None:
            self._error(404, **{"X-Error-Code": "RevisionNotFound", "X-Error-Message": f"Invalid rev id: {revision}"})
        return commit

    def _tree(self, files: dict[str, bytes], folder: str) -> None:
        prefix = f"{folder}/" if folder else ""
        found: dict[str, dict] = {}
        for path, content in sorted(files.items()):
            if not path.startswith(prefix):
                continue
            *above, _ = path[len(prefix) :].split("/")
            for depth in range(1, len(above) + 1):
                directory = prefix + "/".join(above[:depth])
                found[directory] = {
                    "type": "directory",
                    "path": directory,
                    "oid": _git_oid(directory.encode()),
                    "size": 0,
                }
            found[path] = _entry(path, content)
        recursive = self.query.get("recursive", "").lower() in ("true", "1")
        entries = [e for p, e in found.items() if recursive or "/" not in p[len(prefix) :]]
        start = int(self.query.get("cursor", 0))
        headers = {}
        if start + PAGE < len(entries):
            path = urlsplit(self.path).path
            after = f"{self.hub.url}{path}?recursive={recursive}&cursor={start + PAGE}"
            headers["Link"] = f'<{after}>; rel="next"'
        self._json(entries[start : start + PAGE], **headers)

    def _preupload(self, files: dict[str, bytes]) -> None:
        answer = []
        for file in json.loads(self.body)["files"]:
            lfs = _is_lfs(file["path"], file["size"])
            entry = {"path": file["path"], "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
            if file["path"] in files:
                entry["oid"] = _entry(file["path"], files[file["path"]])["oid"]
            answer.append(entry)
        self._json({"files": answer})

    def _add_commit(self, repo: Repo, files: dict[str, bytes], kind: str, name: str) -> None:
        files = dict(files)
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            match item["key"]:
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    if value["oid"] not in self.hub.blobs:
                        return self._error(
                            400, **{"X-Error-Message": "LFS pointer points to a file that does not exist"}
                        )
                    files[value["path"]] = self.hub.blobs[value["oid"]]
                case "deletedFile":
                    files.pop(value["path"], None)
                case "deletedFolder":
                    files = {p: c for p, c in files.items() if not p.startswith(value["path"].rstrip("/") + "/")}
        with self.hub.lock:
            commit = repo.commit(files)
        where = f"{self.hub.url}/{'datasets/' if kind == 'datasets' else ''}{name}/commit/{commit}"
        return self._json({"success": True, "commitOid": commit, "commitUrl": where, "hookOutput": ""})

    # --- files -----------------------------------------------------------------------------------------------

    def _files(self, kind: str, owner: str, name: str, rest: list[str]) -> None:
        match rest:
            case ["info", "lfs", "objects", "batch"]:
                if self._repo(f"{kind}/{owner}/{name.removesuffix('.git')}", write=True):
                    self._lfs_batch()
            case ["resolve", revision, *path]:
                if repo := self._repo(f"{kind}/{owner}/{name}"):
                    self._resolve(repo, unquote(revision), unquote("/".join(path)))
            case _:
                self._error(404)

    def _lfs_batch(self) -> None:
        objects = []
        for asked in json.loads(self.body)["objects"]:
            answer = {"oid": asked["oid"], "size": asked["size"]}
            if asked["oid"] not in self.hub.blobs:
                answer["actions"] = {"upload": {"href": f"{self.hub.storage_url}/lfs/{asked['oid']}"}}
            objects.append(answer)
        self._json({"transfer": "basic", "objects": objects})

    def _storage(self, oid: str) -> None:
        """The storage behind the Hub: addressed by SHA-256, knows no tokens."""
        if self.command == "PUT":
            if hashlib.sha256(self.body).hexdigest() != oid:
                return self._error(400)
            self.hub.blobs[oid] = self.body
            return self._send(200, b"")
        if oid not in self.hub.blobs:
            return self._error(404)
        return self._content(self.hub.blobs[oid], {"ETag": f'"{oid}"'})

    def _resolve(self, repo: Repo, revision: str, path: str) -> None:
        commit = self._commit(repo, revision)
        if commit is None:
            return None
        about = {"X-Repo-Commit": commit}
        if repo.gated and not self._authorised():
            return self._error(403, **about, **{"X-Error-Code": "GatedRepo"})
        if path not in repo.commits[commit]:
            return self._error(404, **about, **{"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
        content = repo.commits[commit][path]
        entry = _entry(path, content)
        if "lfs" not in entry:
            return self._content(content, about | {"ETag": f'"{entry["oid"]}"'})
        oid = entry["lfs"]["oid"]
        self.hub.blobs[oid] = content
        about |= {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(content))}
        return self._send(302, b"", about | {"Location": f"{self.hub.storage_url}/lfs/{oid}"})

    def _content(self, content: bytes, headers: dict[str, str]) -> None:
        """The whole content, or the part from a `Range: bytes=n-` on."""
        if self.fault and self.fault.content:
            content = self.fault.content(content)
        headers = headers | {"Accept-Ranges": "bytes"}
        asked = self.headers.get("Range")
        if asked is None:
            return self._send(200, content, headers)
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, stop = int(first), int(last) + 1 if last else len(content)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        return self._send(206, content[start:stop], headers)

    # --- answers ---------------------------------------------------------------------------------------------

    def _json(self, value: object, status: int = 200, **headers: str) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})

    def _error(self, status: int, **headers: str) -> None:
        self._json({"error": headers.get("X-Error-Message", f"error {status}")}, status, **headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        headers_seen = {key.lower(): value for key, value in self.headers.items()}
        self.hub.log.append(Request(self.command, self.path, headers_seen, status))
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            # A cut connection has promised everything and delivers a part.
            cut = self.fault.cut if self.fault else None
            body = body if cut is None else body[:cut]
            pace = self.fault.pace if self.fault else None
            step = pace // 10 if pace else len(body) or 1
            for start in range(0, len(body), step):
                self.wfile.write(body[start : start + step])
                if pace:
                    time.sleep(0.1)


def _is_lfs(path: str, size: int) -> bool:
    return size > LFS_ABOVE or (size > 0 and path.endswith(LFS_SUFFIXES))


def _git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _entry(path: str, content: bytes) -> dict:
    """A file as the tree lists it."""
    entry = {"type": "file", "path": path, "size": len(content), "oid": _git_oid(content)}
    if _is_lfs(path, len(content)):
        oid = hashlib.sha256(content).hexdigest()
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n".encode()
        entry |= {"oid": _git_oid(pointer), "lfs": {"oid": oid, "size": len(content), "pointerSize": len(pointer)}}
    return entry
