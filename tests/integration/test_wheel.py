"""The wheel works outside of the clone: it carries the engine, the checks, the facts and the demo."""

import http.server
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from health_run import HealthRun, run_health

CLONE = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the clone."""
    target = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target)]
    subprocess.run([*build, str(CLONE)], check=True, capture_output=True, timeout=120)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def fresh_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of a fresh environment in which only the wheel, and what it needs, is installed."""
    environment = tmp_path_factory.mktemp("fresh") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True, timeout=60)
    python = str(environment / "bin" / "python")
    install = ["uv", "pip", "install", "--quiet", "--python", python, "-c", str(CLONE / "constraints.txt")]
    subprocess.run([sys.executable, "-m", *install, str(wheel)], check=True, timeout=300)
    return python


@pytest.fixture(scope="module")
def acme(fresh_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of a pack, copied out of the clone and installed beside the wheel."""
    copy = tmp_path_factory.mktemp("template") / "acme-checks"
    shutil.copytree(CLONE / "examples" / "acme-checks", copy)
    install = ["uv", "pip", "install", "--quiet", "--python", fresh_python]
    constrained = [*install, "-c", str(CLONE / "constraints.txt")]
    subprocess.run([sys.executable, "-m", *constrained, str(copy)], check=True, timeout=300)
    return copy


class _LicenceServer(http.server.BaseHTTPRequestHandler):
    """A fake: it has one product, and no seat left."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/status" else 404)
        self.end_headers()
        self.wfile.write(b'{"licences": [{"product": "solver", "seats": 3, "in_use": 3}]}')

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is the run's."""


@pytest.fixture
def licence_server() -> Iterator[str]:
    """The address of one, on loopback."""
    with http.server.HTTPServer(("127.0.0.1", 0), _LicenceServer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def cases(run: HealthRun) -> list[tuple[str | None, str | None]]:
    """Class name and name of every testcase of the run's JUnit."""
    tree = ElementTree.parse(run.folder / "junit.xml")
    return [(case.get("classname"), case.get("name")) for case in tree.iter("testcase")]


def test_the_wheel_carries_what_a_run_needs(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    for needed in (
        "domino_health/suite/conftest.py",
        "domino_health/suite/checks/test_scheduling.py",
        "domino_health/suite/docs/profile.schema.json",
        "domino_health/suite/docs/runbooks/SCHED-001.md",
        "domino_health/suite/profiles/controls/soc2.yaml",
        "domino_health/suite/profiles/demo.yaml",
        "domino_health/reports/templates/page.html.jinja2",
        "domino_health/lab/recordings/faulty.json.gz",
        "domino_health/py.typed",
    ):
        assert needed in names
    assert not [name for name in names if name.startswith(("tests/", "checks/", "conftest"))]


def test_an_empty_directory_gives_the_clones_verdict(
    fresh_python: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    profile = (CLONE / "profiles" / "demo.yaml").read_text()

    clone = run_health(tmp_path_factory.mktemp("clone"), profile)
    wheel = run_health(tmp_path_factory.mktemp("empty"), profile, python=fresh_python)

    assert wheel.exit_status == clone.exit_status == 1, wheel.output
    assert wheel.verdict["checks"] == clone.verdict["checks"]
    assert cases(wheel) == cases(clone)
    for check in ("SCHED-001", "IDP-001"):
        assert wheel.subjects(check) == clone.subjects(check)
        assert wheel.result(check)["test"] == clone.result(check)["test"]


def test_it_lives_beside_a_users_own_tests_of_the_same_names(fresh_python: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture\ndef pods():\n    return ['mine']\n"
    )
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "test_scheduling.py").write_text(
        "def test_mine(pods):\n    assert pods == ['mine']\n"
    )
    profile = (CLONE / "profiles" / "demo-healthy.yaml").read_text()

    run = run_health(tmp_path, profile, python=fresh_python)
    own = subprocess.run(
        [fresh_python, "-m", "pytest", "-q"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.exit_status == 0, run.output
    assert run.result("SCHED-001")["population"] > 1
    assert own.returncode == 0, own.stdout
    assert "1 passed" in own.stdout


def test_a_packs_own_tests_pass_outside_of_the_clone(fresh_python: str, acme: Path) -> None:
    own = subprocess.run(
        [fresh_python, "-m", "pytest", "-q"],
        cwd=acme,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert own.returncode == 0, own.stdout + own.stderr
    assert " failed" not in own.stdout


def test_a_packs_checks_run_from_an_empty_directory(
    fresh_python: str, acme: Path, licence_server: str, tmp_path: Path
) -> None:
    written = (acme / "acme.yaml").read_text()
    profile = written.replace("http://licences.acme.example:8090", licence_server)
    assert profile != written
    (tmp_path / "acme.yaml").write_text(profile)

    run = subprocess.run(
        [fresh_python, "-m", "pytest", "--profile", "./acme.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert run.returncode == 1, run.stdout + run.stderr
    latest = tmp_path / "reports" / "acme" / "latest"
    result = HealthRun(run.returncode, run.stdout, latest).result("ACME-001")
    assert (result["state"], result["population"]) == ("failed", 1)
    assert result["test"] == "acme_checks/test_licences.py::test_every_product_has_seats_left"
    assert "no seat available" in (latest / "report.html").read_text(), "its runbook came with it"
