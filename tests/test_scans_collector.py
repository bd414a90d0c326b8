"""Reports of Trivy, Grype and Trivy operator are read, within bounds; what is none is told, with the cure."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from builders import NOW
from domino_health.collectors import scans
from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.looking import rights_of
from domino_health.collectors.scan_formats import NoReportError, OperatorReportList, read_report
from domino_health.facts.observed import Observed, Outcome, Seen
from domino_health.facts.scans import ScanReport
from domino_health.profile import Profile
from fault_server import Answer, Exchange, says
from scan_builders import DIGEST, IMAGE, grype, operator_report, trivy
from stubs import (  # noqa: F401 (fixtures are asked for by name)
    TOKEN,
    StartStub,
    Trust,
    opened,
    plain_environment,
    stub,
    trust,
)

pytestmark = pytest.mark.usefixtures("plain_environment")

CONFIG = f"sha256:{'c' * 64}"
MANIFEST = f"sha256:{'e' * 64}"
FOUND = (
    ("CVE-1", "CRITICAL", "2.0"),
    ("CVE-1", "CRITICAL", ""),
    ("CVE-2", "CRITICAL", ""),
    ("CVE-3", "HIGH", "2.0"),
    ("CVE-4", "LOW", ""),
)
COUNTS = {"critical": 2, "high": 1, "low": 1}


def read(text: str) -> ScanReport:
    return read_report(text.encode(), "a.json")


def observe(profile: Profile) -> Observed:
    gathering = Gathering([Wanted("scan_reports", scans.scan_reports, "scans", ScanReport)], profile)
    gathering.start()
    return gathering.wait("scan_reports")


def of(*paths: Path, **more: Any) -> Profile:
    section = {"reports": [str(each) for each in paths], **more}
    return Profile.model_validate({"version": 1, "scans": section})


def gathered(*paths: Path) -> tuple[list[ScanReport], Seen]:
    """What was found, and of one path what was said."""
    observed = observe(of(*paths))
    return list(observed.objects), observed.targets[0]


# Forms


def test_a_report_of_trivy_is_read() -> None:
    report = read(trivy(*FOUND))

    assert (report.scanner, report.origin, report.cluster) == ("Trivy", "a.json", "")
    assert report.when == NOW.replace(microsecond=123457)
    assert report.names == (IMAGE,)
    assert report.digests == (CONFIG, DIGEST)
    assert report.counts == COUNTS, "each id once, however many packages have it"
    assert (report.fixable_critical, report.fixable) == (1, ("CVE-1",))


def test_a_report_of_grype_is_read() -> None:
    states = {"2.0": "fixed", "": "not-fixed"}
    report = read(grype(*((id, word.title(), states[fix]) for id, word, fix in FOUND)))

    assert (report.scanner, report.when, report.names) == ("Grype", NOW, (IMAGE,))
    assert report.digests == (CONFIG, MANIFEST, DIGEST), "platform's and index's: either may be what runs"
    assert report.counts == COUNTS
    assert (report.fixable_critical, report.fixable) == (1, ("CVE-1",))


def test_a_vulnerability_that_will_not_be_fixed_has_no_fix() -> None:
    assert (
        read(grype(("CVE-1", "Critical", "wont-fix"), ("CVE-2", "Critical", "unknown"))).fixable_critical == 0
    )


def test_a_report_of_trivy_operator_is_read_and_its_vulnerabilities_are_let_go() -> None:
    body = json.dumps({"metadata": {}, "items": [operator_report("r", *FOUND)]})
    (item,) = msgspec.json.decode(body, type=OperatorReportList).items
    report = item.kept()

    assert item.report.vulnerabilities == ()
    assert (report.scanner, report.when, report.names, report.digests) == ("Trivy", NOW, (IMAGE,), (DIGEST,))
    assert report.origin == "vulnerabilityreport/domino-compute/r"
    assert (report.counts, report.fixable_critical, report.fixable) == (COUNTS, 1, ("CVE-1",))


def test_of_many_fixable_criticals_a_few_ids_are_kept() -> None:
    report = read(trivy(*((f"CVE-{number:05}", "CRITICAL", "2") for number in range(20_000))))

    assert report.fixable_critical == 20_000
    assert report.fixable == tuple(f"CVE-{number:05}" for number in range(5))


@pytest.mark.parametrize("words", [("LOW", "HIGH"), ("HIGH", "LOW"), ("HIGH", "UNKNOWN"), ("odd", "HIGH")])
def test_a_vulnerability_of_several_packages_is_of_its_worst_severity(words: tuple[str, str]) -> None:
    assert read(trivy(*(("CVE-1", word, "") for word in words))).counts == {"high": 1}
    assert read(trivy(("CVE-1", "", ""))).counts == {"unknown": 1}


def test_a_report_without_a_date_has_none() -> None:
    assert read(trivy(CreatedAt="0001-01-01T00:00:00Z")).when is None, "what Go writes for no time"
    assert read(grype(made=None)).when is None


def test_what_scanners_leave_out_is_nothing() -> None:
    assert read(trivy(Metadata={})).digests == ()
    assert read(trivy()).counts == {}
    assert read(grype()).counts == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no report of Trivy or Grype: Input data was truncated"),
        ("<html>", "no report of Trivy or Grype: JSON is malformed"),
        ("[]", "no report of Trivy or Grype: Expected `object`, got `array`"),
        ("{}", "JSON, but no report of Trivy (SchemaVersion) or Grype (descriptor.name: grype)"),
        ("[" * 100_000, "no report of Trivy or Grype"),
        (trivy(SchemaVersion=1), "a report of Trivy of schema version 1, not 2"),
        (trivy(ArtifactType="filesystem"), "a report of Trivy of no image: filesystem"),
        (trivy(Results=None), "a report of Trivy that has compared no package to known vulnerabilities"),
        (
            trivy(Results=[{"Target": "a", "Class": "secret"}]),
            "a report of Trivy that has compared no package to known vulnerabilities",
        ),
        (trivy(CreatedAt="yesterday"), "no report of Trivy or Grype: Invalid RFC3339"),
        (
            grype(source={"type": "directory", "target": "/home/ada"}),
            "a report of Grype of no image: directory",
        ),
        (grype(source=None), "a report of Grype of no image: of nothing"),
        (grype(matches=None), "a report of Grype that has compared nothing to known vulnerabilities"),
        (json.dumps({"bomFormat": "CycloneDX"}), "JSON, but no report"),
    ],
)
def test_what_is_no_report_of_an_image_says_what_it_is(text: str, why: str) -> None:
    with pytest.raises(NoReportError) as error:
        read(text)

    assert str(error.value).startswith(why)


# Files and directories


def test_a_file_and_the_json_files_of_a_directory_and_below_it_are_read(tmp_path: Path) -> None:
    single, folder = tmp_path / "one.json", tmp_path / "many"
    (folder / "deeper").mkdir(parents=True)
    single.write_text(trivy())
    (folder / "b.json").write_text(grype())
    (folder / "deeper" / "a.json").write_text(trivy())
    (folder / "README.md").write_text("not looked at")

    observed = observe(of(single, folder))

    assert [each.origin for each in observed.objects] == ["one.json", "b.json", "deeper/a.json"]
    assert {each.outcome for each in observed.targets} == {Outcome.SEEN}


def test_an_empty_directory_has_no_report(tmp_path: Path) -> None:
    found, target = gathered(tmp_path)

    assert (found, target.outcome) == ([], Outcome.SEEN)


def test_files_that_are_no_reports_are_named_and_the_others_count(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(trivy())
    for number in range(scans.NAMED + 2):
        (tmp_path / f"bad-{number:02}.json").write_text("<html>")
    (tmp_path / "other.json").write_text("{}")

    found, target = gathered(tmp_path)

    assert [each.origin for each in found] == ["good.json"]
    assert target.outcome is Outcome.TRUNCATED
    assert target.reason.startswith(
        f"{tmp_path}: {scans.NAMED + 3} of {scans.NAMED + 4} files are not read: no report of Trivy or Grype"
    )
    assert "(bad-00.json, bad-01.json, bad-02.json, " in target.reason
    assert "bad-19.json and 2 more); JSON, but no report of Trivy" in target.reason
    assert target.reason.endswith(" (other.json)")
    assert "trivy image --format json" in target.cure


def test_a_file_that_is_no_report_is_told_with_the_cure(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("{}")

    found, target = gathered(file)

    assert (found, target.outcome) == ([], Outcome.FAILED)
    assert target.reason.startswith(f"{file}: JSON, but no report of Trivy")


def test_what_is_not_there_is_told_with_the_cure(tmp_path: Path) -> None:
    _, target = gathered(tmp_path / "none")

    assert target.reason == f"{tmp_path / 'none'}: no such file or directory"
    assert "see whether the scan that writes it has run" in target.cure


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "LONGEST", 1 << 20)
    (tmp_path / "a.json").write_bytes(b" " * ((1 << 20) + 1))

    _, target = gathered(tmp_path)

    assert target.reason.endswith("1 of 1 files are not read: larger than 1 MiB (a.json)")


def test_a_directory_with_too_many_files_is_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "MOST", 3)
    for number in range(9):
        (tmp_path / f"{number}.json").write_text(trivy())

    found, target = gathered(tmp_path)

    assert (len(found), target.outcome) == (3, Outcome.TRUNCATED)
    assert target.reason == f"{tmp_path}: more than 3 files"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")

    _, target = gathered(tmp_path)

    assert target.reason.endswith("1 of 1 files are not read: not a file (pipe.json)")


# Trivy operator


def status(code: int, message: str) -> Answer:
    return says(code, {"kind": "Status", "status": "Failure", "message": message, "code": code})


NOT_SERVED = status(404, "the server could not find the requested resource")
DENIED = status(403, "forbidden")


def looked(server: str, trust: Trust, namespaces: list[str] | None = None, **section: Any) -> Observed:
    given: dict[str, Any] = {"name": "prod", "server": server, "ca_file": str(trust.ca_file), "token": TOKEN}
    given |= {"namespaces": namespaces} if namespaces else {}
    return observe(Profile.model_validate({"version": 1, "clusters": [given], "scans": section}))


def test_the_operator_s_reports_are_listed_by_small_pages(stub: StartStub, trust: Trust) -> None:
    limits = []

    def answer(exchange: Exchange) -> None:
        limits.append(exchange.request.query["limit"])
        first = "continue" not in exchange.request.query
        item = operator_report("a" if first else "b", *FOUND)
        exchange.answer(200, {"metadata": {"continue": "abc"} if first else {}, "items": [item]})

    observed = looked(stub(answer).url, trust, operator=True)

    assert [(each.origin.rpartition("/")[2], each.cluster) for each in observed.objects] == [
        ("a", "prod"),
        ("b", "prod"),
    ]
    assert [each.counts for each in observed.objects] == [COUNTS, COUNTS]
    assert limits == ["50", "50"]


def test_of_a_listing_that_ends_in_its_middle_what_was_read_counts(stub: StartStub, trust: Trust) -> None:
    def answer(exchange: Exchange) -> None:
        if "continue" in exchange.request.query:
            exchange.answer(400, {"kind": "Status", "message": "no", "code": 400})
        else:
            exchange.answer(200, {"metadata": {"continue": "abc"}, "items": [operator_report("a", *FOUND)]})

    observed = looked(stub(answer).url, trust, operator=True)

    assert [each.outcome for each in observed.targets] == [Outcome.TRUNCATED]
    assert [(each.counts, each.cluster) for each in observed.objects] == [(COUNTS, "prod")]


def test_an_operator_that_must_be_there_and_is_not_could_not_be_looked_at(
    stub: StartStub, trust: Trust, tmp_path: Path
) -> None:
    must = looked(stub(NOT_SERVED).url, trust, operator=True)
    may = looked(stub(NOT_SERVED).url, trust, reports=[str(tmp_path)])

    assert [each.outcome for each in must.targets] == [Outcome.FAILED]
    assert must.targets[0].reason.startswith(
        "Trivy operator is not installed (GET /apis/aquasecurity.github.io"
    )
    assert must.targets[0].cure == scans.INSTALL
    assert [each.outcome for each in may.targets] == [Outcome.SEEN, Outcome.NOT_INSTALLED]
    assert (may.unseen, may.absent) == ([], ""), "there are files"


def test_a_refusal_is_unseen_with_the_rule_to_add(stub: StartStub, trust: Trust) -> None:
    (target,) = looked(stub(DENIED).url, trust, operator=True).targets

    assert target.outcome is Outcome.DENIED
    assert (
        '{apiGroups: ["aquasecurity.github.io"], resources: ["vulnerabilityreports"], verbs: ["list"]}'
        in (target.cure)
    )


def test_with_namespaces_each_is_asked_by_itself(stub: StartStub, trust: Trust) -> None:
    def answer(exchange: Exchange) -> None:
        namespace = exchange.request.path.split("/")[-2]
        exchange.answer(200, {"metadata": {}, "items": [operator_report("r", namespace=namespace)]})

    observed = looked(stub(answer).url, trust, ["a", "b"], operator=True)

    assert [each.origin for each in observed.objects] == [
        "vulnerabilityreport/a/r",
        "vulnerabilityreport/b/r",
    ]


def test_the_right_is_asked_for_only_where_the_operator_may_be_looked_at(tmp_path: Path) -> None:
    (right,) = rights_of(scans.scan_reports, of(tmp_path))

    assert (right.resource, right.group) == ("vulnerabilityreports", "aquasecurity.github.io")
    assert rights_of(scans.scan_reports, of(tmp_path, operator=False)) == ()
    assert rights_of(scans.scan_reports, Profile.model_validate({"version": 1})) == ()


def test_without_a_cluster_the_operator_cannot_be_looked_at(tmp_path: Path) -> None:
    section = {"version": 1, "scans": {"operator": True}}

    assert observe(Profile.model_validate(section)).absent == (
        "the profile has no cluster that Trivy operator could run in"
    )
