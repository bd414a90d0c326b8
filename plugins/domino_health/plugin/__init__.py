"""The pytest plugin. Inert without ``--profile``: it adds an option and imports nothing heavy.

With a profile, ``Run`` is registered, and ``Ending`` where there is something to report; everything else is
their doing.
"""

import contextlib
from collections.abc import Generator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of domino-health."""
    group = parser.getgroup("domino-health", "health of a Domino platform")
    group.addoption(
        "--profile",
        dest="health_profile",
        metavar="NAME",
        help="run the checks against the environment described by profiles/NAME.yaml, or by a file "
        "given as a path (--profile=./prod.yaml). Shipped: demo, demo-healthy",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> "Generator[None, object, object]":
    """A conftest.py that ends the process while it is imported, with status 0 perhaps, opens no gate."""
    try:
        return (yield)
    except (SystemExit, pytest.skip.Exception, pytest.fail.Exception) as error:
        if getattr(early_config.known_args_namespace, "health_profile", None) is None:
            raise
        raise pytest.UsageError(f"a conftest.py ended the run while it was imported: {error!r}") from None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(
    config: pytest.Config,
) -> "Generator[None, int | pytest.ExitCode | None, int | pytest.ExitCode | None]":
    """With a profile, run the checks instead of the suite's own tests, in one process."""
    if config.option.health_profile is None:
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
    if config.option.health_profile is None:
        return
    from domino_health.plugin import fixtures
    from domino_health.plugin.ending import Ending
    from domino_health.plugin.run import Run

    run = Run.prepare(config)
    config.pluginmanager.register(run, "domino-health-run")
    if run.folder is not None:
        config.pluginmanager.register(Ending(run, run.folder), "domino-health-ending")
    config.pluginmanager.register(fixtures, "domino-health-fixtures")
