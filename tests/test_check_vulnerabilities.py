"""IMG-008: what runs was scanned lately, and has no fixable critical vulnerability."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from checks import test_vulnerabilities as vulnerabilities

from builders import NOW, pod, runs
from domino_health import Assessment, ContainerStatus, Finding, Pod, Ref, ScanReport, Severity
from domino_health.facts.kubernetes import Labels
from scan_builders import DIGEST, ENVIRONMENT, IMAGE, report

DAY = timedelta(days=1)
CONFIG, OTHER = f"sha256:{'c' * 64}", f"sha256:{'9' * 64}"
SUBJECT = Ref("", "environment", "", ENVIRONMENT)


def running(
    name: str = "run-65f0c0ffee65f0c0ffee65f0-abcde",
    *,
    image: str = IMAGE,
    digest: str = DIGEST,
    kind: str = "Workspace",
    phase: str = "Running",
    cluster: str = "",
    deleted: bool = False,
) -> Pod:
    """A pod whose kubelet has pulled its image by that digest; one of the platform's is beside it."""
    repository = image.rpartition(":")[0]
    status = msgspec.structs.replace(runs(), image_id=f"{repository}@{digest}" if digest else "")
    beside = ContainerStatus("nginx", True, image_id=f"quay.io/domino/nginx@{OTHER}")
    made = pod(
        name,
        image=image,
        node="n",
        phase=phase,
        statuses=(status, beside),
        labels=Labels(workload_type=kind),
        cluster=cluster,
        deleted=deleted,
    )
    nginx = msgspec.structs.replace(made.spec.containers[0], name="nginx", image="quay.io/domino/nginx:1")
    return msgspec.structs.replace(
        made, spec=msgspec.structs.replace(made.spec, containers=(*made.spec.containers, nginx))
    )


def assess(pods: Sequence[Pod], *reports: ScanReport, **thresholds: object) -> Assessment:
    return vulnerabilities.test_images_that_run_are_scanned_and_have_no_fixable_critical_vulnerability(
        list(reports),
        list(pods),
        NOW,
        **thresholds,  # type: ignore[arg-type]
    )


def found(*reports: ScanReport, of: Pod | None = None) -> list[Finding]:
    return list(assess([of or running()], *reports).findings)


def unseen(pods: Sequence[Pod], *reports: ScanReport) -> list[tuple[str, str]]:
    return [(each.target, each.reason) for each in assess(pods, *reports).unseen]


# Healthy, and empty


def test_an_image_with_a_recent_report_without_fixable_criticals_is_healthy_and_shown() -> None:
    assessment = assess([running(), running("run-2")], report(DIGEST, critical=4))

    assert (len(assessment.population), assessment.findings, assessment.unseen) == (1, (), ())
    assert assessment.worst == "0 fixable critical of 0 in an image; oldest report 1 d of 30 d"
    (table,) = assessment.attachments
    assert table.rows == (
        (
            f"{IMAGE} (sha256:000000000000)",
            f"environment/{ENVIRONMENT}",
            "2",
            "Trivy",
            "1 d",
            "4",
            "0",
            "7",
            "20",
            "3",
        ),
    )


def test_where_nothing_of_users_runs_there_is_nothing_to_assess() -> None:
    others = [
        running("web", kind=""),
        running(phase="Succeeded"),
        running(phase="Unknown"),
        running(deleted=True),
    ]

    for pods in ([], others):
        assessment = assess(pods, report(DIGEST, fixable=3))
        assert (len(assessment.population), assessment.findings, assessment.unseen) == (0, (), ())


def test_a_model_s_image_is_judged_as_well_and_domino_s_own_containers_are_not() -> None:
    image = f"r:5000/acme/model:{'a' * 24}-v1"
    (finding,) = found(report(DIGEST, fixable=1), of=running("model-1", image=image, kind="ModelAPI"))

    assert finding.subject == Ref("", "model", "", "a" * 24)


