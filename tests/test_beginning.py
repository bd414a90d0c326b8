"""``--init-profile``: one file, once, from what kubectl would talk to; and nothing else happens."""

import errno
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from kubernetes.config import kube_config

from fault_server import Exchange, FaultServer, says
from stubs import (  # noqa: F401 (fixtures are asked for by name)
    StartStub,
    Trust,
    opened,
    plain_environment,
    stub,
    trust,
)
from suites import Ran, Suite, hearing
from test_survey import Kubectl, answers, kubectl  # noqa: F401 (fixtures are asked for by name)

pytestmark = pytest.mark.usefixtures("plain_environment")


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return Suite(pytester, monkeypatch)


@pytest.fixture
def server(stub: StartStub, kubectl: Kubectl) -> FaultServer:
    started = stub(answers())
    kubectl(started, ("reader", "admin"))
    return started


def begun(suite: Suite, *options: str) -> Ran:
    """Asks for it. Nothing runs."""
    ran = suite.run(*options, profile=(), where="")
    assert ran.folders == []
    assert "test session starts" not in ran.out
    return ran


def test_a_profile_is_written_where_pytest_was_called_and_the_next_step_is_told(
    suite: Suite, server: FaultServer
) -> None:
    ran = begun(suite, "--init-profile", "prod")

    assert ran.status == 0, ran.out
    assert "context: reader\n" in (suite.root / "profiles" / "prod.yaml").read_text()
    lines = ran.out.splitlines()
    assert "looking at the API server" in lines
    assert f"  cluster: {server.url}, by context reader; Kubernetes v1.34.2" in lines
    assert "written: profiles/prod.yaml" in lines
    assert "next: pytest --profile prod" in lines
    assert "not seen" not in ran.out


def test_what_is_written_is_a_profile_that_the_suite_takes(suite: Suite, server: FaultServer) -> None:
    begun(suite, "--init-profile", "prod")

    ran = suite.run("--show-profile", profile=("--profile", "prod"), where="")

    assert ran.status == 0, ran.out
    assert "context: reader" in ran.out


def test_another_context_is_taken_by_name(suite: Suite, server: FaultServer) -> None:
    ran = begun(suite, "--init-profile", "prod", "--kube-context", "admin")

    assert ran.status == 0, ran.out
    assert "context: admin\n" in (suite.root / "profiles" / "prod.yaml").read_text()


def test_what_could_not_be_seen_is_no_error(suite: Suite, stub: StartStub, kubectl: Kubectl) -> None:
    kubectl(stub(says(401, {"message": "Unauthorized"})))

    ran = begun(suite, "--init-profile", "prod")

    assert ran.status == 0, ran.out
    assert "not seen, and noted in the profile:" in ran.out
    assert "give cluster prod a valid credential" in ran.out
    assert "#   the API server: GET /version: 401" in (suite.root / "profiles" / "prod.yaml").read_text()


@pytest.mark.parametrize("there", ["prod.yaml", "prod.yml", "a link to nowhere"])
def test_what_is_there_is_never_overwritten(suite: Suite, server: FaultServer, there: str) -> None:
    (suite.root / "profiles").mkdir()
    path = suite.root / "profiles" / ("prod.yaml" if " " in there else there)
    if " " in there:
        path.symlink_to("nowhere")
    else:
        path.write_text("version: 1\n")

    ran = begun(suite, "--init-profile", "prod")

    assert ran.status == 4
    assert f"{path} is there already" in ran.out
    assert "give another name" in ran.out
    assert sorted(file.name for file in (suite.root / "profiles").iterdir()) == [path.name]
    assert path.is_symlink() or path.read_text() == "version: 1\n"
    assert not (suite.root / "profiles" / "nowhere").exists()
    assert server.requests == [], "told before anything is looked at"


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", ".", "..", "../prod", "a/b", "/tmp/prod", ".hidden", "prod.yaml", "prod.yml"),
        *("a b", "a\nb", "-", "ä", "$HOME", "x" * 101),
    ],
)
def test_a_name_that_is_no_plain_name_is_refused(suite: Suite, server: FaultServer, name: str) -> None:
    ran = begun(suite, f"--init-profile={name}")

    assert ran.status == 4
    assert "not a plain name" in ran.out
    assert not (suite.root / "profiles").exists()
    assert server.requests == []


@pytest.mark.parametrize("name", ["p", "prod-1_eu.west", "on", "1", "x" * 100])
def test_a_plain_name_is_taken(suite: Suite, server: FaultServer, name: str) -> None:
    assert begun(suite, f"--init-profile={name}").status == 0
    assert suite.run("--show-profile", profile=("--profile", name), where="").status == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--init-profile=prod", "--kube-context=raeder"), "no context raeder"),
        (("--init-profile=prod", "--kube-context="), "no context "),
        (("--init-profile=prod", "--profile=./suite.yaml"), "leave --profile out"),
        (("--kube-context=reader",), "--kube-context goes with --init-profile"),
        (("--list-checks", "--kube-context=reader"), "--kube-context goes with --init-profile"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    suite: Suite, server: FaultServer, options: tuple[str, ...], said: str
) -> None:
    ran = begun(suite, *options)

    assert ran.status == 4
    assert said in ran.out
    assert not (suite.root / "profiles").exists()


