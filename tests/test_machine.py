"""vp.machine, and the app on machines that stand in its way: it starts all the same, or says in one line why not."""

from __future__ import annotations

import errno
import http.server
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import certifi
import httpx
import pytest
from gradio_client import handle_file
from serve import ROOT, Visitor, serve

from vp import machine
from vp.cache_folder import cache_folder
from vp.machine import MachineError, check_address, private_folder, spare_clients, spare_proxies, stand_in_for_console

CLIP = ROOT / "assets" / "clips" / "walk.mp4"
NOBODY = "http://127.0.0.1:9"  # the port of "discard": nothing answers


@pytest.fixture
def no_proxies(monkeypatch):
    """An environment without proxies, put back afterwards."""
    for name in (*machine.PROXIES, "no_proxy"):
        for variable in (name, name.upper()):
            monkeypatch.setenv(variable, "")  # so that it is put back, whatever the code does
            monkeypatch.delenv(variable)


@pytest.fixture
def local():
    """The port of a web server on the loopback address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def left_alone(monkeypatch):
    """What `private_folder` sets, put back afterwards; nothing is left to do on exit."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr("atexit.register", lambda *_, **__: None)
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    monkeypatch.delenv("GRADIO_TEMP_DIR")


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("before", [None, "", "example.org, .intern", "127.0.0.1"])
def test_a_loopback_address_is_never_for_a_proxy(no_proxies, monkeypatch, local, variable, before):
    monkeypatch.setenv(variable, NOBODY)
    if before != "127.0.0.1":
        with pytest.raises(httpx.ConnectError):  # or this would show nothing
            httpx.get(f"http://127.0.0.1:{local}/")
    if before is not None:
        monkeypatch.setenv("no_proxy", before)
    spare_proxies("192.0.2.7")
    assert httpx.get(f"http://127.0.0.1:{local}/").status_code == 200
    assert httpx.get(f"http://localhost:{local}/").status_code == 200
    for variable in ("no_proxy", "NO_PROXY"):
        spared = os.environ[variable].split(",")
        assert {"localhost", "127.0.0.1", "::1", "192.0.2.7"} <= set(spared) and len(set(spared)) == len(spared)
        assert {name.strip() for name in (before or "").split(",") if name} <= set(spared)


@pytest.mark.parametrize("variable", ["all_proxy", "HTTPS_PROXY"])
def test_a_kind_of_proxy_that_cannot_be_used_is_left_out_with_a_word(no_proxies, monkeypatch, capsys, local, variable):
    monkeypatch.setenv(variable, "socks5://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", NOBODY)
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: None)
    spare_proxies("127.0.0.1")
    assert re.fullmatch(rf"warning: {variable} is left out.*socksio\n", capsys.readouterr().err)
    assert variable not in os.environ and os.environ["http_proxy"] == NOBODY
    assert httpx.get(f"http://127.0.0.1:{local}/").status_code == 200


@pytest.mark.parametrize(
    "address",
    ["http://proxy:notaport", "http://proxy:99999", "http://[bad", "http://:8080", "ftp://proxy", "socks4://p:1"],
)
def test_what_is_no_proxy_is_left_out_with_a_word(no_proxies, monkeypatch, capsys, local, address):
    monkeypatch.setenv("HTTP_PROXY", address)
    monkeypatch.setenv("https_proxy", "proxy.example:8080")
    spare_proxies("127.0.0.1")
    warning = capsys.readouterr().err
    assert re.fullmatch(r"warning: HTTP_PROXY is left out, as it is not the address of a proxy, .*\n", warning)
    assert address not in warning  # which may hold a password
    assert "HTTP_PROXY" not in os.environ and os.environ["https_proxy"] == "proxy.example:8080"
    assert httpx.get(f"http://127.0.0.1:{local}/").status_code == 200


