"""The account that a run needs and its rights, as manifests for kubectl, made from what the facts say.

``pytest --rbac`` prints them, by a profile if one is given; ``python -m domino_health.plugin.manifests``
prints the page that explains them, docs/rights.md.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from domino_health.collectors.gather import Wanted
from domino_health.collectors.looking import rights_of
from domino_health.collectors.rights import rights_in
from domino_health.facts.rights import Right, rules
from domino_health.plugin.facts import facts_of
from domino_health.plugin.suite import table_of_facts
from domino_health.profile import Loaded
from domino_health.profile.clusters import Cluster

ACCOUNT = "domino-health"
"""Name of the ServiceAccount, of its Roles, and of what binds them."""
ELSEWHERE = "default"
"""The namespace of an account that looks at a whole cluster: this one is always there."""

OWN = Cluster(name="own", namespaces=("domino-platform", "domino-compute"))
WHOLE = Cluster(name="whole")
CHOSEN = Cluster(
    name="chosen",
    namespaces=OWN.namespaces,
    secrets=("domino-platform/hephaestus-root-tls",),
    logs=("domino-platform",),
)
"""What the three levels are shown by: the names are to be replaced by one's own."""

_RBAC = "rbac.authorization.k8s.io"


def needed(facts: Iterable[Wanted], loaded: Loaded | None = None) -> tuple[Right, ...]:
    """What collectors say that they need; with a profile, of those facts alone whose section it has."""
    return tuple(
        sorted(
            {
                right
                for fact in facts
                if loaded is None
                or not fact.section
                or getattr(loaded.profile, fact.section, None) is not None
                for right in rights_of(fact.collect, loaded.profile if loaded else None)
            }
        )
    )


def reading(cluster: Cluster, rights: Iterable[Right]) -> list[str]:
    """The account, and the rights without which nothing can be looked at: a YAML document each."""
    granted = [right for right in rights_in(cluster, rights) if not right.opt_in]
    account = f"apiVersion: v1\nkind: ServiceAccount\nmetadata: {_metadata(ACCOUNT, _home(cluster))}\n"
    return [account, *_granted(cluster, ACCOUNT, granted)]


def opted_in(cluster: Cluster, rights: Iterable[Right]) -> list[str]:
    """The rights to what the profile names: Roles of their own, to be given and taken apart."""
    granted: dict[str, list[Right]] = {}
    for right in rights_in(cluster, rights):
        if right.opt_in:
            granted.setdefault(right.opt_in, []).append(right)
    return [
        document
        for opt_in, those in sorted(granted.items())
        for document in _granted(cluster, f"{ACCOUNT}-{opt_in}", those)
    ]


def levels(rights: Sequence[Right]) -> str:
    """All three levels, with the names that stand for one's own."""
    return _joined(
        _headed("Level 1: own namespaces only", reading(OWN, rights)),
        _headed("Level 2, in the place of level 1: the whole cluster", reading(WHOLE, rights)),
        _headed("Level 3, beside one of them: what is opted in to", opted_in(CHOSEN, rights)),
    )


def of_profile(loaded: Loaded, facts: Mapping[str, Wanted]) -> str:
    """What the account of a profile needs, cluster by cluster."""
    rights = needed(facts.values(), loaded)
    return _joined(
        *(
            _headed(f"Cluster {cluster.name}", [*reading(cluster, rights), *opted_in(cluster, rights)])
            for cluster in loaded.profile.clusters or ()
        )
    )


def page(rights: Sequence[Right]) -> str:
    """docs/rights.md."""
    shown = {
        "OWN": "---\n".join(reading(OWN, rights)),
        "WHOLE": "---\n".join(reading(WHOLE, rights)),
        "CHOSEN": "---\n".join(opted_in(CHOSEN, rights)),
    }
    text = _PAGE
    for name, manifest in shown.items():
        text = text.replace(f"<{name}>\n", manifest)
    return text


def _granted(cluster: Cluster, name: str, rights: Sequence[Right]) -> Iterator[str]:
    """A Role with its binding in each namespace; for what belongs to none, a ClusterRole with its own."""
    for namespace in sorted({right.namespace for right in rights}):
        kind = "Role" if namespace else "ClusterRole"
        head = f"apiVersion: {_RBAC}/v1\nkind: {{kind}}\nmetadata: {_metadata(name, namespace)}\n"
        may = rules(right for right in rights if right.namespace == namespace)
        subject = f"kind: ServiceAccount, name: {ACCOUNT}, namespace: {_quoted(_home(cluster))}"
        yield head.replace("{kind}", kind) + "".join(["rules:\n", *(f"  - {rule}\n" for rule in may)])
        yield (
            head.replace("{kind}", f"{kind}Binding")
            + f"roleRef: {{apiGroup: {_RBAC}, kind: {kind}, name: {name}}}\nsubjects:\n  - {{{subject}}}\n"
        )


