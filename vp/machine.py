"""What a machine may have in the way of a start: proxies, a taken port, a wrong host, folders that cannot be written.

Used by `app.py` before Gradio is imported. What can be got around is, with a line where a wish is not followed; all
else is a `MachineError` that names its cause.
"""

from __future__ import annotations

import atexit
import errno
import importlib.util
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

from .errors import ExplorerError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
# Settings that are whole numbers, and the word that each may be instead.
NUMBERS = {"HF_HUB_ETAG_TIMEOUT": "", "HF_HUB_DOWNLOAD_TIMEOUT": "", "GRADIO_DEFAULT_CONCURRENCY_LIMIT": "none"}
PORT_VARIABLES = {"GRADIO_SERVER_PORT": 7860, "GRADIO_NUM_PORTS": 100}


class MachineError(ExplorerError):
    """The page cannot be served as asked for on this machine."""


def prepare(host: str, port: int | None) -> None:
    """All of this module, in the order of a start at this address. Raises MachineError."""
    stand_in_for_console()
    check_working_folder()
    check_address(host, port)
    spare_proxies(host)
    spare_clients()
    private_folder()


def spare_proxies(host: str) -> None:
    """Keep what this program says to itself from the proxies of the environment: they cannot reach its loopback
    address, nor perhaps `host`, where it listens."""
    own = [*LOOPBACK, host.strip("[]")]
    known = [name for variable in ("no_proxy", "NO_PROXY") for name in os.environ.get(variable, "").split(",")]
    spared = ",".join(dict.fromkeys(name.strip() for name in (*known, *own) if name.strip()))
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = spared
    # With one that cannot be used, not even a request that needs no proxy can be made.
    for variable in (v for name in PROXIES for v in (name, name.upper())):
        address = os.environ.get(variable, "")
        if address and not _is_proxy(address):
            _leave_out(variable, "it is not the address of a proxy, such as http://proxy.example:8080")
        elif address.lower().startswith("socks") and importlib.util.find_spec("socksio") is None:
            _leave_out(variable, "SOCKS proxies need one more package: pip install socksio")


def _is_proxy(address: str) -> bool:
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        return parts.scheme in PROXY_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a port that is no number, for example
        return False


def stand_in_for_console() -> None:
    """Give what is printed somewhere to go where there is no console, as for services and pythonw."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def check_working_folder() -> None:
    """Raise MachineError where the working folder was deleted: Gradio cannot be imported there."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise MachineError("The working folder was deleted: change to another one and start again.") from None


def spare_clients() -> None:
    """Leave out the settings of clients of the network that would end the program as these are imported: certificates
    that cannot be read, numbers that are none. An address of a Hub that cannot be one is made harmless, and no other
    Hub is asked instead: `vp.hub` says what is wrong to whoever asks it for something."""
    if certificates := os.environ.get("SSL_CERT_FILE"):
        import ssl

        try:
            ssl.create_default_context(cafile=certificates)
        except OSError as error:  # ssl.SSLError too
            _leave_out("SSL_CERT_FILE", f"{certificates} holds no certificates ({error.strerror})")
    for variable, word in NUMBERS.items():
        value = os.environ.get(variable, "")
        if value not in ("", word) and not (value.isascii() and value.isdigit()):
            _leave_out(variable, f"it must be a whole number{' or ' * bool(word)}{word}, not {value!r}")
    endpoint = os.environ.get("HF_ENDPOINT", "")
    try:
        _ = urlsplit(endpoint).port
    except ValueError:
        os.environ["HF_ENDPOINT"] = quote(endpoint, safe="")


def private_folder() -> Path:
    """Make a folder for uploads, results and copies of clips, and have Gradio use it. It is removed on exit.

    It lies in GRADIO_TEMP_DIR, else in the system's folder for temporary files, else in the home folder. Raises
    MachineError if none of them can be written.
    """
    wanted = os.environ.get("GRADIO_TEMP_DIR")
    reasons = []
    for parent in _parents(wanted):
        try:
            Path(parent).mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix="lvln-explorer-", dir=parent)).resolve()
            break
        except OSError as error:
            reasons.append(f"{parent}: {error.strerror}")
    else:
        raise MachineError(
            f"No folder for temporary files can be written ({'; '.join(reasons)}): set TMPDIR to one that can."
        )
    if wanted and reasons:
        _warn(f"GRADIO_TEMP_DIR cannot be written ({reasons[0]}), so uploads go to {folder}")
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        tempfile.tempdir = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _parents(wanted: str | None) -> Iterator[str | Path]:
    if wanted:
        yield wanted
    with suppress(FileNotFoundError):  # raised where not even the working folder can be written
        yield tempfile.gettempdir()
    with suppress(RuntimeError):  # raised where nobody has a home, as in some containers
        yield Path.home() / ".cache" / "lvln-explorer"


def check_address(host: str, port: int | None) -> None:
    """Raise MachineError, saying which, unless `host` is an address of this machine on which `port` is free.

    port: None for one that Gradio looks for itself.
    """
    for variable, default in PORT_VARIABLES.items():
        value = os.environ.get(variable, str(default))
        if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 65535:
            raise MachineError(f"{variable} must be a whole number from 1 to 65535, not {value!r}.")
    root = os.environ.get("GRADIO_ROOT_PATH", "")
    if root and not root.startswith(("/", "http://", "https://")):
        raise MachineError(f"GRADIO_ROOT_PATH must begin with / or be a whole address, not {root!r}.")
    try:
        family, *_, address = socket.getaddrinfo(host.strip("[]"), port or 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name != "nt":  # there it would share the port of another program
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (socket.gaierror, UnicodeError):
        raise MachineError(f"There is no host {host!r}: use 127.0.0.1, or 0.0.0.0 for every network.") from None
    except OSError as error:
        raise MachineError(_why_not(host, port, error)) from None


def _why_not(host: str, port: int | None, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken by another program: choose another one with --port, or leave it out."
    if error.errno == errno.EACCES:
        return f"Port {port} is for administrators only: choose one from 1024 with --port, or leave it out."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for every network."
    return f"{host} cannot be listened on{f' at port {port}' if port else ''}: {error.strerror or error}."


def _leave_out(variable: str, why: str) -> None:
    _warn(f"{variable} is left out, as {why}")
    del os.environ[variable]


def _warn(words: str) -> None:
    print(f"warning: {words}", file=sys.stderr)
