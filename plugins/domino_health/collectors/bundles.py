"""The CA bundles of webhook configurations and APIServices: certificates, no Secret and no key."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from domino_health.collectors.cluster import Connection, connect, how
from domino_health.collectors.looking import CollectionError, Deadline, Look, Target, whole_clusters
from domino_health.collectors.secrets import certificates_in
from domino_health.collectors.way_in import NEEDS
from domino_health.facts.ca_bundles import (
    ApiService,
    ApiServiceList,
    CaBundle,
    ServiceName,
    Webhook,
    WebhookConfiguration,
    WebhookConfigurationList,
)
from domino_health.facts.observed import Outcome
from domino_health.facts.rights import Right
from domino_health.profile.clusters import Cluster

ADMISSION = "admissionregistration.k8s.io"
REGISTRATION = "apiregistration.k8s.io"
KINDS = ("validatingwebhookconfiguration", "mutatingwebhookconfiguration")


@dataclass(frozen=True)
class CaBundles:
    """A collector: what each API server trusts, one target a cluster."""

    what: str = "By which certificates each API server trusts webhooks, and the servers of other APIs."
    rights: tuple[Right, ...] = (
        *(Right(f"{kind}s", "list", ADMISSION, in_namespaces=False) for kind in KINDS),
        Right("apiservices", "list", REGISTRATION, in_namespaces=False),
    )

    def __call__(self, look: Look) -> list[Target[CaBundle]]:
        """One target a cluster.

        Raises:
            NothingToLookAtError: the profile looks into namespaces alone.
        """
        return [_target(look, cluster) for cluster in whole_clusters(look.profile, "webhook configurations")]


ca_bundles = CaBundles()


def _paths() -> tuple[str, ...]:
    return (
        *(f"/apis/{ADMISSION}/v1/{kind}s" for kind in KINDS),
        f"/apis/{REGISTRATION}/v1/apiservices",
    )


def _target(look: Look, cluster: Cluster) -> Target[CaBundle]:
    asked = how(look, cluster, " and ".join(_paths()))
    work = partial(_look, look, cluster)
    return Target(cluster.name, asked, cluster.deadline, work, (*NEEDS, "cryptography.x509"))


def _look(look: Look, cluster: Cluster, deadline: Deadline, say: Callable[[str], None]) -> Sequence[CaBundle]:
    """All three lists; where one is refused, the others count."""
    connection = connect(look, cluster, deadline, say)
    found: list[CaBundle] = []
    refused: list[CollectionError] = []
    validating, mutating, services = _paths()
    readers = (
        (validating, WebhookConfigurationList, partial(_of_configuration, cluster.name, KINDS[0])),
        (mutating, WebhookConfigurationList, partial(_of_configuration, cluster.name, KINDS[1])),
        (services, ApiServiceList, partial(_of_api, cluster.name)),
    )
    for path, page, read in readers:
        try:
            for thing in _list(connection, path, page, deadline):
                found += read(thing)
        except CollectionError as error:
            refused.append(error)
    if refused:
        reason = "; ".join(error.reason for error in refused)
        cure = "; ".join(dict.fromkeys(error.cure for error in refused))
        outcome = Outcome.TRUNCATED if len(refused) < len(readers) else refused[0].outcome
        raise CollectionError(reason, cure, outcome, found if outcome is Outcome.TRUNCATED else ())
    return found


def _list(connection: Connection, path: str, page: type[Any], deadline: Deadline) -> list[Any]:
    return connection.list(path, msgspec.json.Decoder(page), deadline)


def _of_configuration(cluster: str, kind: str, each: WebhookConfiguration) -> Iterator[CaBundle]:
    """One bundle for all webhooks of a configuration that share it."""
    groups: dict[tuple[bytes, str], list[Webhook]] = {}
    for webhook in each.webhooks or ():
        config = webhook.client_config
        groups.setdefault((config.ca_bundle or b"", _name(config.service)), []).append(webhook)
    for (pem, service), webhooks in groups.items():
        if pem or service:  # of a URL without a bundle, the API server's own roots decide
            needed = any(webhook.failure_policy != "Ignore" for webhook in webhooks)
            names = tuple(webhook.name for webhook in webhooks)
            yield _bundle(CaBundle(cluster, kind, each.metadata.name, service, names, needed), pem)


def _of_api(cluster: str, each: ApiService) -> Iterator[CaBundle]:
    if each.spec.service is not None and not each.spec.insecure:
        bundle = CaBundle(cluster, "apiservice", each.metadata.name, _name(each.spec.service))
        yield _bundle(bundle, each.spec.ca_bundle or b"")


def _bundle(bundle: CaBundle, pem: bytes) -> CaBundle:
    if not pem:
        problem = "it has no caBundle, and no public CA vouches for a Service of the cluster"
        return msgspec.structs.replace(bundle, problem=problem)
    _, kept, problem = certificates_in("caBundle", pem)
    return msgspec.structs.replace(bundle, certificates=kept, problem=problem)


def _name(service: ServiceName | None) -> str:
    return f"{service.namespace}/{service.name}" if service else ""