def _home(cluster: Cluster) -> str:
    return cluster.namespaces[0] if cluster.namespaces else ELSEWHERE


def _metadata(name: str, namespace: str) -> str:
    return f"{{name: {name}" + (f", namespace: {_quoted(namespace)}}}" if namespace else "}")


def _quoted(name: str) -> str:
    """A namespace may be called 1e3, or on, which some reader of YAML takes for a number, or for true."""
    return name if name.replace("-", "").isalpha() and len(name) > 5 else f'"{name}"'


def _headed(title: str, documents: Sequence[str]) -> str:
    return f"# {title}\n" + "---\n".join(documents) if documents else ""


def _joined(*parts: str) -> str:
    return "---\n".join(filter(None, parts))


_PAGE = """\
# Rights

What the account that looks may do. It only ever reads, by `get` and `list`: nothing here grants a right to
change anything, and no run needs one. This page is made from what the facts say that they need (`make docs`),
so these are the rights of all checks together, and no more. There are three levels:

1. [Own namespaces](#own-namespaces): a Role in each namespace, for those who own these alone.
2. [The whole cluster](#the-whole-cluster): a ClusterRole. What is in no namespace, a node for one, is seen by
   it alone.
3. [What is opted in to](#what-is-opted-in-to): beside one of the two, each by itself.

`pytest --rbac` prints all that is on this page; with a profile, what this profile needs, by its own names:

```console
$ pytest --rbac --profile prod > rights.yaml
$ kubectl apply -f rights.yaml
$ export DOMINO_HEALTH_TOKEN=$(kubectl -n default create token domino-health --duration=1h)
```

Read it before you apply it; of a profile with several clusters, each has its own part. The last line makes
a token for the account, for `token: ${DOMINO_HEALTH_TOKEN}` in the [profile](profiles.md#clusters). With own
namespaces the account is in the first of them, and not in `default`.

## Own namespaces

For a profile with `namespaces: [domino-platform, domino-compute]`. To get a namespace serves where one holds
none of what is looked for: Kubernetes gives the same empty list of a namespace that does not exist.

```yaml
<OWN>
```

## The whole cluster

For a profile without `namespaces`.

```yaml
<WHOLE>
```

HelmReleases are of whichever API group serves them: that of Domino's Platform Operator is not published, and
Flux has its own. So the rule for `helmreleases` names every group. Put yours in its place, and it is as
narrow as the others (`kubectl api-resources | grep -i helmreleases`). Without it, what an operator says of a
release stands in no report, and nothing else is missing.

## What is opted in to

Nobody looks at these unless the profile names them, one by one, and each right is to that object or namespace
alone. The account is that of [own namespaces](#own-namespaces); for that of the whole cluster write
`namespace: default` in `subjects`.

`secrets`, for a profile with `secrets: [domino-platform/hephaestus-root-tls]` at its cluster. Kubernetes
cannot grant a part of a Secret: who may get it may read its private key too. The suite decodes its
certificates alone, and keeps nothing else of it.

`logs`, for a profile with `logs: [domino-platform]` at its cluster: the last lines of containers that fail
there. Kubernetes cannot grant a part of a log either; what looks like a secret is taken out when it is read.

```yaml
<CHOSEN>
```

## Domino's API

Where a profile has `domino.url` with a `token`, Domino is asked which hardware tiers there are (CAP-008): a
GET of `/v4/hardwareTier`. Its account must be allowed to read hardware tiers, in Domino; it needs no right in
Kubernetes. Without one, name the tiers in the [profile](profiles.md#hardware-tiers).

## What is missing

Once a run, the suite asks each API server what the account may do of all this: a SelfSubjectAccessReview,
which every account may ask by Kubernetes' own role `system:basic-user`, and of which nothing is stored. It
reads all the same, and a read that is denied makes its checks unknown. Then the last lines of the run have
all rules that are missing, as one block for each Role:

```
  rights that are missing: cluster prod, in a ClusterRole
    - {apiGroups: [""], resources: ["pods"], verbs: ["list"]}
```
"""


if __name__ == "__main__":
    print(page(needed(facts_of(table_of_facts()).values())), end="")