def test_an_image_of_another_repository_is_its_own_subject() -> None:
    (finding,) = found(report(DIGEST, fixable=1), of=running(image="registry.example.com/tool:1"))

    assert finding.subject == Ref("", "repository", "", "registry.example.com/tool")


# Fixable criticals, and age


def test_no_fixable_critical_is_allowed_unless_the_profile_says_so() -> None:
    assert not found(report(DIGEST, fixable=0, critical=9))
    (finding,) = found(report(DIGEST, fixable=1))
    pods = [running()]

    assert (finding.subject, finding.severity) == (SUBJECT, None)
    assert finding.message == (
        f"image {IMAGE} (sha256:000000000000): 1 critical with a fix, allowed 0: CVE-2026-0000. "
        "By Trivy, 1 d ago (image.json)"
    )
    assert not assess(pods, report(DIGEST, fixable=2), max_fixable_critical=2).findings
    assert assess(pods, report(DIGEST, fixable=3), max_fixable_critical=2).findings


def test_of_many_a_few_are_named_and_all_are_counted() -> None:
    (finding,) = found(report(DIGEST, fixable=40, scanner="Grype"))

    assert "40 critical with a fix, allowed 0: CVE-2026-0000, CVE-2026-0001" in finding.message
    assert "CVE-2026-0004 and 35 more. By Grype" in finding.message


def test_thirty_days_are_allowed_and_no_more() -> None:
    assert not found(report(DIGEST, ago=30 * DAY))
    (finding,) = found(report(DIGEST, ago=31 * DAY))

    assert finding.severity is Severity.LOW
    assert ": its report is 31 d old, allowed 30 d. By Trivy" in finding.message
    assert not assess([running()], report(DIGEST, ago=31 * DAY), max_age=31 * DAY).findings


def test_an_old_report_with_fixable_criticals_is_one_finding_of_the_higher_severity() -> None:
    (finding,) = found(report(DIGEST, ago=90 * DAY, fixable=2))

    assert finding.severity is None
    assert "2 critical with a fix, allowed 0: " in finding.message
    assert "; its report is 90 d old, allowed 30 d." in finding.message


def test_a_report_of_a_clock_that_is_ahead_is_of_now() -> None:
    assert not found(report(DIGEST, ago=-DAY))
    assert "0 s" in assess([running()], report(DIGEST, ago=-DAY)).worst


def test_the_newest_report_counts() -> None:
    old, new = report(DIGEST, ago=90 * DAY, fixable=3), report(DIGEST, scanner="Grype")

    assert not found(old, new)
    assert not found(new, old)


def test_pods_of_an_image_are_counted_with_a_few_examples() -> None:
    pods = [running(f"run-{number}") for number in range(1000)]

    (finding,) = assess(pods, report(DIGEST, fixable=1)).findings
    assert (finding.count, len(finding.examples)) == (1000, 3)


# Which report is whose


def test_any_digest_that_the_report_knows_is_the_image_s() -> None:
    of_index = report(OTHER, CONFIG, DIGEST, name="other:1", fixable=1)

    assert found(of_index), "by its index or manifest"
    assert found(of_index, of=running(digest=CONFIG)), "by its configuration"


def test_a_kubelet_that_tells_the_configuration_s_digest_alone_is_understood() -> None:
    made = running()
    bare = msgspec.structs.replace(runs(), image_id=CONFIG)
    made = msgspec.structs.replace(
        made, status=msgspec.structs.replace(made.status, container_statuses=(bare,))
    )

    assert found(report(CONFIG, name="", fixable=1), of=made)


@pytest.mark.parametrize(("digests", "digest"), [((), DIGEST), ((DIGEST,), ""), ((), "")])
def test_without_a_digest_on_one_side_it_is_by_name_and_tag_and_says_so(
    digests: tuple[str, ...], digest: str
) -> None:
    (finding,) = found(report(*digests, fixable=1), of=running(digest=digest))

    assert finding.message.endswith(", by its name and tag alone, for its digest is not known to both")


