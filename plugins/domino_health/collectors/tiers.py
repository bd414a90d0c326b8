"""Domino's hardware tiers: by the profile's word, else as Domino's API lists them.

Two forms of the API's list are read, each with all tiers in ``hardwareTiers``:

- ``/v4/hardwareTier``, as Domino's own cluster scaler asks for it (dominodatalab/ddl-cluster-scaler,
  ``get_hw_tiers`` in src/ddl_cluster_scaler_api.py): ``nodePool``, ``hwtResources`` of ``cores``,
  ``coresLimit``, ``memory: {value, unit}``, ``memoryLimit``, and ``gpuConfiguration.numberOfGpus``;
- ``/api/hardwaretiers/v1/hardwaretiers``, of Domino's public API (``PaginatedHardwareTierEnvelopeV1`` in its
  OpenAPI description): the same in ``resources``, with ``memory: {value, units}`` in GB, GiB, MB or MiB,
  ``flags.isArchived`` and ``metadata.totalCount``. It is asked where the first is not there.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from domino_health.collectors.discovery import INSTANT
from domino_health.collectors.looking import CollectionError, Deadline, Look, NothingToLookAtError, Target
from domino_health.collectors.server import Answer
from domino_health.collectors.web import NEEDS, Site
from domino_health.facts.observed import Outcome
from domino_health.facts.tiers import HardwareTier
from domino_health.profile.domino import Domino
from domino_health.profile.tiers import Tier

PATHS = ("/v4/hardwareTier", "/api/hardwaretiers/v1/hardwaretiers?includeArchived=false&limit=1000")
MOST = 1000
"""Tiers of one answer. Nobody chooses from as many."""
_UNITS = {
    "B": "",
    "KB": "k",
    "MB": "M",
    "GB": "G",
    "TB": "T",
    "KiB": "Ki",
    "MiB": "Mi",
    "GiB": "Gi",
    "TiB": "Ti",
}
_LIST_THEM = "or name the tiers in the profile: domino.hardware_tiers"

_Number = Annotated[float, msgspec.Meta(ge=0)]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Json(msgspec.Struct, frozen=True, rename="camel"):
    """Of the API: what is not named is skipped."""


class _Amount(_Json, frozen=True):
    value: _Number
    unit: str = ""
    units: str = ""


class _Resources(_Json, frozen=True):
    cores: _Number
    memory: _Amount
    cores_limit: _Number | None = None
    memory_limit: _Amount | None = None


class _Gpus(_Json, frozen=True):
    number_of_gpus: _Count | None = None
    gpu_key: str | None = None


class _Flags(_Json, frozen=True):
    is_archived: bool | None = None


class _Tier(_Json, frozen=True):
    id: str
    name: str = ""
    node_pool: str | None = None
    hwt_resources: _Resources | None = None
    resources: _Resources | None = None
    gpu_configuration: _Gpus | None = None
    max_simultaneous_executions: _Count | None = None
    data_plane_id: str | None = None
    hwt_flags: _Flags | None = None
    flags: _Flags | None = None


class _Metadata(_Json, frozen=True):
    total_count: int | None = None


class _Tiers(_Json, frozen=True):
    hardware_tiers: Annotated[list[_Tier], msgspec.Meta(max_length=MOST)]
    metadata: _Metadata | None = None


_DECODER = msgspec.json.Decoder(_Tiers)


def hardware_tiers(look: Look) -> list[Target[HardwareTier]]:
    """The hardware tiers of section ``domino``: one target, the profile itself or Domino's API.

    Raises:
        NothingToLookAtError: the profile neither names tiers nor has a credential for the API.
    """
    said = look.profile.domino or Domino()
    # The section is about the first cluster.
    cluster = next((each.name for each in look.profile.clusters or ()), "")
    if said.hardware_tiers:
        how = "read hardware_tiers in the profile's section domino"
        return [Target(cluster or "the profile", how, INSTANT, partial(_as_said, said, cluster))]
    if said.url is None or not _headers(said):
        raise NothingToLookAtError(
            "the profile does not say what hardware tiers there are: name them in domino.hardware_tiers, or "
            "give domino.url and domino.token, to ask Domino's API"
        )
    how = f"GET {said.url.rstrip('/')}{PATHS[0]}"
    return [Target(urlsplit(said.url).netloc, how, said.deadline, partial(_ask, said, cluster), NEEDS)]


def _as_said(
    said: Domino, cluster: str, _deadline: Deadline, _say: Callable[[str], None]
) -> list[HardwareTier]:
    return [_of_profile(tier, said, cluster) for tier in said.hardware_tiers or ()]


def _of_profile(tier: Tier, said: Domino, cluster: str) -> HardwareTier:
    return HardwareTier(
        id=tier.id,
        node_pool=tier.node_pool,
        cpu=tier.cpu,
        memory=tier.memory,
        name=tier.name,
        cpu_limit=tier.cpu_limit or "",
        memory_limit=tier.memory_limit or "",
        gpus=tier.gpus,
        gpu_resource=tier.gpu_resource,
        max_executions=tier.max_executions,
        max_executions_per_user=said.max_executions_per_user,
        cluster=cluster,
    )


def _headers(said: Domino) -> dict[str, str]:
    """The credential. A bearer token goes first: Domino has deprecated API keys."""
    if said.token is not None:
        return {"Authorization": f"Bearer {said.token.get_secret_value().strip()}"}
    if said.api_key is not None:
        return {"X-Domino-Api-Key": said.api_key.get_secret_value().strip()}
    return {}


def _ask(said: Domino, cluster: str, deadline: Deadline, say: Callable[[str], None]) -> list[HardwareTier]:
    assert said.url is not None, "or there would be no target"
    secrets = tuple(each.get_secret_value() for each in (said.token, said.api_key) if each is not None)
    site = Site("domino", said.url, said.ca_file, _headers(said), secrets)
    for path in PATHS:
        url = f"{said.url.rstrip('/')}{path.partition('?')[0]}"
        say(f"asking for {path.partition('?')[0]}")
        answer = site.get(path, deadline)
        if answer.status != 404:
            return list(_read(site, url, answer, said, cluster))
    raise CollectionError(
        f"{said.url}: neither {PATHS[0]} nor {PATHS[1].partition('?')[0]} is there (404)",
        f"see whether domino.url is that of Domino, without a path of a page; {_LIST_THEM}",
    )


def _read(site: Site, url: str, answer: Answer, said: Domino, cluster: str) -> Iterator[HardwareTier]:
    """The tiers of an answer that run in this cluster, but for those that are archived.

    Raises:
        CollectionError: it is no list of tiers, or not all of it.
    """
    if answer.status != 200:
        raise _refused(site, url, answer)
    try:
        found = _DECODER.decode(answer.body)
    except msgspec.ValidationError as error:  # before DecodeError, of which it is one
        raise CollectionError(
            f"{url}: JSON, but not a list of hardware tiers as Domino's: {error}",
            f"see whether this version of Domino answers otherwise; {_LIST_THEM}",
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CollectionError(
            f"{url}: not JSON: {site.quote(answer.body)}",
            f"see what answers there: a proxy's or a sign-in page? {_LIST_THEM}",
        ) from None
    tiers = [
        _of_api(tier, url, said, cluster)
        for tier in found.hardware_tiers
        if _is_local(tier) and not _is_archived(tier)
    ]
    total = found.metadata.total_count if found.metadata else None
    if total is not None and total > len(found.hardware_tiers):
        raise CollectionError(
            f"{url}: {len(found.hardware_tiers)} of {total} hardware tiers in the answer",
            _LIST_THEM.removeprefix("or "),
            Outcome.TRUNCATED,
            tiers,
        )
    yield from tiers


def _refused(site: Site, url: str, answer: Answer) -> CollectionError:
    reason = f"{url}: HTTP {answer.status}"
    quoted = site.quote(answer.body)
    if quoted and answer.status not in (401, 403):
        reason = f"{reason}: {quoted}"
    if 300 <= answer.status < 400:
        where = f" to {site.quote(answer.headers.get('location', '?').encode())}"
        return CollectionError(
            f"{url}: HTTP {answer.status}, a redirect{where}",
            "give domino.url as people type it, with its host's right name; if it leads to a sign-in page, "
            "the credential is not known",
        )
    if answer.status == 401:
        return CollectionError(
            f"{reason}: the credential is not known or has expired",
            "give a valid domino.token (that of a service account), or domino.api_key of an older Domino",
            Outcome.DENIED,
        )
    if answer.status == 403:
        return CollectionError(
            f"{reason}: the account may not read hardware tiers",
            f"let it read them (an administrator's role in Domino); {_LIST_THEM}",
            Outcome.DENIED,
        )
    if answer.status >= 500:
        return CollectionError(reason, "see the health of Domino's front end (nucleus-frontend)")
    return CollectionError(reason, f"see whether this version of Domino answers otherwise; {_LIST_THEM}")


def _is_archived(tier: _Tier) -> bool:
    return any(flags is not None and bool(flags.is_archived) for flags in (tier.hwt_flags, tier.flags))


def _is_local(tier: _Tier) -> bool:
    """Whether it is of the platform's own cluster: the id of that data plane is empty, or all zeros."""
    return not (tier.data_plane_id or "").strip("0")


