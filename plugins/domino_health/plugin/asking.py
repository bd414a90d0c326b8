"""Without a run: ``--list-checks``, ``--explain``, ``--show-profile``, ``--rbac``, and ``--init-profile``."""

import pytest

from domino_health.plugin import explaining, manifests
from domino_health.plugin.beginning import begin
from domino_health.plugin.knowledge import page_of
from domino_health.plugin.prepare import controls_of, loaded_profile
from domino_health.plugin.suite import known_checks
from domino_health.profile import Loaded
from domino_health.profile.errors import did_you_mean
from domino_health.profile.shown import show


def answer(config: pytest.Config) -> int:
    """Print the answer; the exit status is 0.

    Raises:
        pytest.UsageError: a question that cannot be answered, or a profile with mistakes.
    """
    option = config.option
    if option.health_replay is not None:
        raise pytest.UsageError("--replay runs the checks; ask with --profile alone")
    if option.health_init_profile is not None:
        if option.health_profile is not None:
            raise pytest.UsageError("--init-profile writes a profile; leave --profile out")
        begin(config)
        return 0
    loaded = loaded_profile(config) if option.health_profile is not None else None
    if option.health_show_profile:
        if loaded is None:
            raise pytest.UsageError("--show-profile: say which one, by --profile NAME")
        print(show(loaded), end="")
    elif option.health_rbac:
        print(_manifests(loaded), end="")
    elif option.health_list_checks:
        print(explaining.listed(loaded.checks if loaded else known_checks(), loaded))
    else:
        print(_explained(config, loaded))
    return 0


def _explained(config: pytest.Config, loaded: Loaded | None) -> str:
    id = config.option.health_explain
    checks = loaded.checks if loaded else known_checks()
    if id not in checks:
        raise pytest.UsageError(f"--explain: there is no check {id}{did_you_mean(id.upper(), checks)}")
    controls = controls_of(config, checks).get(id, ())
    notes = page_of(id, loaded.profile.knowledge) if loaded else None
    return explaining.explained(checks[id], loaded, controls, notes)


def _manifests(loaded: Loaded | None) -> str:
    facts = explaining.declared(loaded)
    if loaded is None:
        return manifests.levels(manifests.needed(facts.values()))
    if not loaded.profile.clusters:
        raise pytest.UsageError(
            f"--rbac: profile {loaded.name} has no section clusters, and nothing else needs a right"
        )
    return manifests.of_profile(loaded, facts)