def test_a_report_of_another_digest_is_another_image_s() -> None:
    assert not found(report(OTHER, fixable=1))
    assert unseen([running()], report(OTHER)) == [
        (f"environment/{ENVIRONMENT}", f"image {IMAGE} (sha256:000000000000): {vulnerabilities.OTHER}")
    ]


def test_a_report_by_digest_goes_before_one_by_name() -> None:
    by_name = report(fixable=3, ago=timedelta(0))

    assert not found(by_name, report(DIGEST))


def test_an_image_that_runs_by_its_digest_is_known_by_that() -> None:
    repository = IMAGE.rpartition(":")[0]
    (finding,) = found(report(DIGEST, fixable=1), of=running(image=f"{repository}:5-3@{DIGEST}", digest=""))

    assert "by its name" not in finding.message


# What could not be looked at


def test_an_image_without_a_report_could_not_be_looked_at() -> None:
    assessment = assess([running()])

    assert (len(assessment.population), assessment.findings, assessment.worst) == (0, (), "")
    (told,) = assessment.unseen
    assert (told.target, told.reason) == (
        f"environment/{ENVIRONMENT}",
        f"image {IMAGE} (sha256:000000000000): no vulnerability report",
    )
    assert told.cure == vulnerabilities.CURE


def test_a_report_of_the_future_hides_no_older_one_and_is_none() -> None:
    ahead = -timedelta(days=1)
    within, beyond = (report(DIGEST, ago=ago, fixable=3) for ago in (ahead, ahead - timedelta(seconds=1)))
    old = report(DIGEST, ago=timedelta(days=31))

    assert len(found(within)) == 1
    assert unseen([running()], beyond) == [
        (f"environment/{ENVIRONMENT}", f"image {IMAGE} (sha256:000000000000): {vulnerabilities.FUTURE}")
    ]
    (finding,) = found(beyond, old)
    assert "its report is 31 d old" in finding.message


def test_a_report_without_a_date_is_none() -> None:
    assert unseen([running()], report(DIGEST, ago=None, fixable=3)) == [
        (f"environment/{ENVIRONMENT}", f"image {IMAGE} (sha256:000000000000): {vulnerabilities.UNDATED}")
    ]


def of_many(count: int, cluster: str = "") -> list[Pod]:
    images = (f"r/environment:{number:024x}-1" for number in range(count))
    return [running(f"run-{number}", image=image, cluster=cluster) for number, image in enumerate(images)]


def test_five_images_without_a_report_are_told_one_by_one_and_more_together() -> None:
    assert len(unseen(of_many(5))) == 5
    ((target, reason),) = unseen(of_many(1000))

    assert target == "1000 images that run"
    assert reason.startswith(f"no vulnerability report: r/environment:{0:024x}-1 (sha256:000000000000), ")
    assert reason.endswith(" and 995 more")


def test_of_two_clusters_each_is_told_by_itself() -> None:
    targets = [target for target, _ in unseen([*of_many(4, "a"), *of_many(9, "b")])]

    assert targets == [*(f"a: environment/{number:024x}" for number in range(4)), "b: 9 images that run"]


# Clusters


def test_a_file_speaks_of_an_image_wherever_it_runs_and_an_operator_of_its_own_cluster() -> None:
    pods = [running(cluster="a"), running(cluster="b")]

    by_file = assess(pods, report(DIGEST, fixable=1))
    by_operator = assess(pods, report(DIGEST, fixable=1, cluster="a"))

    assert [each.subject.cluster for each in by_file.findings] == ["a", "b"]
    assert [each.subject.cluster for each in by_operator.findings] == ["a"]
    assert [each.target for each in by_operator.unseen] == [f"b: environment/{ENVIRONMENT}"]


def test_of_many_images_the_worst_are_shown() -> None:
    pods = of_many(500)
    pods[499] = running("run-499")
    reports = [report(name=f"r/environment:{number:024x}-1") for number in range(499)]

    (table,) = assess(pods, *reports, report(DIGEST, fixable=2)).attachments

    assert (table.title, len(table.rows)) == ("The 100 worst of 500 images that run", 100)
    assert table.rows[0][0].startswith(IMAGE)