@pytest.mark.parametrize(
    ("variable", "bad", "good"),
    [
        ("SSL_CERT_FILE", "absent.pem", certifi.where()),
        ("SSL_CERT_FILE", "empty.pem", certifi.where()),
        ("HF_HUB_ETAG_TIMEOUT", "ten", "10"),
        ("HF_HUB_DOWNLOAD_TIMEOUT", "3.5", ""),
        ("GRADIO_DEFAULT_CONCURRENCY_LIMIT", "many", "none"),
        ("GRADIO_DEFAULT_CONCURRENCY_LIMIT", "-1", "4"),
    ],
)
def test_settings_that_clients_of_the_network_stumble_over_are_left_out(
    monkeypatch, capsys, tmp_path, variable, bad, good
):
    (tmp_path / "empty.pem").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, good)
    spare_clients()
    assert os.environ[variable] == good and capsys.readouterr().err == ""
    monkeypatch.setenv(variable, bad)
    spare_clients()
    assert variable not in os.environ
    assert re.fullmatch(rf"warning: {variable} is left out, as .*\n", capsys.readouterr().err)


@pytest.mark.parametrize("address", ["https://[bad", "http://hub:99999", "hub", "ftp://hub", "http://hub hub\u00e9"])
def test_a_hub_whose_address_is_none_is_named_to_who_asks_it(monkeypatch, tmp_path, address):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_ENDPOINT", address)
    ask = (
        "from vp.machine import spare_clients; spare_clients()\n"
        "from vp.hub import Address, open_repository; open_repository(Address('dataset', 'me/clips'))"
    )
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert "hf://datasets/me/clips: HF_ENDPOINT must be a whole address" in done.stderr.splitlines()[-1]


def test_a_root_path_that_is_none_is_named(monkeypatch):
    for good in ("", "/lvln", "https://example.org/lvln"):
        monkeypatch.setenv("GRADIO_ROOT_PATH", good)
        check_address("127.0.0.1", None)
    monkeypatch.setenv("GRADIO_ROOT_PATH", "lvln")
    with pytest.raises(MachineError, match="GRADIO_ROOT_PATH must begin with /"):
        check_address("127.0.0.1", None)


def test_nobody_needs_a_home(left_alone, monkeypatch, tmp_path):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    for variable in ("VP_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(variable, raising=False)
    assert cache_folder().is_dir()
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "file")])
    monkeypatch.setattr(tempfile, "tempdir", None)
    with pytest.raises(MachineError, match="No folder for temporary files"):
        private_folder()


def test_a_free_port_and_every_form_of_an_address_are_fine():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for host in ("127.0.0.1", "localhost", "0.0.0.0", *(["::1", "[::1]"] if _has_ipv6() else [])):
        check_address(host, port)
        check_address(host, None)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("no.such.host.invalid", "no host 'no.such.host.invalid'"),
        ("not a host", "no host 'not a host'"),
        ("x" * 70 + ".example", "no host 'xxx"),
        ("192.0.2.7", "192.0.2.7 is not an address of this machine"),  # reserved for examples
    ],
)
def test_a_wrong_host_is_named(host, message):
    for port in (None, 7860):
        with pytest.raises(MachineError, match=message):
            check_address(host, port)


def test_a_taken_port_is_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        for host in ("127.0.0.1", "localhost", "0.0.0.0"):
            with pytest.raises(MachineError, match=f"Port {port} is taken .*--port"):
                check_address(host, port)
        check_address("127.0.0.1", None)


@pytest.mark.parametrize(
    ("number", "message"), [(errno.EACCES, "Port 80 is for administrators"), (errno.ENETDOWN, "at port 80: Network is")]
)
def test_other_reasons_are_named_too(monkeypatch, number, message):
    def refuse(self, address):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket, "socket", type("Refusing", (socket.socket,), {"bind": refuse}))
    with pytest.raises(MachineError, match=message):
        check_address("127.0.0.1", 80)


@pytest.mark.parametrize("variable", ["GRADIO_SERVER_PORT", "GRADIO_NUM_PORTS"])
@pytest.mark.parametrize("value", ["abc", "", "-1", "0", "70000", "7860.0"])
def test_variables_that_gradio_would_stumble_over_are_named(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(MachineError, match=f"{variable} must be a whole number"):
        check_address("127.0.0.1", None)


def test_the_private_folder_lies_where_it_was_asked_for(left_alone, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "new" / "place"))
    folder = private_folder()
    assert folder.parent == (tmp_path / "new" / "place").resolve() and list(folder.iterdir()) == []
    assert os.environ["GRADIO_TEMP_DIR"] == str(folder) and capsys.readouterr().err == ""


