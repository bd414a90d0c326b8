"""IDP-001 against OpenSSL's own server: each fault of an endpoint, and nothing else."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from certificates import Issued, access, authority, days, self_signed, write_bundle
from component import Component, free_ports, listens
from health_run import HealthRun, run_health

HOST = "domino.example.com"
Serve = Callable[..., str]


@pytest.fixture
def serve(openssl: str, tmp_path: Path) -> Iterator[Serve]:
    """Starts OpenSSL's server with a certificate, further certificates, and flags; gives its address."""
    with ExitStack() as stack:

        def start(own: Issued, *others: Issued, flags: Sequence[str] = ()) -> str:
            (port,) = free_ports(1)
            write_bundle(tmp_path / "own.pem", own)
            (tmp_path / "key.pem").write_bytes(own.key_pem)
            command = [openssl, "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-www"]
            command += ["-cert", str(tmp_path / "own.pem"), "-key", str(tmp_path / "key.pem")]
            if others:
                command += ["-cert_chain", str(write_bundle(tmp_path / "chain.pem", *others))]
            server = Component([*command, *flags], tmp_path, lambda: listens(port))
            stack.callback(server.kill)
            server.start()
            server.wait()
            return f"127.0.0.1:{port}"

        yield start


@pytest.fixture(scope="module")
def root() -> Issued:
    return authority()


@pytest.fixture(scope="module")
def intermediate(root: Issued) -> Issued:
    return root.issue("Issuing CA", ca=True)


def look(address: str, root: Issued, tmp_path: Path) -> HealthRun:
    ca_file = write_bundle(tmp_path / "ca.pem", root)
    endpoint = f"{{name: front, address: '{address}', server_name: {HOST}}}"
    return run_health(tmp_path, f"version: 1\ntls:\n  ca_file: {ca_file}\n  endpoints:\n    - {endpoint}\n")


def told(run: HealthRun) -> list[tuple[str, str]]:
    """Severity and message of each finding."""
    return [(each["severity"], each["message"]) for each in run.result("IDP-001")["findings"]]


def test_a_healthy_endpoint_has_no_finding(
    serve: Serve, root: Issued, intermediate: Issued, tmp_path: Path
) -> None:
    run = look(serve(intermediate.issue("front", HOST), intermediate), root, tmp_path)

    assert run.found() == {}
    assert run.exit_status == 0


@pytest.mark.parametrize(
    ("own", "severity", "words"),
    [
        ({"not_before": days(-9), "not_after": days(-1)}, "critical", "expired 1 d"),
        ({"not_before": days(1)}, "high", "is not valid before"),
        ({"not_after": days(6.9)}, "high", "expires in 6 d 21 h"),
        ({"not_after": days(7.1)}, "medium", "expires in 7 d 2 h"),
        ({"not_after": days(29.9)}, "medium", "expires in 29 d 21 h"),
        ({"not_after": days(30.1)}, "", ""),
        ({"name": "old.example.com"}, "high", f"is for old.example.com, not for {HOST}"),
        ({"chain": ()}, "high", "it sends its own certificate alone"),
        (
            {"aia": "http://ca.example.com/i.cer", "chain": ()},
            "high",
            "which is at http://ca.example.com/i.cer",
        ),
        ({"chain": ("stranger", "intermediate")}, "low", "wrong order"),
        ({"bits": 1024}, "high", "a key of 1024 bits (RSA); at least 2048 wanted"),
        ({"flags": ["-tls1_1"]}, "high", "it speaks TLSv1.1 at best"),
        ({"flags": ["-cipher", "DEFAULT:@SECLEVEL=0"]}, "medium", "it still speaks TLSv1.1"),
    ],
    ids=[
        "ended", "not yet valid", "within 7 days", "after 7 days", "within 30 days", "after 30 days",
        "another name", "no intermediate", "no intermediate, which is told", "wrong order", "short key",
        "old protocol alone", "old protocol too",
    ],
)  # fmt: skip
def test_each_fault_of_an_endpoint_is_found_and_nothing_else(
    serve: Serve,
    root: Issued,
    intermediate: Issued,
    tmp_path: Path,
    own: dict[str, Any],
    severity: str,
    words: str,
) -> None:
    given = dict(own)
    flags = given.pop("flags", [])
    if "-tls1_1" in flags:
        flags = [*flags, "-cipher", "DEFAULT:@SECLEVEL=0"]
    known = {"intermediate": intermediate, "stranger": authority("Stranger")}
    chain = [known[each] for each in given.pop("chain", ["intermediate"])]
    if bits := given.pop("bits", None):
        given["key"] = rsa.generate_private_key(65537, bits)
        flags = [*flags, "-cipher", "DEFAULT:@SECLEVEL=0", "-min_protocol", "TLSv1.2"]
    if aia := given.pop("aia", ""):
        given["extensions"] = [access(issuer=aia)]
    name = given.pop("name", HOST)

    run = look(serve(intermediate.issue("front", name, **given), *chain, flags=flags), root, tmp_path)

    if not severity:
        assert run.found() == {}
        return
    assert run.found() == {"IDP-001": ["endpoint/front"]}
    ((found, message),) = told(run)
    assert found == severity
    assert words in message


