"""``--replay``: an earlier run's facts are judged again, and nothing is looked at."""

import gzip
import json
import os
from pathlib import Path

import pytest

from domino_health.reports import evidence
from suites import FINDS, PROFILE, Ran, Suite, a_check

SEALED = """
import sys

def never(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(f"a replay did {event} {arguments}")

sys.addaudithook(never)
"""
"""Python's own record of what a process does: whoever opens a socket after this, by any library, raises."""

WAIVES = """
waivers:
- {check: TST-001, subject: '*', reason: r, owner: o, approved_by: a, expires: 2020-05-05}
"""

SEES_EVENTS = "return Assessment(events, [], worst=str(now))"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    made = Suite(pytester, monkeypatch, ["-p", "no:html"])
    made.facts("seen('east', 'a', 'b'), dead('west', 'no route')", "seen('east', 'e')")
    made.checks(
        a_check("TST-001", FINDS),
        a_check("TST-002", SEES_EVENTS, facts="events: list, now: object"),
    )
    return made


def recorded(suite: Suite, *options: str) -> Path:
    """The folder of a run."""
    before = set(suite.ran(0, "").folders)
    suite.run(*options)
    (folder,) = set(suite.ran(0, "").folders) - before
    return folder


def replayed(suite: Suite, folder: Path, *options: str, profile: tuple[str, ...] = ()) -> tuple[Ran, Path]:
    """A replay of it, and the folder that it wrote."""
    ran = suite.run(*options, profile=(f"--replay={folder}", *profile))
    replays = sorted((folder.parent / "replays").glob("2*"), key=lambda each: each.stat().st_mtime_ns)
    return ran, replays[-1] if replays else Path()


def unseal(folder: Path) -> None:
    """Take away the digests, which would tell of what is changed next."""
    (folder / evidence.SUMS).unlink()


def test_it_gives_the_same_findings_byte_for_byte_and_the_same_exit_status(suite: Suite) -> None:
    folder = recorded(suite)

    ran, again = replayed(suite, folder)

    assert ran.status == 1
    for name in ("findings.json", "profile.yaml", "facts/things.json.gz", "facts/events.json.gz"):
        assert (again / name).read_bytes() == (folder / name).read_bytes(), name
    first, second = (json.loads((each / "verdict.json").read_text()) for each in (folder, again))
    same = ("profile", "gate", "verdict", "exit_status", "reasons", "checks", "began", "unseen", "clock")
    assert {key: first[key] for key in same} == {key: second[key] for key in same}
    assert second["replay"] == {
        "of": str(folder), "verified": True, "profile": "as recorded", "recorded_exit_status": 1,
    }  # fmt: skip


def test_it_opens_no_socket(suite: Suite) -> None:
    folder = recorded(suite)
    suite.facts("broken('east', AssertionError('a replay looks at nothing'))", more=SEALED)

    ran = suite.run_apart(profile=(f"--replay={folder}",))

    assert ran.status == 1, ran.out
    assert "a replay did" not in ran.out
    assert "a replay looks at nothing" not in ran.out


def test_the_seal_of_the_test_before_holds(suite: Suite) -> None:
    """A real run under it cannot look: else it would prove nothing."""
    suite.facts("broken('east', __import__('socket').socket())", more=SEALED)

    assert "a replay did socket" in suite.run_apart().out