def test_without_a_kubeconfig_a_named_context_is_a_mistake(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", "/no/such/config")

    ran = begun(suite, "--init-profile=prod", "--kube-context=a")

    assert ran.status == 4
    assert "no context a in /no/such/config" in ran.out


def test_a_directory_that_refuses_is_told(
    suite: Suite, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Path.mkdir

    def refuse(path: Path, *given: Any, **more: Any) -> None:
        if path.name == "profiles":
            raise PermissionError(13, "Permission denied")
        made(path, *given, **more)

    monkeypatch.setattr(Path, "mkdir", refuse)

    ran = begun(suite, "--init-profile", "prod")

    assert ran.status == 4
    assert "profiles/prod.yaml cannot be written: Permission denied; call pytest from" in ran.out


def test_where_nothing_can_be_written_it_is_told(suite: Suite, server: FaultServer) -> None:
    (suite.root / "profiles").write_text("a file")

    ran = begun(suite, "--init-profile", "prod")

    assert ran.status == 4
    assert f"{suite.root / 'profiles'} is no directory; move it away" in ran.out
    assert server.requests == []
    assert (suite.root / "profiles").read_text() == "a file"


def test_a_link_to_nowhere_called_profiles_is_told(suite: Suite, server: FaultServer) -> None:
    (suite.root / "profiles").symlink_to("nowhere")

    ran = begun(suite, "--init-profile", "prod")

    assert ran.status == 4
    assert f"{suite.root / 'profiles'} is no directory; move it away" in ran.out
    assert server.requests == []


def test_a_link_called_profiles_is_followed(suite: Suite, server: FaultServer) -> None:
    (suite.root / "elsewhere").mkdir()
    (suite.root / "profiles").symlink_to("elsewhere")

    assert begun(suite, "--init-profile", "prod").status == 0
    assert [file.name for file in (suite.root / "elsewhere").iterdir()] == ["prod.yaml"]


def test_a_directory_that_may_not_be_entered_is_told_before_anything_is_looked_at(
    suite: Suite, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Path.exists

    def refuse(path: Path, *given: Any, **more: Any) -> bool:
        if path.parent == suite.root / "profiles":  # and not what a newer Python asks of packages
            raise PermissionError(13, "Permission denied")
        return there(path, *given, **more)

    monkeypatch.setattr(Path, "exists", refuse)

    ran = begun(suite, "--init-profile", "prod")

    assert ran.status == 4
    assert "profiles/prod.yaml cannot be written: Permission denied" in ran.out
    assert server.requests == []


def of_profiles(suite: Suite) -> list[str]:
    return sorted(file.name for file in (suite.root / "profiles").iterdir())


@pytest.mark.parametrize(
    ("raised", "status"), [(OSError(errno.ENOSPC, "No space left on device"), 4), (KeyboardInterrupt(), 2)]
)
def test_a_file_that_cannot_be_finished_leaves_nothing(
    suite: Suite,
    server: FaultServer,
    monkeypatch: pytest.MonkeyPatch,
    raised: BaseException,
    status: int,
) -> None:
    written = Path.write_text

    def half(path: Path, text: str, *given: Any, **more: Any) -> int:
        if path.parent.name != "profiles":
            return written(path, text, *given, **more)
        written(path, text[: len(text) // 2], *given, **more)
        raise raised

    monkeypatch.setattr(Path, "write_text", half)

    ran = begun(suite, "--init-profile", "prod")

    assert ran.status == status
    assert "Traceback" not in ran.out
    assert of_profiles(suite) == []
    if status == 4:
        assert "profiles/prod.yaml cannot be written: No space left on device" in ran.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_look_that_is_interrupted_ends_with_status_2_and_writes_nothing(
    suite: Suite, stub: StartStub, kubectl: Kubectl, number: signal.Signals
) -> None:
    def interrupts(exchange: Exchange) -> None:
        os.kill(os.getpid(), number)
        exchange.hang()

    kubectl(stub(interrupts))

    with hearing(number):
        ran = begun(suite, "--init-profile", "prod")

    assert ran.status == 2
    assert "domino-health: --init-profile was interrupted" in ran.out
    assert "Traceback" not in ran.out
    assert not (suite.root / "profiles").exists()


def test_a_file_that_came_while_one_looked_is_not_overwritten(
    suite: Suite, stub: StartStub, kubectl: Kubectl
) -> None:
    path = suite.root / "profiles" / "prod.yaml"

    def meanwhile(exchange: Exchange) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text("version: 1\n")
        answers()(exchange)

    kubectl(stub(meanwhile))

    ran = begun(suite, "--init-profile", "prod")

    assert ran.status == 4
    assert f"{path} is there already" in ran.out
    assert path.read_text() == "version: 1\n"
    assert of_profiles(suite) == ["prod.yaml"]


@pytest.mark.parametrize("there", [False, True])
def test_where_there_are_no_hard_links_it_is_the_same(
    suite: Suite, server: FaultServer, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    path = suite.root / "profiles" / "prod.yaml"

    def refuse(*_: Any) -> None:
        if there:
            path.write_text("version: 1\n")
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("domino_health.plugin.beginning.os.link", refuse)

    ran = begun(suite, "--init-profile", "prod")

    assert ran.status == (4 if there else 0)
    assert ("context: reader" in path.read_text()) is not there
    assert of_profiles(suite) == ["prod.yaml"]


def test_waiting_is_told_once_and_then_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from domino_health.plugin import beginning

    clock = [0.0]
    monkeypatch.setattr("domino_health.plugin.beginning.time.monotonic", lambda: clock[0])
    progress = beginning._Progress()
    for now in (0.0, 0.2, 4.9, 5.0, 5.2):
        clock[0] = now
        progress("pods")
    progress("hosts")

    written = capsys.readouterr()
    assert written.err.splitlines() == ["looking at pods", "still looking at pods", "looking at hosts"]
    assert written.out == ""
