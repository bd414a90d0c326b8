"""Profiles as texts, and the checks whose thresholds they set."""

import functools
import importlib.util
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from domino_health import Assessment, Duration, Severity, check
from domino_health.plugin.schema import schema
from domino_health.profile import Loaded, Profile, ProfileError, load
from domino_health.profile.document import parse
from domino_health.profile.packs import Pack

TOKEN = "eyJhbGciOi.c2VjcmV0LXRva2Vu.s1gnature"
VALID = "version: 1\nclusters:\n- name: prod\n"
CA = "-----BEGIN CERTIFICATE-----\nread only when a chain is verified\n-----END CERTIFICATE-----\n"


@check("SCHED-001", severity=Severity.HIGH)
def pods_get_a_node(
    pods: list[int],
    *,
    max_wait: Duration = timedelta(minutes=10),
    max_wait_gpu: Duration = timedelta(minutes=30),
) -> Assessment:
    """No pod waits longer than ``max_wait``.

    Somebody waits for it.

    Remediation: add nodes.
    """
    return Assessment(pods, [])


@check("CAP-002", severity=Severity.LOW)
def there_is_room(
    pods: list[int],
    *,
    least: int = 3,
    share: float = 0.8,
    strict: bool = False,
    zone: str = "a",
    limit: int | None = None,
    ignore: list[str] = [],  # noqa: B006 (thresholds are only read)
) -> Assessment:
    """There is room.

    A queue is a lost day.

    Remediation: add nodes.
    """
    return Assessment(pods, [])


@check("IDP-001", severity=Severity.LOW)
def nothing_to_set(pods: list[int]) -> Assessment:
    """It answers.

    Else nobody logs in.

    Remediation: start it.
    """
    return Assessment(pods, [])


CHECKS: dict[str, Callable[..., Any]] = {
    "SCHED-001": pods_get_a_node,
    "CAP-002": there_is_room,
    "IDP-001": nothing_to_set,
}


def no_lab(which: str) -> Mapping[str, str]:
    pytest.fail(f"nobody asked for the lab, {which}")


def load_text(text: str | bytes, directory: Path, **more: Any) -> Loaded:
    """The profile of a file ``prod.yaml`` with this text, which may be indented.

    What the loader accepts, the JSON schema that editors use must accept too.
    """
    path = directory / "prod.yaml"
    path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
    loaded = load(str(path), **{"directories": [directory], "checks": CHECKS, "start_lab": no_lab, **more})
    if importlib.util.find_spec("jsonschema"):  # test_schema.py fails without it
        assert not refusals(path.read_text("utf-8-sig"), loaded.checks, loaded.packs)
    return loaded


def refusals(text: str, checks: Mapping[str, Callable[..., Any]], packs: Sequence[Pack] = ()) -> list[str]:
    """What the JSON schema has against a profile's text, as an editor would say it."""
    validator = _validator(schema(checks, packs)) if packs else _validator_of(tuple(checks.items()))
    return [
        f"{error.json_path}: {error.message}" for error in validator.iter_errors(_as_json(parse(text).data))
    ]


@functools.cache
def _validator_of(checks: tuple[tuple[str, Callable[..., Any]], ...]) -> Any:
    return _validator(schema(dict(checks)))


def _validator(of: dict[str, Any]) -> Any:
    import jsonschema

    jsonschema.Draft7Validator.check_schema(of)
    return jsonschema.Draft7Validator(of)


def _as_json(value: Any) -> Any:
    """As editors read YAML: a date is a text to them."""
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def profile(text: str, directory: Path, **more: Any) -> Profile:
    return load_text(text, directory, **more).profile


def mistakes(text: str | bytes, directory: Path, **more: Any) -> list[tuple[int, str, str]]:
    """Line, path and message of each mistake; each is printed on a line of its own."""
    with pytest.raises(ProfileError) as caught:
        load_text(text, directory, **more)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.problems)
    for line in lines:
        assert line.startswith(f"{directory / 'prod.yaml'}:")
        assert line.isprintable()
    return [(each.line, each.path, each.message) for each in caught.value.problems]


def with_token(token: str) -> str:
    """A profile with a token on line 5."""
    return f"version: 1\nclusters:\n- name: prod\n  server: https://127.0.0.1:6443\n  token: {token}\n"


def token_of(loaded: Loaded) -> str:
    (cluster,) = loaded.profile.clusters or ()
    assert cluster.token is not None
    return cluster.token.get_secret_value()