def _of_api(tier: _Tier, url: str, said: Domino, cluster: str) -> HardwareTier:
    resources = tier.hwt_resources or tier.resources
    if resources is None:
        raise CollectionError(
            f"{url}: hardware tier {tier.id} has neither hwtResources nor resources",
            f"see whether this version of Domino answers otherwise; {_LIST_THEM}",
        )
    gpus = tier.gpu_configuration or _Gpus()
    limit = resources.memory_limit
    return HardwareTier(
        id=tier.id,
        node_pool=tier.node_pool or "",
        cpu=_plain(resources.cores),
        memory=_memory(resources.memory, tier, url),
        name=tier.name,
        cpu_limit=_plain(resources.cores_limit) if resources.cores_limit else "",
        memory_limit=_memory(limit, tier, url) if limit and limit.value else "",
        gpus=gpus.number_of_gpus or 0,
        gpu_resource=gpus.gpu_key or "nvidia.com/gpu",
        max_executions=tier.max_simultaneous_executions or None,
        max_executions_per_user=said.max_executions_per_user,
        cluster=cluster,
    )


def _memory(amount: _Amount, tier: _Tier, url: str) -> str:
    """As Kubernetes spells it: ``4Gi`` for 4 GiB."""
    unit = amount.unit or amount.units
    if unit not in _UNITS:
        raise CollectionError(
            f"{url}: hardware tier {tier.id} has memory in {unit or 'no unit'}, which is not known here",
            f"see whether this version of Domino answers otherwise; {_LIST_THEM}",
        )
    return f"{_plain(amount.value)}{_UNITS[unit]}"


def _plain(number: float) -> str:
    """Without an exponent and without a needless ``.0``."""
    text = f"{Decimal(repr(number)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
