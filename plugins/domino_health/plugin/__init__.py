"""The pytest plugin. Inert without ``--profile``: it adds an option and imports nothing heavy.

With a profile, ``Run`` is registered, and ``Ending`` where there is something to report; everything else is
their doing.
"""

import contextlib
from collections.abc import Generator

import pytest


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Options of domino-health."""
    pluginmanager.register(_Questions(), "domino-health-questions")
    group = parser.getgroup("domino-health", "health of a Domino platform")
    group.addoption(
        "--profile",
        dest="health_profile",
        metavar="NAME",
        help="run the checks against the environment described by profiles/NAME.yaml, or by a file "
        "given as a path (--profile=./prod.yaml). Shipped: demo, demo-healthy",
    )
    group.addoption(
        "--gate",
        dest="health_gate",
        metavar="NAME",
        help="decide by this gate of the profile. Shipped: default, upgrade, nightly, audit",
    )
    group.addoption(
        "--replay",
        dest="health_replay",
        metavar="DIR",
        help="judge the facts of an earlier run again, by the profile that it recorded or by --profile; "
        "nothing is looked at. DIR is its folder under reports/",
    )
    group.addoption(
        "--show-profile",
        dest="health_show_profile",
        action="store_true",
        help="print every final value of --profile and where it comes from, and end",
    )
    group.addoption(
        "--export-waivers",
        dest="health_export_waivers",
        action="store_true",
        help="print the waivers of --profile as a waiver file for InSpec, and end",
    )
    group.addoption(
        "--list-checks",
        dest="health_list_checks",
        action="store_true",
        help="print every check, by --profile's severities where one is given, and end",
    )
    group.addoption(
        "--explain",
        dest="health_explain",
        metavar="ID",
        help="print what a check wants and why, its thresholds, facts, targets and rights, and what to do; "
        "by --profile's values where one is given, and end",
    )
    group.addoption(
        "--rbac",
        dest="health_rbac",
        action="store_true",
        help="print the account and the rights that a run needs, as manifests for kubectl, and end; by "
        "--profile's clusters where one is given",
    )
    group.addoption(
        "--init-profile",
        dest="health_init_profile",
        metavar="NAME",
        help="write a first profile, profiles/NAME.yaml, from what kubectl would talk to (KUBECONFIG, its "
        "current context or --kube-context), and end. Only reads; overwrites nothing",
    )
    group.addoption(
        "--kube-context",
        dest="health_kube_context",
        metavar="CONTEXT",
        help="of the kubeconfig, for --init-profile",
    )


class _Questions:
    """Answers what needs no run: of its own, for a wrapper of a hook cannot keep others from their turn."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> int | None:
        """Print what was asked for, and end; None where a run was asked for."""
        if config.option.health_kube_context is not None and config.option.health_init_profile is None:
            raise pytest.UsageError(
                "--kube-context goes with --init-profile; a profile names its own context"
            )
        if not _asks(config):
            if config.option.health_gate is not None and not _wants_checks(config):
                raise pytest.UsageError("--gate goes with --profile or --replay")
            return None
        from domino_health.plugin.asking import answer

        return answer(config)


def _wants_checks(config: pytest.Config) -> bool:
    return config.option.health_profile is not None or config.option.health_replay is not None


def _asks(config: pytest.Config) -> bool:
    option = config.option
    asked = (
        *(option.health_show_profile, option.health_export_waivers),
        *(option.health_list_checks, option.health_rbac),
    )
    return any(asked) or any(each is not None for each in (option.health_explain, option.health_init_profile))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> "Generator[None, object, object]":
    """A conftest.py that ends the process while it is imported, with status 0 perhaps, opens no gate."""
    try:
        return (yield)
    except (SystemExit, pytest.skip.Exception, pytest.fail.Exception) as error:
        given = early_config.known_args_namespace
        if all(getattr(given, name, None) is None for name in ("health_profile", "health_replay")):
            raise
        raise pytest.UsageError(f"a conftest.py ended the run while it was imported: {error!r}") from None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(
    config: pytest.Config,
) -> "Generator[None, int | pytest.ExitCode | None, int | pytest.ExitCode | None]":
    """With a profile, run the checks instead of the suite's own tests, in one process."""
    if not _wants_checks(config) or _asks(config):
        return (yield)
    from domino_health.plugin.outermost import guarded
    from domino_health.plugin.suite import SUITE

    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args[:] = [str(SUITE / "checks")]
    if config.getoption("numprocesses", None) or config.getoption("tx", None):
        with contextlib.suppress(OSError, ValueError):  # a terminal that is gone
            print("domino-health: -n is set to 0: looking is concurrent already, judging takes milliseconds")
        config.option.numprocesses, config.option.dist, config.option.tx = 0, "no", []
    return (yield from guarded(config))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the profile; every mistake in it is a usage error (exit 4), before anything is looked at."""
    if _asks(config) or not _wants_checks(config):
        return
    from domino_health.plugin import fixtures
    from domino_health.plugin.ending import Ending
    from domino_health.plugin.prepare import prepare

    run = prepare(config)
    config.pluginmanager.register(run, "domino-health-run")
    if run.folder is not None:
        config.pluginmanager.register(Ending(run, run.folder), "domino-health-ending")
    config.pluginmanager.register(fixtures, "domino-health-fixtures")