def test_it_needs_nothing_of_the_environment_that_was(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    kubeconfig = suite.root / "kube.yaml"
    kubeconfig.write_text("")
    suite.profile(PROFILE + "  - {name: third, kubeconfig: kube.yaml}\n")
    folder = recorded(suite)
    monkeypatch.delenv("SUITE_TOKEN")
    kubeconfig.unlink()
    (suite.root / "suite.yaml").unlink()

    ran, again = replayed(suite, folder)

    assert ran.status == 1
    assert (again / "profile.yaml").read_bytes() == (folder / "profile.yaml").read_bytes()


def test_a_plain_dollar_in_what_judges_is_the_same_then_and_now(suite: Suite) -> None:
    suite.profile(
        PROFILE + WAIVES.replace("reason: r", "reason: 'costs $${x}'").replace("2020-05-05", "2099-01-01")
    )
    suite.facts("seen('east', 'a')", "seen('east', 'e')")
    folder = recorded(suite)

    _, again = replayed(suite, folder)

    for name in ("findings.json", "profile.yaml"):
        assert (again / name).read_bytes() == (folder / name).read_bytes(), name
    assert "costs ${x}" in (again / "findings.json").read_text()


def test_what_a_check_was_evidence_for_is_told_as_it_was_then(suite: Suite) -> None:
    controls = suite.root / "profiles" / "controls"
    controls.mkdir(parents=True)
    head = "framework: ACME\ntitle: t\nsource: https://acme.example.com\n"
    (controls / "acme.yaml").write_text(f"{head}controls: {{OLD-1: {{title: t, checks: [TST-001]}}}}\n")
    folder = recorded(suite)
    (controls / "acme.yaml").write_text(f"{head}controls: {{NEW-1: {{title: t, checks: [TST-001]}}}}\n")

    _, again = replayed(suite, folder)

    assert "ACME OLD-1" in (again / "findings.json").read_text()
    assert (again / "findings.json").read_bytes() == (folder / "findings.json").read_bytes()


def test_the_latest_run_stays_the_one_that_looked(suite: Suite) -> None:
    folder = recorded(suite)

    replayed(suite, folder)

    assert (folder.parent / "latest").resolve() == folder


def test_a_replay_can_be_replayed(suite: Suite) -> None:
    folder = recorded(suite)
    _, again = replayed(suite, folder)

    ran = suite.run(profile=(f"--replay={again}",))

    assert ran.status == 1


def test_a_space_does_as_well_as_an_equals_sign(suite: Suite) -> None:
    folder = recorded(suite)

    assert suite.run(profile=("--replay", str(folder))).status == 1


# By what it is judged


def test_the_gate_is_the_recorded_one_unless_another_is_named(suite: Suite) -> None:
    suite.checks(a_check("TST-001", FINDS, severity="MEDIUM"))
    suite.facts("seen('east', 'a')", "seen('east', 'e')")
    folder = recorded(suite, "--gate=audit")

    assert replayed(suite, folder)[0].status == 1
    assert replayed(suite, folder, "--gate=default")[0].status == 0


def test_judged_by_another_profile_the_verdict_says_so(suite: Suite) -> None:
    folder = recorded(suite)
    suite.profile(PROFILE + WAIVES.replace("2020-05-05", "2099-12-31"), "mild.yaml")

    ran = suite.run(profile=(f"--replay={folder}", "--profile=./mild.yaml"))

    assert ran.status == 6, "waived, and west is not known"
    (again,) = (suite.root / "reports" / "mild" / "replays").glob("2*")
    replay = json.loads((again / "verdict.json").read_text())["replay"]
    assert replay["profile"].endswith("mild.yaml")
    assert replay["recorded_exit_status"] == 1


@pytest.mark.parametrize("clusters", ["5", "true", "east", "{east: 1}", "[1]"])
def test_how_to_reach_the_platform_is_nothing_to_a_replay(suite: Suite, clusters: str) -> None:
    folder = recorded(suite)
    suite.profile(f"version: 1\nclusters: {clusters}\n", "other.yaml")

    assert suite.run(profile=(f"--replay={folder}", "--profile=./other.yaml")).status == 1


def test_a_waiver_is_held_against_the_day_of_the_run(suite: Suite) -> None:
    folder = recorded(suite)
    unseal(folder)
    verdict = json.loads((folder / "verdict.json").read_text())
    suite.profile(PROFILE + WAIVES, "then.yaml")

    for began, status in (("2020-05-05T23:59:59Z", 6), ("2020-05-06T00:00:00Z", 1)):
        (folder / "verdict.json").write_text(json.dumps({**verdict, "began": began}))
        ran = suite.run(profile=(f"--replay={folder}", "--profile=./then.yaml"))
        assert ran.status == status, "waived, and west is not known; then failed"


def test_now_is_the_moment_of_the_run(suite: Suite) -> None:
    folder = recorded(suite)
    began = json.loads((folder / "verdict.json").read_text())["began"]

    _, again = replayed(suite, folder)

    results = json.loads((again / "findings.json").read_text())["results"]
    (worst,) = [each["worst"] for each in results if each["id"] == "TST-002"]
    assert worst[:19] == began.replace("T", " ")[:19]


# What cannot be judged again


def refused(suite: Suite, folder: Path) -> str:
    """What is said of it; nothing runs, and nothing is written."""
    ran, again = replayed(suite, folder)
    assert ran.status == 4
    assert again == Path()
    (line,) = [line for line in ran.out.splitlines() if "--replay=" in line]
    return line.partition(f"--replay={folder}: ")[2]


@pytest.mark.parametrize(
    "name", ["findings.json", "verdict.json", "profile.yaml", "facts/things.json.gz", "junit.xml"]
)
def test_what_was_changed_since_is_refused(suite: Suite, name: str) -> None:
    folder = recorded(suite)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content.replace(b"}", b"} ") if b"}" in content else content + b"\0")

    assert refused(suite, folder) == f"{name} was changed since the run: it does not match SHA256SUMS"


