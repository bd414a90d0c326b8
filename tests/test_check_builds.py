"""IMG-009: image builds end, and end well."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from checks import build_causes
from checks import test_builds as builds

from builders import NOW, certificate
from domino_health import Assessment, Event, Finding, ImageBuild, Ref, Severity, TlsSecret
from domino_health.facts.builds import BuildStatus
from domino_health.facts.events import EventMeta, Involved
from scan_builders import ENVIRONMENT, IMAGE, build

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SOLVE = "build failed: buildkit solve issue: failed to solve: "
RUN = (
    'process "/bin/sh -c pip install --token=hunter2-hunter2 x509" did not complete successfully: exit code: '
)
X509 = (
    "failed to contact buildkitd after 8 attempts: rpc error: code = Unavailable desc = connection error: "
    'desc = "transport: authentication handshake failed: tls: failed to verify certificate: x509: '
    'certificate has expired or is not yet valid"'
)


def assess(
    *given: ImageBuild,
    events: Sequence[Event] | None = (),
    secrets: Sequence[TlsSecret] | None = None,
    **thresholds: timedelta,
) -> Assessment:
    return builds.test_image_builds_end_and_end_well(
        list(given),
        None if events is None else list(events),
        None if secrets is None else list(secrets),
        NOW,
        **thresholds,
    )


def found(
    *given: ImageBuild, events: Sequence[Event] | None = (), secrets: Sequence[TlsSecret] | None = None
) -> list[Finding]:
    return list(assess(*given, events=events, secrets=secrets).findings)


def failed(said: str, *images: str, name: str = "build-1", ago: timedelta = HOUR) -> ImageBuild:
    return build(name, "Failed", *images, ago=ago, failed=said)


def secret(
    name: str = "hephaestus-buildkit-client-tls", left: timedelta = DAY, problem: str = "", mismatch: str = ""
) -> TlsSecret:
    own = (certificate(left=left),)
    return TlsSecret("prod", "domino-compute", name, own, problem=problem, mismatch=mismatch)


# Healthy, and empty


def test_builds_that_succeed_are_healthy_and_shown_with_their_times() -> None:
    assessment = assess(build(size=str(3 << 30)), build("build-2", lasts=20 * MINUTE, ago=2 * HOUR))

    assert (len(assessment.population), assessment.findings) == (2, ())
    assert assessment.worst == "slowest build 20 m of 1 h"
    assert assessment.window == "builds of the last 2 h"
    (table,) = assessment.attachments
    assert [row[0].rpartition("/")[2] for row in table.rows] == ["build-2", "build-1"], "the slowest first"
    assert table.rows[1][1:] == (
        f"environment/{ENVIRONMENT}",
        "Succeeded",
        "2026-03-14 11:00",
        "20 s",
        "5 m",
        "3.0 GiB",
    )


def test_without_a_build_there_is_nothing_to_assess() -> None:
    assessment = assess(events=None)

    assert (len(assessment.population), assessment.findings, assessment.attachments) == (0, (), ())


def test_of_many_builds_the_slowest_are_shown() -> None:
    many = [build(f"build-{number}", lasts=timedelta(seconds=number)) for number in range(5000)]

    assessment = assess(*many)

    (table,) = assessment.attachments
    assert table.title == "The 100 slowest of 5000 image builds"
    assert (len(table.rows), table.rows[0][0]) == (100, "prod: imagebuild/domino-compute/build-4999")


# What hangs


def running_for(time: timedelta) -> ImageBuild:
    return build(phase="Running", ago=time + timedelta(seconds=20))


def test_sixty_minutes_of_building_are_allowed_and_no_more() -> None:
    assert not found(running_for(HOUR))
    assert found(running_for(HOUR + timedelta(seconds=1)))
    (finding,) = found(running_for(HOUR + MINUTE))

    assert finding.subject == Ref("prod", "environment", "", ENVIRONMENT)
    assert finding.message == (
        "a build runs at tcp://hephaestus-buildkit-0.hephaestus-buildkit:1234 for 1 h 1 m, allowed 1 h"
    ), "its condition says 'pushed' already, and is not quoted"
    assert finding.examples == (Ref("prod", "imagebuild", "domino-compute", "build-1"),)
    assert finding.severity is None


def test_ten_minutes_without_a_builder_are_allowed_and_no_more() -> None:
    assert not found(build(phase="Initializing", ago=10 * MINUTE))
    (finding,) = found(build(phase="Initializing", ago=11 * MINUTE))

    assert finding.message == (
        "a build has waited for a builder for 11 m, allowed 10 m: see the pods of hephaestus-buildkit"
    )


def test_a_build_that_hephaestus_does_not_take_up_hangs_as_well() -> None:
    assert not found(build(phase="", ago=HOUR), build("build-2", "Running", "a/b:1", ago=MINUTE))
    (finding,) = found(build(phase="", ago=HOUR + MINUTE), build("build-2", "Running", "a/b:1", ago=MINUTE))
    (alone,) = found(build(phase="", ago=HOUR + MINUTE))

    assert finding.message == "Hephaestus has not taken up a build for 1 h 1 m, allowed 1 h; it builds 1 now"
    assert alone.message.endswith("it builds none now")


def test_each_limit_may_be_set() -> None:
    assert assess(running_for(20 * MINUTE), max_build=10 * MINUTE).findings
    assert assess(build(phase="Initializing", ago=2 * MINUTE), max_initializing=MINUTE).findings
    assert not assess(failed("build not running", ago=2 * HOUR), recent=HOUR).findings


def test_several_that_hang_are_one_finding_of_what_they_build() -> None:
    (finding,) = found(*(build(f"build-{n}", "Running", ago=(2 + n) * HOUR) for n in range(5)))

    assert finding.message.startswith("5 builds hang; a build runs at tcp://")
    assert "for 5 h 59 m" in finding.message
    assert (finding.count, len(finding.examples)) == (5, 3)


def test_a_hanging_build_quotes_hephaestus_last_event_where_it_was_seen() -> None:
    hangs = running_for(2 * HOUR)

    def said(message: str, ago: timedelta) -> Event:
        about = Involved("ImageBuild", "domino-compute", "build-1")
        made = NOW - ago
        return Event(
            EventMeta("domino-compute", made),
            about,
            "StatusUpdate",
            message,
            "Warning",
            1,
            made,
            made,
            cluster="prod",
        )

    told = [said("Failed to update phase Failed: conflict", MINUTE), said("older", HOUR)]
    (with_event,) = found(hangs, events=told)
    (without,) = found(hangs, events=None)

    assert with_event.message.endswith(
        ". Its last event: StatusUpdate, Failed to update phase Failed: conflict"
    )
    assert without.message.endswith("; cause not observed: no events could be seen")


def test_a_build_that_somebody_cancels_is_none() -> None:
    hangs = build(phase="Running", ago=2 * HOUR, deleted=True)

    assert (len(assess(hangs).population), assess(hangs).findings) == (0, ())


# What failed


def test_a_failed_build_is_found_with_hephaestus_words_and_what_to_do() -> None:
    (finding,) = found(failed("buildkit service lookup failed: failed to extract hostname after 180 seconds"))

    assert finding.message == (
        "a build failed 54 m 40 s ago: no builder became ready. Hephaestus: buildkit service lookup failed: "
        "failed to extract hostname after 180 seconds. To do: see the pods of hephaestus-buildkit: no node "
        "with room, an image or a volume that does not come"
    )
    assert finding.severity is None


def test_what_a_later_build_has_made_good_is_no_finding() -> None:
    before, after = build("good", ago=3 * HOUR), build("good", ago=30 * MINUTE)
    bad = failed("build not running", ago=HOUR)
    other = build("other", "Succeeded", IMAGE.replace(ENVIRONMENT, "0" * 24), ago=MINUTE)

    assert found(bad, before, other)
    assert not found(bad, after)


def test_failures_since_the_last_good_build_are_counted_and_the_last_one_tells() -> None:
    (finding,) = found(
        failed("no space left on device", name="d", ago=4 * HOUR),
        build("good", ago=3 * HOUR),
        failed("build not running", name="b", ago=2 * HOUR),
        failed(f"{SOLVE}write /layer: no space left on device", name="c", ago=HOUR),
    )

    assert finding.message.startswith(
        "2 builds, the last failed 54 m 40 s ago: the builder's disk is full. Hephaestus: build failed"
    )
    assert [each.name for each in finding.examples] == ["b", "c"]


def test_a_failure_of_seven_days_ago_is_the_oldest_that_is_told() -> None:
    ended = timedelta(minutes=5, seconds=20)

    assert found(failed("build not running", ago=7 * DAY + ended))
    assert not found(failed("build not running", ago=7 * DAY + ended + timedelta(seconds=1)))


def test_environments_models_and_other_repositories_are_told_apart() -> None:
    model = f"registry.example.com/acme/model:{'a' * 24}-v2-202603141200_x7k2p"
    findings = found(
        failed("build not running", model, name="m"),
        failed("build not running", "registry.example.com:5000/tools/base:1.2@sha256:00", name="t"),
        failed("build not running", IMAGE, name="e"),
    )

    assert [str(each.subject) for each in findings] == [
        f"environment/{ENVIRONMENT}",
        f"model/{'a' * 24}",
        "repository/registry.example.com:5000/tools/base",
    ]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (f"{SOLVE}{RUN}1", "an instruction of the Dockerfile failed"),
        (
            f"{SOLVE}executor failed running [/bin/sh -c curl x509]: exit code: 60",
            "an instruction of the Dockerfile failed",
        ),
        (
            f"{SOLVE}dockerfile parse error on line 3: unknown instruction: RUNN",
            "its Dockerfile cannot be read",
        ),
        (
            f"{SOLVE}quay.io/acme/base:2: failed to resolve source metadata for quay.io/acme/base:2: "
            "quay.io/acme/base:2: not found",
            "what its Dockerfile names is not there: a base image, a file",
        ),
        (
            f'{SOLVE}failed to compute cache key: failed to calculate checksum of ref abc: "/src": not found',
            "what its Dockerfile names is not there: a base image, a file",
        ),
    ],
)
def test_what_the_dockerfile_has_wrong_is_low(said: str, why: str) -> None:
    (finding,) = found(failed(said))

    assert f" ago: {why}. " in finding.message
    assert finding.severity is Severity.LOW
    assert "hunter2" not in finding.message


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (f"{SOLVE}{RUN}137", "an instruction of the Dockerfile was killed, most likely for memory"),
        (f"{SOLVE}write /var/lib/x: no space left on device", "the builder's disk is full"),
        (X509, "Hephaestus and its builder do not trust each other's certificates"),
        (
            f"{SOLVE}failed to push r.example.com/environment:1: tls: failed to verify certificate: x509: "
            "certificate signed by unknown authority",
            "a certificate is not trusted: a registry's, or a download's",
        ),
        (
            "failed to contact buildkitd after 8 attempts: rpc error: code = Unavailable desc = i/o timeout",
            "its builder does not answer",
        ),
        ("build not running", "Hephaestus was started anew while it built"),
        (
            f"{SOLVE}failed to push r.example.com/environment:1: server message: insufficient_scope: "
            "authorization failed",
            "a registry refuses: no right to pull the base or to push the image, or no such repository",
        ),
        (
            'client credentials are invalid for registry "r.example.com".\nMake sure the following sources '
            "of credentials are correct: basic authentication username and password.\n"
            "Underlying error: timeout",
            "a registry refuses: no right to pull the base or to push the image, or no such repository",
        ),
        (
            f"{SOLVE}python:3: pull rate limit: 429 Too Many Requests",
            "a registry limits how often it is asked",
        ),
        (f"{SOLVE}failed to push r/e:1: unexpected status: 507", "the image could not be pushed"),
        (
            "build failed: cannot fetch remote context: file download failed with status 500",
            "what it is built of could not be fetched from Domino",
        ),
        (
            'cluster secrets processing failed: secret "ns/pip" unreadable or missing required label',
            "a Secret that it asks for cannot be read",
        ),
        (
            f"{SOLVE}rpc error: code = Unavailable desc = error reading from server: EOF",
            "the network, a registry, or its builder broke off",
        ),
        ("build failed: strange", "for a reason that these words do not tell"),
        ("", "for a reason that these words do not tell"),
    ],
)
def test_what_the_platform_is_to_mend_and_what_is_not_known_is_medium(said: str, why: str) -> None:
    (finding,) = found(failed(said))

    assert f" ago: {why}. " in finding.message
    assert finding.severity is None


def test_long_words_are_quoted_by_their_beginning_and_their_end() -> None:
    (finding,) = found(failed(f"build failed: {'x' * 5000} no space left on device"))
    (cut,) = found(failed(f"{'x' * 1000} no space left on device"))

    assert len(finding.message) < 600
    assert "no space left on device. To do" in cut.message
    assert "Hephaestus: xxx" in cut.message


# Certificates


def test_for_a_certificate_the_finding_says_whether_hephaestus_own_fit() -> None:
    def hint(*secrets: TlsSecret) -> str:
        (finding,) = found(failed(X509), secrets=secrets)
        return finding.message.partition("To do: ")[2]

    foreign = TlsSecret("other", "ns", "hephaestus-root-tls", problem="it is not there")
    unknown = hint(foreign, secret("domino-tls"))

    assert unknown.startswith("its CA lives 210 days: name its Secrets (hephaestus-root-tls,")
    assert "IDP-008" in unknown
    assert hint(secret()).startswith(
        "the Secrets that the profile names fit (hephaestus-buildkit-client-tls, IDP-008)"
    )
    assert hint(secret(left=-DAY)) == (
        "IDP-008 knows why: hephaestus-buildkit-client-tls: its tls.crt expired 1 d ago, "
        "on 2026-03-13 12:00 UTC"
    )
    assert hint(secret(mismatch="unable to get local issuer certificate")) == (
        "IDP-008 knows why: hephaestus-buildkit-client-tls: not issued by its ca.crt"
    )
    many = [secret(f"hephaestus-{number}", problem="it is not there") for number in range(5)]
    assert hint(*many).endswith("hephaestus-2: it is not there; and 2 more")


def test_every_cause_says_what_to_do() -> None:
    assert all(cause.why and (cause.hint or cause.certificate) for _, cause in build_causes.CAUSES)


# Clusters, and what is strange


def test_a_good_build_of_another_cluster_makes_nothing_good() -> None:
    elsewhere = build("good", ago=MINUTE, cluster="edge")

    (finding,) = found(failed("build not running"), elsewhere)
    assert finding.subject.cluster == "prod"


def test_a_build_that_says_nothing_of_its_times_is_judged_by_when_it_was_made() -> None:
    bare = build(phase="Running", ago=2 * HOUR)
    bare = ImageBuild(bare.metadata, bare.spec, BuildStatus("Running"), "prod")
    nameless = ImageBuild(bare.metadata, type(bare.spec)(()), BuildStatus("Running"), "prod")

    assert [each.message for each in found(bare)] == ["a build runs for 2 h, allowed 1 h"]
    assert [str(each.subject) for each in found(nameless)] == ["repository/unnamed"]
