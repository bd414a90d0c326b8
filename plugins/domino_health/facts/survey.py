"""What a first look at an environment has seen and has not: from it a profile is begun."""

from dataclasses import dataclass

import msgspec

from domino_health.facts.api import Kubernetes, ListMeta


@dataclass(frozen=True)
class Door:
    """The way in that was taken, as a profile would write it."""

    kubeconfig: str = ""
    """The one file that ``KUBECONFIG`` names; empty for kubectl's own default."""
    variable: str = ""
    """``KUBECONFIG`` itself, where it names several files: a profile has room for one."""
    context: str = ""
    in_cluster: bool = False
    """By the service account of the pod that looked."""
    others: tuple[str, ...] = ()
    """Contexts that were not taken."""


@dataclass(frozen=True)
class Host:
    """A host that people come in through, and what it presented."""

    name: str
    source: str
    """Who names it: ``Ingress domino-platform/domino``."""
    presented: str = ""
    """Its certificate's subject, issuer and end; empty when it did not answer."""
    trouble: str = ""
    """Why it does not verify by public roots, or did not answer."""
    untrusted: bool = False
    """Whether a CA is missing: nobody says so of an expired certificate, or of one for another name."""


@dataclass(frozen=True)
class Missed:
    """Something that could not be looked at."""

    what: str
    reason: str
    cure: str


@dataclass(frozen=True)
class Survey:
    """What a first look has seen and has not. Names in it are the cluster's own, and may be hostile."""

    name: str
    """Of the profile to be."""
    door: Door = Door()
    server: str = ""
    """Address of the API server; empty when it did not answer."""
    version: str = ""
    """Of Kubernetes; empty when it was not to be seen."""
    platform: tuple[str, ...] = ()
    """Namespaces of Domino's services."""
    compute: tuple[str, ...] = ()
    """Namespaces of executions, models and builds."""
    how: str = ""
    """By what these were told: ``labels``, ``usual names``; empty where there are none."""
    told: bool = False
    """Whether all namespaces were seen, so that none of Domino's is none."""
    whole: bool = False
    """Whether pods may be listed in the whole cluster."""
    within: tuple[str, ...] = ()
    """The namespaces in which pods may be listed, where the whole cluster is not to be."""
    services: tuple[tuple[str, str], ...] = ()
    """What Domino's services are called here, by what they do: ``("front end", "nucleus-frontend")``."""
    hosts: tuple[Host, ...] = ()
    left_out: tuple[Missed, ...] = ()
    """Hosts that are named and were not looked at."""
    missed: tuple[Missed, ...] = ()


class Named(Kubernetes, frozen=True):
    """``metadata`` of anything."""

    name: str
    namespace: str = ""


class IngressRule(Kubernetes, frozen=True):
    """One host of an Ingress; none stands for every host."""

    host: str = ""


class IngressTls(Kubernetes, frozen=True):
    """The hosts of one certificate."""

    hosts: tuple[str, ...] = ()


class IngressSpec(Kubernetes, frozen=True):
    """``spec`` of an Ingress."""

    rules: tuple[IngressRule, ...] = ()
    tls: tuple[IngressTls, ...] = ()


class Ingress(Kubernetes, frozen=True):
    """What leads requests for its hosts to services (networking.k8s.io/v1)."""

    metadata: Named
    spec: IngressSpec = IngressSpec()

    @property
    def hosts(self) -> tuple[str, ...]:
        """All that it names."""
        return (
            *(rule.host for rule in self.spec.rules if rule.host),
            *(host for tls in self.spec.tls for host in tls.hosts),
        )


class IngressList(Kubernetes, frozen=True):
    """A page of Ingresses."""

    metadata: ListMeta
    items: list[Ingress]


class GatewayServer(Kubernetes, frozen=True):
    """One port of a Gateway, and the hosts there: ``domino.example.com``, ``namespace/host``, ``*``."""

    hosts: tuple[str, ...] = ()


class GatewaySpec(Kubernetes, frozen=True):
    """``spec`` of a Gateway."""

    servers: tuple[GatewayServer, ...] = ()


class Gateway(Kubernetes, frozen=True):
    """Istio's own entrance (networking.istio.io)."""

    metadata: Named
    spec: GatewaySpec = GatewaySpec()

    @property
    def hosts(self) -> tuple[str, ...]:
        """All that it names, without the namespace that may use them."""
        return tuple(host.rpartition("/")[2] for server in self.spec.servers for host in server.hosts)


class GatewayList(Kubernetes, frozen=True):
    """A page of Gateways."""

    metadata: ListMeta
    items: list[Gateway]


class PreferredVersion(Kubernetes, frozen=True):
    """``networking.istio.io/v1``."""

    group_version: str


class ApiGroup(Kubernetes, frozen=True):
    """A group of kinds that an API server knows."""

    name: str
    preferred_version: PreferredVersion


class ApiGroups(Kubernetes, frozen=True):
    """``GET /apis``."""

    groups: tuple[ApiGroup, ...]


class AnyMeta(msgspec.Struct, frozen=True):
    """An object of which nothing is kept."""


class AnyList(Kubernetes, frozen=True):
    """A page of objects of which nothing is kept but their number."""

    metadata: ListMeta
    items: list[AnyMeta]


class Version(Kubernetes, frozen=True):
    """``GET /version``."""

    git_version: str