def test_what_was_taken_away_or_added_since_is_refused(suite: Suite) -> None:
    folder = recorded(suite)
    (folder / "facts" / "more.json.gz").write_bytes(b"")
    assert refused(suite, folder) == "facts/more.json.gz is not in SHA256SUMS: it was added since the run"
    (folder / "facts" / "more.json.gz").unlink()
    (folder / "facts" / "things.json.gz").unlink()

    assert refused(suite, folder).startswith("SHA256SUMS names facts/things.json.gz, which cannot be read: ")


def test_without_digests_it_says_that_nobody_can_tell(suite: Suite) -> None:
    folder = recorded(suite)
    unseal(folder)

    ran, again = replayed(suite, folder)

    assert ran.status == 1
    assert "it has no SHA256SUMS: nobody can tell whether it was changed" in ran.out
    assert json.loads((again / "verdict.json").read_text())["replay"]["verified"] is False


def test_a_folder_that_is_none_is_refused(suite: Suite) -> None:
    assert refused(suite, suite.root / "nowhere") == "there is no such folder"
    (suite.root / "empty").mkdir()
    assert refused(suite, suite.root / "empty").startswith("it holds no verdict.json: ")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "two"}', b"\xff", b"[" * 10_000])
def test_a_verdict_that_is_none_is_refused(suite: Suite, content: bytes) -> None:
    folder = recorded(suite)
    unseal(folder)
    (folder / "verdict.json").write_bytes(content)

    assert refused(suite, folder).startswith("verdict.json cannot be read: ")


@pytest.mark.parametrize("name", ["../../elsewhere", "/elsewhere", "a/b", "..", ""])
def test_a_recorded_name_that_leads_elsewhere_is_refused_and_nothing_is_written(
    suite: Suite, name: str
) -> None:
    folder = recorded(suite)
    unseal(folder)
    verdict = json.loads((folder / "verdict.json").read_text())
    (folder / "verdict.json").write_text(json.dumps({**verdict, "profile": name}))
    before = sorted(suite.root.rglob("*"))

    ran = suite.run(profile=(f"--replay={folder}",))

    assert ran.status == 4
    assert f"a profile cannot be called {name!r}" in ran.out
    assert sorted(suite.root.rglob("*")) == before


def test_a_verdict_from_before_all_time_is_refused(suite: Suite) -> None:
    folder = recorded(suite)
    unseal(folder)
    verdict = json.loads((folder / "verdict.json").read_text())
    (folder / "verdict.json").write_text(json.dumps({**verdict, "began": "0001-01-01T00:00:00+14:00"}))

    assert refused(suite, folder).startswith("verdict.json cannot be read: ")


@pytest.mark.parametrize("name", ["verdict.json", "SHA256SUMS", "findings.json", "facts/things.json.gz"])
def test_a_file_that_never_ends_is_not_read(suite: Suite, name: str) -> None:
    folder = recorded(suite)
    (folder / name).unlink()
    os.mkfifo(folder / name)

    assert "cannot be read: not a file" in refused(suite, folder)


def test_without_digests_neither(suite: Suite) -> None:
    folder = recorded(suite)
    unseal(folder)
    for name in ("findings.json", "facts/things.json.gz"):
        (folder / name).unlink()
        os.mkfifo(folder / name)

    ran, _ = replayed(suite, folder)

    assert ran.status == 6
    assert "TST-001 unknown: could not look at things: things.json.gz cannot be read: not a file" in ran.out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/dev/zero", "names /dev/zero, which is not in this folder"),
        ("../suite.yaml", "names ../suite.yaml, which is not in this folder"),
        ("facts/../../suite.yaml", "which is not in this folder"),
        ("facts", "names facts, which cannot be read: not a file"),
        ("a\0b", "which cannot be read: "),
        ("", "names , which cannot be read: not a file"),
    ],
)
def test_digests_of_what_is_no_file_of_the_run_are_refused(suite: Suite, name: str, said: str) -> None:
    folder = recorded(suite)
    with (folder / evidence.SUMS).open("a") as file:
        file.write(f"{'0' * 64}  {name}\n")

    assert said in refused(suite, folder)


@pytest.mark.parametrize("name", ["findings.json", "profile.yaml", "verdict.json"])
def test_a_file_that_the_digests_do_not_name_is_refused(suite: Suite, name: str) -> None:
    folder = recorded(suite)
    sums = (folder / evidence.SUMS).read_text().splitlines(keepends=True)
    (folder / evidence.SUMS).write_text("".join(line for line in sums if not line.endswith(f"  {name}\n")))

    assert refused(suite, folder) == f"{name} is not in SHA256SUMS: it was added since the run"


