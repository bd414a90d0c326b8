"""The status of cluster-autoscaler, read: YAML since its version 1.30, and the text of the versions before.

Both forms are those of kubernetes/autoscaler (clusterstate/api). Names, messages and numbers are taken
as they stand; what is not of either form is told, and nothing is guessed.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec

from domino_health.facts.api import Condition
from domino_health.facts.pools import Autoscaler, NodePool

MOST_BYTES = 1 << 20
"""Of a ConfigMap, by Kubernetes itself."""
QUOTED = 60
"""Characters of a text that is no status, to recognise it."""

# Go writes times in its own way: "2023-11-29 13:34:28.808043334 +0000 UTC m=+1081389.237180180".
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d{1,9})? ?(Z|[+-]\d\d:?\d\d)")
_TEXT = re.compile(r"Cluster-autoscaler status at (.{1,100}):\n")
_LINE = re.compile(
    r"[ \t]*(Name|Health|ScaleUp|ScaleDown|LastProbeTime|LastTransitionTime):[ \t]+(\S.*)", re.ASCII
)
_STATED = re.compile(r"(\w+)(?: \((.*)\))?", re.ASCII)
_COUNT = re.compile(r"\b(registered|cloudProviderTarget|minSize|maxSize|min|max)=(\d{1,9})\b", re.ASCII)

_Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]


class _Yaml(msgspec.Struct, frozen=True, rename="camel"):
    """Base of what is read of the YAML; the names are those of the ClusterAutoscalerStatus."""


class _Registered(_Yaml, frozen=True):
    total: _Count | None = None


class _Counts(_Yaml, frozen=True):
    registered: _Registered = _Registered()


class _Health(_Yaml, frozen=True):
    status: str = ""
    node_counts: _Counts = _Counts()
    cloud_provider_target: _Count | None = None
    min_size: _Count | None = None
    max_size: _Count | None = None
    last_transition_time: str = ""


class _Backoff(_Yaml, frozen=True):
    error_code: str = ""
    error_message: str = ""


class _ScaleUp(_Yaml, frozen=True):
    status: str = ""
    backoff_info: _Backoff = _Backoff()
    last_transition_time: str = ""


class _Group(_Yaml, frozen=True):
    name: str
    health: _Health = _Health()
    scale_up: _ScaleUp = _ScaleUp()


class _ClusterWide(_Yaml, frozen=True):
    health: _Health = _Health()


class _Status(_Yaml, frozen=True):
    autoscaler_status: str
    time: str
    cluster_wide: _ClusterWide = _ClusterWide()
    node_groups: tuple[_Group, ...] = ()


def status_of(text: str) -> Autoscaler:
    """What a status says.

    Raises:
        ValueError: it is of neither form; the words go on from "it is".
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"{len(text)} characters long, more than a ConfigMap has room for")
    if begins := _TEXT.match(text):
        return _of_text(_moment(begins[1]), text[begins.end() :])
    return _of_yaml(text)


def _of_yaml(text: str) -> Autoscaler:
    import yaml

    try:
        # Everything stays a text: no tag, no merge key and no number of YAML's own is acted on.
        content = yaml.load(text, yaml.BaseLoader)  # noqa: S506
        status = msgspec.convert(content, _Status, strict=False)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        raise ValueError(_not_one(text)) from None
    if _moment(status.time) is None:
        raise ValueError(_not_one(text))
    return Autoscaler(
        "cluster-autoscaler",
        status.autoscaler_status,
        _moment(status.time),
        _condition("Health", status.cluster_wide.health.status, status.cluster_wide.health),
        tuple(map(_group, status.node_groups)),
    )


def _not_one(text: str) -> str:
    begins = " ".join(text[:QUOTED].split())
    return f"no status of cluster-autoscaler: {f'it begins with {begins!r}' if begins else 'it is empty'}"


def _group(each: _Group) -> NodePool:
    health, backoff = each.health, each.scale_up.backoff_info
    return NodePool(
        name=each.name,
        nodes=health.node_counts.registered.total,
        target=health.cloud_provider_target,
        least=health.min_size,
        most=health.max_size,
        health=_condition("Health", health.status, health),
        scale_up=_condition(
            "ScaleUp", each.scale_up.status, each.scale_up, backoff.error_code, backoff.error_message
        ),
    )


def _condition(
    type: str, status: str, of: _Health | _ScaleUp, reason: str = "", message: str = ""
) -> Condition | None:
    return Condition(type, status, reason, message, _moment(of.last_transition_time)) if status else None


def _of_text(written: datetime | None, body: str) -> Autoscaler:
    if written is None:
        raise ValueError("no status of cluster-autoscaler: the time in its first line is none")
    if body.strip() == "Initializing":
        return Autoscaler("cluster-autoscaler", "Initializing", written)
    whole, _, groups = body.partition("\nNodeGroups:")
    if not whole.lstrip().startswith("Cluster-wide:"):
        raise ValueError(_not_one(body))
    first = next(_sections(whole), None)
    return Autoscaler(
        "cluster-autoscaler",
        "Running",
        written,
        first.health if first else None,
        tuple(pool for pool in _sections(groups) if pool.name),
    )


def _sections(text: str) -> Iterator[NodePool]:
    """One pool a name and what follows it; before the first name stands the cluster as a whole."""
    pool, stated, seen = NodePool(""), "", False
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if not found:
            continue
        key, value = found[1], found[2].strip()
        if key == "Name":
            if seen:
                yield pool
            pool = NodePool(value)
        elif key == "LastTransitionTime":
            pool = _since(pool, stated, _moment(value))
        elif key != "LastProbeTime":
            stated, pool = key, _stated(pool, key, value)
        seen = True
    if seen:
        yield pool


def _stated(pool: NodePool, key: str, value: str) -> NodePool:
    found = _STATED.fullmatch(value)
    if not found or key == "ScaleDown":
        return pool
    condition = Condition(key, found[1])
    if key == "ScaleUp":
        return msgspec.structs.replace(pool, scale_up=condition)
    counts = {name: int(number) for name, number in _COUNT.findall(found[2] or "")}
    return msgspec.structs.replace(
        pool,
        nodes=counts.get("registered"),
        target=counts.get("cloudProviderTarget"),
        least=counts.get("minSize", counts.get("min")),
        most=counts.get("maxSize", counts.get("max")),
        health=condition,
    )


def _since(pool: NodePool, key: str, moment: datetime | None) -> NodePool:
    if key == "Health" and pool.health:
        health = msgspec.structs.replace(pool.health, last_transition_time=moment)
        return msgspec.structs.replace(pool, health=health)
    if key == "ScaleUp" and pool.scale_up:
        scale_up = msgspec.structs.replace(pool.scale_up, last_transition_time=moment)
        return msgspec.structs.replace(pool, scale_up=scale_up)
    return pool


def _moment(text: str) -> datetime | None:
    """A time as Go or JSON writes it; None for Go's zero, and for what is none."""
    found = _TIME.match(text)
    try:
        moment = found and datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3]}")
    except ValueError:  # no such day
        return None
    return moment if moment and moment.year > 1 else None
