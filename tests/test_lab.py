"""The lab as a whole: on loopback alone, patient with rude clients, and gone when stopped."""

import socket
import ssl
import stat
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from domino_health import lab
from domino_health.lab import Platform
from domino_health.lab.recording import RecordingError


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    platform = lab.start("faulty")
    yield platform
    platform.stop()


def addresses(platform: Platform) -> dict[str, tuple[str, int]]:
    """Every address that a profile may name."""
    values = {name: value for name, value in platform.variables.items() if value.startswith("127.")}
    kubeconfig = Path(platform.variables["LAB_KUBECONFIG"]).read_text()
    values["kubernetes"] = kubeconfig.partition("https://")[2].partition('"')[0]
    return {name: (value.split(":")[0], int(value.split(":")[1])) for name, value in values.items()}


def lab_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("lab")}


def reset(connection: socket.socket) -> None:
    """Close with a TCP reset, as a killed client's kernel does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_it_listens_on_loopback_alone(platform: Platform) -> None:
    found = addresses(platform)

    assert len(found) == 7
    assert {host for host, _ in found.values()} == {"127.0.0.1"}


def test_a_profile_may_turn_from_faulty_to_healthy_and_keep_all_its_references(platform: Platform) -> None:
    healthy = lab.start("healthy")
    names = healthy.variables.keys()
    healthy.stop()

    assert names == platform.variables.keys()


def test_nobody_else_may_read_its_files(platform: Platform) -> None:
    folder = Path(platform.variables["LAB_KUBECONFIG"]).parent

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_there_is_no_other_kind() -> None:
    with pytest.raises(ValueError, match="no lab is called 'broken'; there are faulty and healthy"):
        lab.start("broken")


def test_stop_leaves_no_thread_no_file_and_no_port() -> None:
    before = lab_threads()
    platform = lab.start("faulty")
    folder = Path(platform.variables["LAB_KUBECONFIG"]).parent
    ports = addresses(platform)
    context = ssl.create_default_context(cafile=platform.variables["LAB_CA_FILE"])
    silent = socket.create_connection(ports["LAB_FRONT_END"], timeout=5)
    idle = socket.create_connection(ports["LAB_FRONT_END"], timeout=5)
    idle = context.wrap_socket(idle, server_hostname="domino.demo.internal")

    platform.stop()

    assert lab_threads() == before
    assert not folder.exists()
    for address in ports.values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)
    for connection in (silent, idle):
        connection.close()
    platform.stop()  # nothing left to stop, and it says nothing


def test_a_lab_that_cannot_start_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: object, **__: object) -> dict[str, str]:
        raise RecordingError("damaged")

    before = lab_threads()
    monkeypatch.setattr("domino_health.lab.tls.serve", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with pytest.raises(RecordingError):
        lab.start("faulty")

    assert list(tmp_path.iterdir()) == []
    assert lab_threads() == before


def test_clients_that_break_off_are_passed_over_in_silence(
    platform: Platform, capfd: pytest.CaptureFixture[str]
) -> None:
    before = lab_threads()
    trusting = ssl.create_default_context(cafile=platform.variables["LAB_CA_FILE"])
    for address in (addresses(platform)[name] for name in ("LAB_FRONT_END", "kubernetes")):
        name = "127.0.0.1" if address == addresses(platform)["kubernetes"] else "domino.demo.internal"
        socket.create_connection(address, timeout=5).close()
        reset(socket.create_connection(address, timeout=5))
        with socket.create_connection(address, timeout=5) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            plain.recv(100)
        with socket.create_connection(address, timeout=5) as half:
            half.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        with socket.create_connection(address, timeout=5) as raw, pytest.raises(ssl.SSLError):
            ssl.create_default_context(cadata=_ANOTHER_CA).wrap_socket(raw, server_hostname=name)
        raw = socket.create_connection(address, timeout=5)
        reset(trusting.wrap_socket(raw, server_hostname=name))
        raw = socket.create_connection(address, timeout=5)
        cut = trusting.wrap_socket(raw, server_hostname=name)
        cut.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\n")
        reset(cut)

    page = get_front_end(platform)
    deadline = time.monotonic() + 5
    while lab_threads() != before and time.monotonic() < deadline:
        time.sleep(0.01)

    assert page.status == 200
    assert lab_threads() == before  # nobody is left waiting for those who have gone
    assert capfd.readouterr() == ("", "")


def get_front_end(platform: Platform) -> urllib3.BaseHTTPResponse:
    host, port = addresses(platform)["LAB_FRONT_END"]
    with urllib3.HTTPSConnectionPool(
        host,
        port,
        ca_certs=platform.variables["LAB_CA_FILE"],
        server_hostname="domino.demo.internal",
        assert_hostname="domino.demo.internal",
        timeout=5,
        retries=False,
    ) as pool:
        return pool.request("GET", "/")


def test_the_front_end_says_that_it_is_none(platform: Platform) -> None:
    page = get_front_end(platform)

    assert page.headers["Server"] == "domino-health-lab"
    assert b"It is no Domino" in page.data


def _another_ca() -> str:
    """Of an authority that has nothing to do with the lab's."""
    import certifi

    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----\n"
    first = Path(certifi.where()).read_text().partition(begin)[2].partition(end)[0]
    return begin + first + end


_ANOTHER_CA = _another_ca()