@pytest.mark.parametrize("name", ["~nobody-of-this-name/run", "x" * 300])
def test_a_name_that_is_no_paths_is_a_usage_error(suite: Suite, name: str) -> None:
    ran = suite.run(profile=(f"--replay={name}",))

    assert ran.status == 4
    assert "Traceback" not in ran.out


def test_a_fact_that_is_too_large_for_this_machine_was_not_seen(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_much(path: Path) -> bytes:
        raise MemoryError

    folder = recorded(suite)
    monkeypatch.setattr("domino_health.reports.recorded._unpacked", too_much)

    ran, _ = replayed(suite, folder)

    assert ran.status == 6
    assert "things.json.gz cannot be read: this machine has not enough memory" in ran.out


def test_a_folder_whose_name_is_no_text_is_replayed_with_a_verdict(suite: Suite) -> None:
    folder = recorded(suite).rename(os.fsdecode(b"caf\xe9"))

    ran = suite.run(profile=(f"--replay={folder}",))

    assert ran.status == 1
    (again,) = (suite.root / "reports" / "suite" / "replays").glob("2*")
    assert json.loads((again / "verdict.json").read_text())["replay"]["of"].endswith("/caf\ufffd")


def test_a_replay_of_the_latest_run_says_which_one_that_was(suite: Suite) -> None:
    folder = recorded(suite)

    ran, again = replayed(suite, folder.parent / "latest")

    assert ran.status == 1
    assert json.loads((again / "verdict.json").read_text())["replay"]["of"] == str(folder)


@pytest.mark.parametrize(
    ("version", "status"), [(evidence.FORMAT - 2, 4), (evidence.FORMAT - 1, 1), (evidence.FORMAT + 1, 4)]
)
def test_the_form_before_this_one_is_read_and_no_other(suite: Suite, version: int, status: int) -> None:
    folder = recorded(suite)
    unseal(folder)
    verdict = json.loads((folder / "verdict.json").read_text())
    (folder / "verdict.json").write_text(json.dumps({**verdict, "format": version}))

    ran, _ = replayed(suite, folder)

    assert ran.status == status
    assert (f"verdict.json is of format {version}; this version reads {evidence.FORMAT}" in ran.out) is (
        status == 4
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        gzip.compress(b"{", mtime=0),
        gzip.compress(b'{"format": 9, "fact": "things"}', mtime=0),
    ],
    ids=["empty", "no gzip", "no JSON", "another form"],
)
def test_a_fact_that_cannot_be_read_was_not_seen(suite: Suite, content: bytes) -> None:
    folder = recorded(suite)
    unseal(folder)
    (folder / "facts" / "things.json.gz").write_bytes(content)

    ran, _ = replayed(suite, folder)

    assert ran.status == 6
    assert "TST-001 unknown: could not look at things: things.json.gz cannot be read" in ran.out


def test_a_check_of_a_fact_that_nobody_gathered_then_is_unknown_and_the_others_are_judged(
    suite: Suite,
) -> None:
    folder = recorded(suite, "-k", "TST-002")

    ran, _ = replayed(suite, folder)

    assert ran.status == 6
    assert "TST-001 unknown: could not look at things: the run did not gather things" in ran.out
    assert "TST-002 passed" in ran.out


def test_a_fact_of_objects_that_this_version_does_not_know_was_not_seen(suite: Suite) -> None:
    folder = recorded(suite)
    unseal(folder)
    path = folder / "facts" / "things.json.gz"
    fact = json.loads(gzip.decompress(path.read_bytes()))
    fact["targets"][0]["objects"] = [{"nome": "a"}]
    path.write_bytes(gzip.compress(json.dumps(fact).encode()))

    ran, _ = replayed(suite, folder)

    assert ran.status == 6
    assert "Object missing required field `name`" in ran.out


def test_what_the_form_before_this_one_recorded_is_judged_as_it_was_then(suite: Suite) -> None:
    """Kept from a run of the demo by the version that wrote form 1, before there were digests."""
    kept = Path(__file__).parent / "recordings" / f"format-{evidence.FORMAT - 1}"

    ran = suite.run("-k", "SCHED-001 or IDP-001", profile=(f"--replay={kept}",), where="")

    assert ran.status == 1, ran.out
    assert "SCHED-001 failed: 3 findings at or above high, of 42 assessed" in ran.out
    assert "IDP-001 failed: 4 findings at or above high, of 6 assessed" in ran.out
