"""What needs no run: the checks, one check, a profile, its waivers, its rights; and a first profile."""

import sys

import pytest

from domino_health.plugin import explaining, manifests
from domino_health.plugin.beginning import begin
from domino_health.plugin.knowledge import page_of
from domino_health.plugin.prepare import controls_of, loaded_profile
from domino_health.plugin.suite import known_checks
from domino_health.profile import Loaded, inspec
from domino_health.profile.errors import did_you_mean
from domino_health.profile.shown import show


def answer(config: pytest.Config) -> int:
    """Print the answer; the exit status is 0, or 2 where a first look was interrupted.

    Raises:
        pytest.UsageError: a question that cannot be answered, or a profile with mistakes.
    """
    option = config.option
    if option.health_replay is not None:
        raise pytest.UsageError("--replay runs the checks; ask with --profile alone")
    if option.health_init_profile is not None:
        if option.health_profile is not None:
            raise pytest.UsageError("--init-profile writes a profile; leave --profile out")
        return begin(config)
    loaded = loaded_profile(config) if option.health_profile is not None else None
    for remark in loaded.remarks if loaded else ():
        print(f"domino-health: {remark}", file=sys.stderr)
    if option.health_show_profile:
        print(show(_required(loaded, "--show-profile")), end="")
    elif option.health_rbac:
        print(_manifests(loaded), end="")
    elif option.health_export_waivers:
        _export(_required(loaded, "--export-waivers"))
    elif option.health_list_checks:
        print(explaining.listed(loaded.checks if loaded else known_checks(), loaded))
    else:
        print(_explained(config, loaded))
    return 0


def _required(loaded: Loaded | None, option: str) -> Loaded:
    if loaded is None:
        raise pytest.UsageError(f"{option}: say which one, by --profile NAME")
    return loaded


def _export(loaded: Loaded) -> None:
    text, left_out = inspec.exported(loaded.waivers)
    print(loaded.redactor.scrub(text), end="")
    if left_out:
        print(
            f"domino-health: {len(left_out)} of {len(loaded.waivers)} waivers are for some findings of a "
            "check; InSpec would waive all of them, so they are comments",
            file=sys.stderr,
        )


def _explained(config: pytest.Config, loaded: Loaded | None) -> str:
    id = config.option.health_explain
    checks = loaded.checks if loaded else known_checks()
    if id not in checks:
        packs = "" if loaded else "; those of packs are known with --profile"
        raise pytest.UsageError(f"--explain: there is no check {id}{did_you_mean(id.upper(), checks)}{packs}")
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