def test_a_self_signed_certificate_is_found(serve: Serve, root: Issued, tmp_path: Path) -> None:
    run = look(serve(self_signed("front", HOST)), root, tmp_path)

    assert told(run) == [("high", "the chain does not verify: self-signed certificate")]


def test_an_unknown_root_is_told_apart_from_a_missing_intermediate(
    serve: Serve, root: Issued, intermediate: Issued, tmp_path: Path
) -> None:
    other = authority("Other Root")
    issuing = other.issue("Other Issuing CA", ca=True)

    run = look(serve(issuing.issue("front", HOST), issuing), root, tmp_path)

    ((_, message),) = told(run)
    assert "CN=Other Root, who issued CN=Other Issuing CA, is not trusted" in message


@pytest.mark.parametrize("revoked", [True, False])
def test_a_certificate_that_its_authority_has_revoked_is_found(
    serve: Serve, root: Issued, openssl: str, tmp_path: Path, revoked: bool
) -> None:
    own = root.issue("front", HOST)
    response = answered(openssl, root, own.certificate, tmp_path, revoked=revoked)

    run = look(serve(own, flags=["-status_file", str(response)]), root, tmp_path)

    if not revoked:
        assert run.found() == {}
        (table,) = [each for each in run.result("IDP-001")["attachments"] if each.get("rows")]
        assert any("good, by stapled" in cell for row in table["rows"] for cell in row)
        return
    ((severity, message),) = told(run)
    assert severity == "high"
    assert "its authority has revoked its certificate on 2026-11-30 12:00 UTC (keyCompromise)" in message


def answered(openssl: str, issuer: Issued, own: x509.Certificate, tmp_path: Path, *, revoked: bool) -> Path:
    """What ``openssl ocsp`` answers for a certificate, by its own index of an authority."""
    (tmp_path / "issuer.key").write_bytes(issuer.key_pem)
    authority_file = write_bundle(tmp_path / "issuer.pem", issuer)
    own_file = tmp_path / "asked.pem"
    own_file.write_bytes(own.public_bytes(Encoding.PEM))
    serial = f"{own.serial_number:X}"
    serial = serial if len(serial) % 2 == 0 else f"0{serial}"
    state = "R\t361231235959Z\t261130120000Z,keyCompromise" if revoked else "V\t361231235959Z\t"
    (tmp_path / "index.txt").write_text(f"{state}\t{serial}\tunknown\t/CN=front\n")
    question, response = tmp_path / "question.der", tmp_path / "response.der"
    run = [openssl, "ocsp"]
    made = ["-issuer", str(authority_file), "-cert", str(own_file), "-no_nonce", "-reqout", str(question)]
    subprocess.run([*run, *made], check=True, capture_output=True, timeout=30)
    signer = [
        "-rsigner",
        str(authority_file),
        "-rkey",
        str(tmp_path / "issuer.key"),
        "-CA",
        str(authority_file),
    ]
    given = ["-index", str(tmp_path / "index.txt"), "-reqin", str(question), "-respout", str(response)]
    subprocess.run([*run, *signer, *given, "-ndays", "3"], check=True, capture_output=True, timeout=30)
    return response
