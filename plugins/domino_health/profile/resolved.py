"""The profile as it was used: every final value, defaults included, references kept as references."""

from collections.abc import Mapping
from typing import Any

import yaml

from domino_health.profile.document import Loc
from domino_health.profile.judging import spelled_gates
from domino_health.profile.models import Profile
from domino_health.profile.references import escaped
from domino_health.redact import Redactor


def spell_out(
    profile: Profile,
    thresholds: Mapping[str, Mapping[str, Any]],
    references: Mapping[Loc, str],
    redactor: Redactor,
) -> str:
    """YAML that loads again as the same profile, and holds no secret.

    Args:
        profile: the validated profile.
        thresholds: of every known check, as a profile writes them.
        references: where references stood, and what was written there.
        redactor: knows their values. Should one of them stand elsewhere too, it is masked there.
    """
    data = profile.model_dump(mode="json", exclude={"thresholds", "gates"}, exclude_none=True)
    data = {key: value for key, value in data.items() if value != {}}
    data = _fit({**data, "gates": spelled_gates(profile.gates), "thresholds": thresholds}, redactor)
    for loc, written in references.items():
        _put_back(data, loc, written)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def spell_out_as_written(data: Mapping[str, Any], thresholds: Mapping[str, Mapping[str, Any]]) -> str:
    """The same of a profile of which only what judges was read: all else stays as it was written.

    What ``spell_out`` made comes out of it unchanged.
    """
    plain = _plain({key: value for key, value in data.items() if key != "thresholds"})
    spelled = {**plain, "thresholds": _fit(thresholds, Redactor())}
    return yaml.safe_dump(spelled, sort_keys=False, allow_unicode=True)


def _plain(value: Any) -> Any:
    """Without the classes that say where a text came from: YAML has no word for them."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _fit(value: Any, redactor: Redactor) -> Any:
    """Value by value: in the text, what masks a secret could break the YAML, or a folded line hide it."""
    if isinstance(value, Mapping):
        return {key: _fit(item, redactor) for key, item in value.items()}
    if isinstance(value, list):
        return [_fit(item, redactor) for item in value]
    return escaped(redactor.scrub(value)) if isinstance(value, str) else value


def _put_back(data: Any, loc: Loc, written: str) -> None:
    *parents, last = loc
    try:
        for part in parents:
            data = data[part]
        data[last] = written
    except (KeyError, IndexError, TypeError):  # a check's own type gave the value another form; it is masked
        return
