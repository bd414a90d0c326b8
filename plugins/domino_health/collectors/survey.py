"""A first look at an environment that no profile describes yet: it reads what begins one, and no more.

It goes the same way in as a run, with the same deadlines and errors. What is denied or fails is no error
here: it is noted as missed, with the reason and the cure.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pydantic

from domino_health.collectors import discovery, tls
from domino_health.collectors.cluster import Connection, connect
from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.looking import CollectionError, Deadline, Look, Shared, Target
from domino_health.collectors.way_in import NEEDS, contexts
from domino_health.facts.domino import ROLES, DominoNamespace, Namespace, NamespaceList, NamespaceMeta
from domino_health.facts.observed import Outcome, Seen
from domino_health.facts.survey import (
    AnyList,
    ApiGroups,
    Door,
    Gateway,
    GatewayList,
    Host,
    Ingress,
    IngressList,
    Missed,
    Survey,
)
from domino_health.facts.tls import TlsEndpoint
from domino_health.facts.workloads import DeploymentList, StatefulSetList
from domino_health.profile import Profile, clusters, files
from domino_health.profile.errors import did_you_mean
from domino_health.profile.tls import Endpoint

ALLOWED = timedelta(seconds=20)
"""For each read; somebody waits at a terminal."""
HTTPS = 443
"""Where Ingresses and Gateways are served; neither says so."""
MOST_HOSTS = 10
"""That are connected to: a profile of hundreds is no beginning."""
_DEFAULT = "~/.kube/config"
_ISTIO = "networking.istio.io"

Say = Callable[[str], None]
Work = Callable[[Connection, Deadline], Sequence[Any]]


def survey(name: str, context: str | None = None, say: Say = lambda _: None) -> Survey:
    """Look at what kubectl would talk to.

    Args:
        name: of the profile to be.
        context: of the kubeconfig; None for its current one.
        say: is told what is being looked at, again and again while one waits.

    Raises:
        CollectionError: the kubeconfig has no such context.
    """
    door, missed = _door(name, context)
    return Survey(name, door, missed=(missed,)) if missed else _Survey(name, door, say).go()


def _door(name: str, context: str | None) -> tuple[Door, Missed | None]:
    """The way in to take, or why there is none."""
    try:
        known = contexts(name)
    except CollectionError as error:
        if context is not None:
            raise
        return Door(), Missed("the way in", error.reason, error.cure)
    if context is not None and context not in known.names:
        raise CollectionError(
            f"no context {context} in {known.files}{did_you_mean(context, known.names)}",
            "name a context that the kubeconfig has",
        )
    if not known.found:
        if "KUBERNETES_SERVICE_HOST" in os.environ:
            return Door(in_cluster=True), None
        reason = f"no kubeconfig: there is no {known.files}"
        return Door(), Missed("the way in", reason, "name a kubeconfig, or set KUBECONFIG")
    chosen = context or known.current
    others = tuple(each for each in known.names if each != chosen)
    if not chosen:
        reason = f"{known.files} has {'no current context' if others else 'no contexts'}"
        cure = "name one by context, or by --kube-context" if others else "name a kubeconfig that has one"
        return Door(others=others), Missed("the way in", reason, cure)
    own = "" if known.files == _DEFAULT else known.files
    one = _one_file(own)
    return Door(one, own if own and not one else "", chosen, others=others), None


def _one_file(given: str) -> str:
    """The absolute path of what ``KUBECONFIG`` names, if that is one file that a profile may name."""
    path = files.located(given, Path.cwd())
    try:
        files.require_file(path)
    except ValueError:
        return ""
    return str(path)


class _Survey:
    """One look, in steps: each knows where to look by the one before."""

    def __init__(self, name: str, door: Door, say: Say) -> None:
        given = {"name": name, "in_cluster": door.in_cluster}
        given |= {key: value for key in ("kubeconfig", "context") if (value := getattr(door, key))}
        self.door = door
        self.say = say
        self.cluster = clusters.Cluster.model_validate(given)
        self.look = Look(Profile(version=1, clusters=(self.cluster,)), Shared())
        self.missed: list[Missed] = []

    def go(self) -> Survey:
        """All steps, or those up to an API server that does not answer."""
        name = self.cluster.name
        whole = "pods of the whole cluster"
        if (server := self._see(self._target("the API server", _server))) is None:
            return Survey(name, self.door, missed=tuple(self.missed))
        address, version = server[0]
        listed, pods = self._see_all(
            [
                self._target("namespaces", partial(_list, "/api/v1/namespaces", NamespaceList)),
                self._target(whole, partial(_first, "/api/v1/pods")),
            ]
        )
        there = _guessed() if listed is None else [ns for ns in listed if _is_namespace(ns.metadata.name)]
        domino = discovery.namespaces_of(self.cluster, there)
        within: tuple[str, ...] = ()
        if listed is None or pods is None:
            within = self._namespaces(sorted({each.name for each in domino}), guessed=listed is None)
        if listed is None:  # a guess that nothing speaks for is none
            domino = [each for each in domino if each.name in within]
        platform = tuple(each.name for each in domino if each.part == "platform")
        services = self._services(platform)
        hosts, left_out = self._hosts(self._entrances(platform))
        return Survey(
            name,
            self.door,
            server=address,
            version=version,
            platform=platform,
            compute=tuple(each.name for each in domino if each.part == "compute"),
            how=_how(domino),
            told=listed is not None,
            whole=pods is not None,
            within=() if pods is not None else within,
            services=services,
            hosts=hosts,
            left_out=left_out,
            missed=tuple(self.missed),
        )

    def _namespaces(self, names: Iterable[str], *, guessed: bool) -> tuple[str, ...]:
        """Those in which pods may be listed. A guess that is wrong is nothing that was missed."""
        targets = [self._target(f"pods of {name}", partial(_there, name, guessed)) for name in names]
        return tuple(name for seen in self._see_all(targets) for name in seen or ())

    def _services(self, platform: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """What does what in Domino: a role that nobody is known to have is left out."""
        targets = [
            self._target(f"{what} of {name}", partial(_list, f"/apis/apps/v1/namespaces/{name}/{path}", page))
            for name in platform
            for what, path, page in (
                ("Deployments", "deployments", DeploymentList),
                ("StatefulSets", "statefulsets", StatefulSetList),
            )
        ]
        workloads = [each for seen in self._see_all(targets) for each in seen or ()]
        found = [discovery.discovered(role, self.cluster, workloads) for role in ROLES]
        return tuple(
            (each.title, ", ".join(candidate.name for candidate in each.candidates))
            for each in found
            if each.candidates
        )

    def _entrances(self, platform: Iterable[str]) -> list[tuple[str, str]]:
        """The hosts that the platform's Ingresses and Gateways name, each with who names it."""
        targets = []
        for name in platform:
            path = f"/apis/networking.k8s.io/v1/namespaces/{name}/ingresses"
            targets += [
                self._target(f"Ingresses of {name}", partial(_list, path, IngressList)),
                self._target(f"Istio's Gateways of {name}", partial(_gateways, name)),
            ]
        found: dict[str, str] = {}
        for seen in self._see_all(targets):
            each: Ingress | Gateway
            for each in seen or ():
                source = f"{type(each).__name__} {each.metadata.namespace}/{each.metadata.name}"
                for host in each.hosts:
                    found.setdefault(host, source)
        return list(found.items())

    def _hosts(self, named: Iterable[tuple[str, str]]) -> tuple[tuple[Host, ...], tuple[Missed, ...]]:
        """What each host presents, and those that were not connected to."""
        left_out: list[Missed] = []
        endpoints: dict[str, tuple[str, str]] = {}
        for host, source in named:
            try:
                endpoint = Endpoint(address=host if HTTPS == 443 else f"{host}:{HTTPS}")
            except pydantic.ValidationError:
                reason = f"{source} names a pattern" if "*" in host else f"{source}: no name of a host"
                left_out.append(Missed(host, reason, "name the hosts that people come in through"))
                continue
            if len(endpoints) == MOST_HOSTS:
                reason = f"{source} names it, after {MOST_HOSTS} others"
                left_out.append(Missed(host, reason, "add it if people come in through it"))
                continue
            endpoints[endpoint.label] = (host, source)
        if not endpoints:
            return (), tuple(left_out)
        profile = Profile.model_validate({"version": 1, "tls": {"endpoints": list(endpoints)}})
        seen = self._gather(tls.endpoints(Look(profile, self.look.shared)))
        return tuple(_host(*endpoints[each.target], each) for each in seen), tuple(left_out)

    def _target(self, name: str, work: Work) -> Target[Any]:
        return Target(name, "", ALLOWED, partial(self._connected, work), NEEDS)

    def _connected(self, work: Work, deadline: Deadline, say: Say) -> Sequence[Any]:
        return work(connect(self.look, self.cluster, deadline, say), deadline)

    def _see(self, target: Target[Any]) -> Sequence[Any] | None:
        return self._see_all([target])[0]

    def _see_all(self, targets: Sequence[Target[Any]]) -> list[Sequence[Any] | None]:
        """What each target gave, or None for one that could not be looked at, which is noted."""
        given: list[Sequence[Any] | None] = []
        for seen in self._gather(targets):
            there = seen.outcome is Outcome.SEEN
            given.append(seen.objects if there else None)
            if not there:
                self.missed.append(Missed(seen.target, seen.reason, seen.cure))
        return given

    def _gather(self, targets: Sequence[Target[Any]]) -> tuple[Seen, ...]:
        if not targets:
            return ()
        what = ", ".join(target.name for target in targets)
        gathering = Gathering([Wanted("survey", lambda _: targets, "", object)], self.look.profile)
        self.say(what)
        gathering.start()
        seen = gathering.wait("survey", lambda: self.say(what)).targets
        if len(seen) != len(targets):  # gathering itself broke: one word for all of them
            return tuple(msgspec.structs.replace(seen[0], target=target.name) for target in targets)
        return seen


