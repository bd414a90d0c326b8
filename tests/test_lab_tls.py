"""The lab's TLS endpoints present what they should, to the suite's collector and in OpenSSL's judgement."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from domino_health import TlsEndpoint, lab
from domino_health.collectors import tls as collector
from domino_health.collectors.looking import CollectionError, Deadline, Look, Shared
from domino_health.lab import Platform
from domino_health.lab.tls import ENDPOINTS, Endpoint, Fault
from domino_health.profile import Profile

BY_FAULT = {endpoint.fault: endpoint for endpoint in ENDPOINTS}
ISSUER = "CN=domino-health demo issuing CA,O=domino-health demo"


@pytest.fixture(scope="module")
def faulty() -> Iterator[Platform]:
    platform = lab.start("faulty")
    yield platform
    platform.stop()


@pytest.fixture(scope="module")
def healthy() -> Iterator[Platform]:
    platform = lab.start("healthy")
    yield platform
    platform.stop()


def seen(platform: Platform, endpoint: Endpoint) -> TlsEndpoint:
    """The endpoint as the suite's collector sees it."""
    where = {"address": platform.variables[endpoint.variable], "server_name": endpoint.host}
    section = {"ca_file": platform.variables["LAB_CA_FILE"], "endpoints": [where]}
    profile = Profile.model_validate({"version": 1, "tls": section})
    (target,) = collector.endpoints(Look(profile, Shared()))
    (found,) = target.look(Deadline(target.allowed), lambda _: None)
    return found


def left(endpoint: TlsEndpoint) -> timedelta:
    """Until the endpoint's own certificate ends."""
    return endpoint.presented[0].not_after - datetime.now(UTC)


def verify_code(platform: Platform, endpoint: Endpoint) -> int:
    """OpenSSL's verification code: 0 is good."""
    host, port = platform.variables[endpoint.variable].split(":")
    context = ssl.create_default_context(cafile=platform.variables["LAB_CA_FILE"])
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13 and later have it by themselves
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        try:
            with context.wrap_socket(raw, server_hostname=endpoint.host):
                return 0
        except ssl.SSLCertVerificationError as error:
            return error.verify_code


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.variable)
def test_all_are_good_on_the_healthy_platform(healthy: Platform, endpoint: Endpoint) -> None:
    found = seen(healthy, endpoint)

    assert found.chain_errors == ()
    assert found.name_matches
    assert [certificate.subject for certificate in found.verified][1:] == [
        ISSUER,
        "CN=domino-health demo root CA,O=domino-health demo",
    ]
    assert len(found.presented) == 2  # its own and the intermediate; nobody sends the root
    assert timedelta(days=300) < left(found) < timedelta(days=301)
    assert min(certificate.not_after for certificate in found.chain) == found.presented[0].not_after
    assert verify_code(healthy, endpoint) == 0


def test_every_fault_is_shown_once() -> None:
    assert sorted(endpoint.fault.name for endpoint in ENDPOINTS) == sorted(Fault.__members__)


def test_the_front_end_is_good_on_the_faulty_platform_too(faulty: Platform) -> None:
    found = seen(faulty, BY_FAULT[Fault.NONE])

    assert (found.chain_errors, found.name_matches) == ((), True)
    assert verify_code(faulty, BY_FAULT[Fault.NONE]) == 0


def test_one_ends_in_20_days(faulty: Platform) -> None:
    found = seen(faulty, BY_FAULT[Fault.ENDS_SOON])

    assert (found.chain_errors, found.name_matches) == ((), True)
    assert timedelta(days=20) < left(found) < timedelta(days=20, hours=1)
    assert verify_code(faulty, BY_FAULT[Fault.ENDS_SOON]) == 0


def test_one_ended_3_days_ago(faulty: Platform) -> None:
    found = seen(faulty, BY_FAULT[Fault.ENDED])

    assert (found.chain_errors, found.name_matches) == ((), True)  # the dates are the check's to judge
    assert timedelta(days=-3, hours=-1) < left(found) < timedelta(days=-3)
    assert verify_code(faulty, BY_FAULT[Fault.ENDED]) == 10  # certificate has expired


def test_one_does_not_send_the_intermediate(faulty: Platform) -> None:
    found = seen(faulty, BY_FAULT[Fault.NO_INTERMEDIATE])

    assert [certificate.issuer for certificate in found.presented] == [ISSUER]
    assert found.chain_errors == ("unable to get local issuer certificate",)
    assert found.name_matches
    assert verify_code(faulty, BY_FAULT[Fault.NO_INTERMEDIATE]) == 20  # unable to get local issuer


def test_one_is_for_another_name(faulty: Platform) -> None:
    found = seen(faulty, BY_FAULT[Fault.OTHER_NAME])

    assert found.chain_errors == ()
    assert not found.name_matches
    assert found.presented[0].names == ("old-dataplane.demo.internal",)
    assert verify_code(faulty, BY_FAULT[Fault.OTHER_NAME]) == 62  # hostname mismatch


def test_one_is_dead(faulty: Platform) -> None:
    with pytest.raises(CollectionError, match=r"127\.0\.0\.1:\d+: Connection refused"):
        seen(faulty, BY_FAULT[Fault.DEAD])


def test_nobody_without_the_labs_ca_trusts_it(healthy: Platform) -> None:
    profile = Profile.model_validate(
        {"version": 1, "tls": {"endpoints": [healthy.variables["LAB_FRONT_END"]]}}
    )
    (target,) = collector.endpoints(Look(profile, Shared()))
    (found,) = target.look(Deadline(target.allowed), lambda _: None)

    assert found.verified == ()
    assert found.chain_errors