def test_another_folder_is_taken_where_that_one_cannot_be_written(left_alone, monkeypatch, tmp_path, capsys):
    (tmp_path / "file").touch()
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for wanted in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(wanted))
        assert private_folder().parent == tmp_path.resolve()
        assert f"GRADIO_TEMP_DIR cannot be written ({wanted}: " in capsys.readouterr().err
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "file")])
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    folder = private_folder()
    assert folder.is_relative_to(tmp_path.resolve() / "home") and tempfile.gettempdir() == str(folder)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "file")
    with pytest.raises(MachineError, match=r"No folder for temporary files .*file: .*: set TMPDIR"):
        private_folder()


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "message"),
    [
        (["--host", "no.such.host.invalid"], {}, 1, "error: There is no host"),
        (["--port", "70000"], {}, 2, "--port: must be from 1 to 65535, not 70000"),
        (["--port", "0"], {}, 2, "--port: must be from 1 to 65535, not 0"),
        (["--port", "http"], {}, 2, "--port: invalid port_number value: 'http'"),
        ([], {"GRADIO_SERVER_PORT": "seven"}, 1, "error: GRADIO_SERVER_PORT"),
        ([], {"GRADIO_SERVER_NAME": "192.0.2.7"}, 1, "error: 192.0.2.7 is not an address"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_the_app_says_in_one_line_why_it_does_not_start(arguments, environment, code, message):
    command = [sys.executable, "app.py", "--no-browser", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == code and "Traceback" not in done.stderr
    assert message in done.stderr.splitlines()[-1]
    assert code == 2 or done.stderr.count("\n") == 1


def test_the_app_says_that_its_working_folder_is_gone(tmp_path):
    (tmp_path / "gone").mkdir()
    command = f'cd "{tmp_path}/gone" && rmdir "{tmp_path}/gone" && exec "{sys.executable}" "{ROOT}/app.py" --no-browser'
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 1
    assert (
        done.stderr.splitlines()[-1].startswith("error: The working folder was deleted") and "Trace" not in done.stderr
    )


def test_without_a_console_what_is_printed_goes_nowhere(monkeypatch, capsys):
    stand_in_for_console()
    assert print("here") is None and capsys.readouterr().out == "here\n"
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    stand_in_for_console()
    for stream in (sys.stdout, sys.stderr):
        assert stream.isatty() is False and stream.name == os.devnull
        print("é", file=stream)
        stream.close()


@pytest.mark.slow
@pytest.mark.parametrize("temporary", ["there", "a file"])
def test_the_app_starts_behind_a_proxy_and_leaves_nothing_behind(tmp_path, temporary):
    """Neither its proxy, nor its folders for temporary files, its cache and the Hub's can be used."""
    (tmp_path / "file").touch()
    folder = tmp_path / "temporary"
    folder.mkdir()
    environment = {
        "http_proxy": NOBODY, "HTTPS_PROXY": NOBODY, "ALL_PROXY": NOBODY, "NO_PROXY": "", "no_proxy": "",
        "TMPDIR": str(folder), "HF_HOME": str(tmp_path / "file"), "VP_CACHE": str(tmp_path / "file"),
        "GRADIO_TEMP_DIR": str(folder / "asked" if temporary == "there" else tmp_path / "file"),
    }  # fmt: skip
    with serve(**environment) as server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NO_PROXY", "127.0.0.1")
            client = Visitor(server.url, download_files=str(tmp_path))
            client.predict(video=handle_file(str(CLIP)), seen=2, horizon=1, api_name="/predict")
        made = [path for path in folder.rglob("*") if path.is_file()]
        assert {path.suffix for path in made} >= {".mp4"}
        server.process.terminate()
        assert server.process.wait(30) in (0, 130)
        assert not [path for path in folder.rglob("*") if path.is_file() or path.name.startswith("lvln")]
        assert "Traceback" not in server.log
        assert ("warning: GRADIO_TEMP_DIR cannot be written" in server.log) == (temporary == "a file")
