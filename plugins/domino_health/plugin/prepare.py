"""Before a run: the profile is read, the gate is chosen, and the reports get their folder."""

import os
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domino_health.gate import INTERNAL_ERROR
from domino_health.plugin.run import Run
from domino_health.plugin.signals import interruptible
from domino_health.plugin.suite import SUITE, known_checks, load_pack, table_of_facts
from domino_health.profile import Loaded, ProfileError, files, load
from domino_health.profile.controls import evidence, frameworks
from domino_health.profile.errors import did_you_mean
from domino_health.reports.folder import Folder
from domino_health.reports.recorded import Recorded, RecordedError, open_recorded
from domino_health.rules import Gate, Rules

ONLY_ASKS = (
    *("collectonly", "setupplan", "help", "version", "markers"),
    *("showfixtures", "show_fixtures_per_test", "cacheshow"),
)
"""Options with which no check is called: there is nothing to report, and no verdict."""


def prepare(config: pytest.Config) -> Run:
    """Read the profile, and say where the reports go, before their plugins ask.

    Raises:
        pytest.UsageError: the profile's mistakes, all of them; a recording that cannot be judged again.
    """
    interruptible(config)
    recorded = _recorded(config)
    loaded = loaded_profile(config, recorded)
    gate = _gate(config, loaded, recorded)
    rules = Rules(datetime.now(UTC).date(), gate, loaded.severities, loaded.waivers)
    run = Run(config, loaded, rules, recorded)
    run.controls = controls_of(config, loaded.checks)
    if recorded is not None:
        # As it was then: what a check is evidence for may be written otherwise by now.
        run.controls = {**run.controls, **recorded.controls()}
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args += [str(pack.directory) for pack in loaded.packs]
    if loaded.packs:  # they stand elsewhere, where pytest does not look for the suite's conftest.py
        config.pluginmanager.register(table_of_facts(), "domino-health-facts")
    # A warning in a collector's thread must not become an error that looks like an outage; nor where the
    # filters are -W's (in PYTEST_ADDOPTS, say), or, between pytest's phases, Python's own.
    config.addinivalue_line("filterwarnings", "default")
    # ldap3's, in importing a newer pyasn1: nothing that whoever runs the checks could mend.
    config.addinivalue_line("filterwarnings", "ignore:(tagMap|typeMap) is deprecated:DeprecationWarning")
    config.known_args_namespace.pythonwarnings = None
    # A project that names its own tests otherwise must not hide the checks.
    config.addinivalue_line("python_files", "test_*.py")
    config.addinivalue_line("python_functions", "test_*")
    config.option.showcapture = "no"
    if not any(getattr(config.option, name, False) for name in ONLY_ASKS):
        parent = config.invocation_params.dir / "reports" / loaded.name
        run.folder = _folder(config, parent / "replays" if recorded else parent)
    return run


def loaded_profile(config: pytest.Config, recorded: Recorded | None = None) -> Loaded:
    """The profile of ``--profile``, or the one that was recorded, fit for use.

    Raises:
        pytest.UsageError: its mistakes, all of them.
    """
    here = config.invocation_params.dir
    name = config.option.health_profile
    again = recorded is not None and name is None
    try:
        loaded = load(
            str(recorded.profile) if recorded is not None and again else name,
            directories=[here / "profiles", SUITE / "profiles"],
            checks=known_checks(),
            start_lab=_lab(config),
            load_pack=load_pack,
            offline=recorded is not None,
        )
    except ProfileError as error:
        raise pytest.UsageError(*str(error).splitlines()) from None
    if recorded is not None and again:
        loaded = loaded.called(recorded.profile_name)
    if loaded.name in ("", ".", "..") or "/" in loaded.name or not loaded.name.isprintable():
        raise pytest.UsageError(
            f"a profile cannot be called {loaded.name!r}: its reports' folder has its name"
        )
    return loaded


def controls_of(config: pytest.Config, known: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Check id to the frameworks' controls that it is evidence for, by the suite's files and the site's.

    Raises:
        pytest.UsageError: their mistakes, all of them.
    """
    parents = (SUITE, config.invocation_params.dir)
    try:
        return evidence(frameworks([parent / "profiles" / "controls" for parent in parents], known))
    except ProfileError as error:
        raise pytest.UsageError(*str(error).splitlines()) from None


def _lab(config: pytest.Config) -> Callable[[str], Mapping[str, str]]:
    def start(kind: str) -> Mapping[str, str]:
        from domino_health import lab

        try:
            platform = lab.start(kind)
        except (OSError, lab.RecordingError) as error:
            pytest.exit(f"domino-health: the demo's platform did not start: {error}", INTERNAL_ERROR)
        config.add_cleanup(platform.stop)
        return platform.variables

    return start


def _recorded(config: pytest.Config) -> Recorded | None:
    if config.option.health_replay is None:
        return None
    folder = files.located(config.option.health_replay, config.invocation_params.dir)
    try:
        # What `latest` names today: reports say which run it was.
        return open_recorded(Path(os.path.realpath(folder)))
    except RecordedError as error:
        raise pytest.UsageError(f"--replay={config.option.health_replay}: {error}") from None


def _gate(config: pytest.Config, loaded: Loaded, recorded: Recorded | None) -> Gate:
    """The gate of ``--gate``; of a replay, by default, the one that it was judged by."""
    name = config.option.health_gate
    if name is None:  # an empty one is a pipeline's variable that is not set, and means no gate that is known
        name = recorded.gate if recorded else "default"
    if name not in loaded.gates:
        raise pytest.UsageError(
            f"--gate={name}: profile {loaded.name} has no such gate{did_you_mean(name, loaded.gates)}"
        )
    return loaded.gates[name]


def _folder(config: pytest.Config, parent: Path) -> Folder:
    """Where this run reports; pytest's own reports go there too, unless they were sent elsewhere."""
    if any(expand(str(parent)) != str(parent) for expand in (os.path.expandvars, os.path.expanduser)):
        raise pytest.UsageError(
            f"reports cannot be written into {parent}: pytest and pytest-html would write elsewhere, for "
            "they take a $ for the beginning of a variable's name; use other names"
        )
    try:
        folder = Folder.make(parent)
    except OSError as error:
        pytest.exit(f"domino-health: reports cannot be written: {error}", returncode=INTERNAL_ERROR)
    option = config.option
    if hasattr(option, "xmlpath") and not option.xmlpath:
        option.xmlpath = str(folder.path / "junit.xml")
    # pytest-html needs pytest-metadata, and says so by a KeyError.
    if hasattr(option, "htmlpath") and not option.htmlpath and config.pluginmanager.hasplugin("metadata"):
        option.htmlpath = str(folder.path / "report.html")
        option.self_contained_html = True
    return folder