def _server(connection: Connection, deadline: Deadline) -> list[tuple[str, str]]:
    return [(connection.server, connection.version(deadline))]


def _list(path: str, page: type[Any], connection: Connection, deadline: Deadline) -> list[Any]:
    return connection.list(path, msgspec.json.Decoder(page), deadline)


def _first(path: str, connection: Connection, deadline: Deadline) -> Sequence[Any]:
    return connection.first(path, msgspec.json.Decoder(AnyList), deadline)


def _there(name: str, guessed: bool, connection: Connection, deadline: Deadline) -> list[str]:
    """The namespace, if pods may be listed in it; of one that does not exist, the list is empty as well."""
    if _first(f"/api/v1/namespaces/{name}/pods", connection, deadline) or not guessed:
        return [name]
    decoder = msgspec.json.Decoder(Namespace)
    return [name] if connection.find(f"/api/v1/namespaces/{name}", decoder, deadline) else []


def _gateways(namespace: str, connection: Connection, deadline: Deadline) -> list[Gateway]:
    """None where there is no Istio."""
    known: ApiGroups | None = connection.find("/apis", msgspec.json.Decoder(ApiGroups), deadline)
    for group in known.groups if known else ():
        if group.name == _ISTIO:
            version = group.preferred_version.group_version.rpartition("/")[2]
            path = f"/apis/{_ISTIO}/{version}/namespaces/{namespace}/gateways"
            return _list(path, GatewayList, connection, deadline)
    return []


def _guessed() -> list[Namespace]:
    return [Namespace(NamespaceMeta(name)) for name in discovery.USUAL.values()]


def _how(found: Iterable[DominoNamespace]) -> str:
    """By what Domino's namespaces were told."""
    words = {"label": "labels", "name": "usual names"}
    return " and ".join(words[way] for way in sorted({each.found_by for each in found}))


def _is_namespace(name: str) -> bool:
    """Whether it may stand in a path and in a profile: whoever answers may be no API server at all."""
    try:
        pydantic.TypeAdapter(clusters.Namespace).validate_python(name)
    except pydantic.ValidationError:
        return False
    return True


def _host(name: str, source: str, seen: Seen) -> Host:
    if seen.outcome is not Outcome.SEEN:
        return Host(name, source, trouble=f"{seen.reason} ({seen.cure})")
    endpoint: TlsEndpoint = seen.objects[0]
    own = endpoint.presented[0]
    trouble = [*endpoint.chain_errors]
    if not endpoint.name_matches:
        trouble.append("its certificate is for other names")
    return Host(
        name,
        source,
        presented=f"{own.subject}, issued by {own.issuer}, until {own.not_after:%Y-%m-%d}",
        trouble="; ".join(trouble),
        untrusted=not endpoint.verified,
    )
