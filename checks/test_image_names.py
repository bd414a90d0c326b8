"""Images: is it known what runs, and does it come from where it should?"""

from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase

from checks.images import canonical, containers, images_of
from checks.parts import platform_of
from checks.serving import MODEL
from domino_health import (
    Assessment,
    DominoNamespace,
    Finding,
    Patterns,
    Pod,
    Ref,
    Severity,
    check,
    image_subject,
    repository_of,
)

EXAMPLES = 3


@check("IMG-005", severity=Severity.MEDIUM)
def test_platform_and_model_images_are_pinned(
    pods: list[Pod], domino_namespaces: list[DominoNamespace]
) -> Assessment:
    """Every image of the platform and of a model API has a tag other than latest, or a digest.

    ``latest``, and no tag at all, mean whatever stood in the registry when a node pulled it: two replicas
    may run two versions, a restart is an upgrade that nobody asked for, and there is no way back. Nobody
    can say next year what ran today, either.

    Pods of the platform's namespaces and of models are assessed, with the containers of their start, as long
    as they have not ended. Executions are not: Domino gives each revision of an environment a tag of its own.

    Thresholds: none.

    Remediation: name the version in the chart's values (image.tag), or the digest. For what injects
    side-cars (Istio, agents), pin the version of the injector.
    """
    platform = platform_of(domino_namespaces)
    assessed = [
        pod
        for pod in pods
        if not pod.finished
        and ((pod.cluster, pod.metadata.namespace) in platform or _is_model(pod))
        and not pod.execution
    ]
    loose: dict[Ref, dict[str, set[Ref]]] = defaultdict(lambda: defaultdict(set))
    for pod in assessed:
        for container in containers(pod):
            if container.image and is_loose(container.image):
                loose[pod.subject][f"{container.name or 'main'}: {container.image}"].add(pod.ref)
    findings = []
    for owner, found in loose.items():
        there = sorted(set().union(*found.values()))
        said = ", ".join(sorted(found))
        message = f"not pinned, container {said}"
        findings.append(Finding(owner, message, count=len(there), examples=tuple(there[:EXAMPLES])))
    return Assessment(assessed, findings)


def is_loose(image: str) -> bool:
    """Whether it is another image tomorrow under the same name."""
    return canonical(image).endswith(":latest")


def _is_model(pod: Pod) -> bool:
    return pod.metadata.labels.workload_type == MODEL


@check("IMG-003", severity=Severity.MEDIUM)
def test_executions_and_models_run_images_from_where_they_may(
    pods: list[Pod],
    domino_namespaces: list[DominoNamespace],
    *,
    allowed: Patterns = ("*/environment", "*/model", "quay.io/domino/*", "mirrors.domino.tech/*"),
) -> Assessment:
    """Executions and models run images from ``allowed`` repositories, or from where the platform's own come.

    What a user starts runs with the data that the user may see. Domino builds the image of each environment
    and model itself, and pushes it to its own registry, so that any other image has come around that: named
    by hand in a pod, by a mutation, or as an environment that is used without being built.

    ``allowed`` are shell patterns of whole repositories, with their registry and without tag:
    ``registry.example.com/*``. Beside them stands what the pods of the platform's namespaces run from (their
    registry and path without its last part), which is where a mirror of Domino's images is. On which base an
    environment was built is written in the registry, and not told here.

    Thresholds: ``allowed`` is ours, of what Domino's own are called: the repositories environment and model
    under any registry and prefix, and Domino's registries quay.io/domino and mirrors.domino.tech.

    Remediation: build the image as a Domino environment, or mirror it into a registry of yours and name that
    in the profile (thresholds: IMG-003: allowed). Where nobody knows the image, see who started the
    execution, and which mutation has changed it.
    """
    platform = platform_of(domino_namespaces)
    own: dict[str, set[str]] = defaultdict(set)
    for pod in pods:
        if (pod.cluster, pod.metadata.namespace) in platform:
            own[pod.cluster].update(repository_of(image).rpartition("/")[0] for image in images_of(pod))
    assessed = [pod for pod in pods if not pod.finished and (pod.execution or _is_model(pod))]
    strange: dict[Ref, dict[Ref, Pod]] = defaultdict(dict)
    for pod in assessed:
        for image in _strange(pod, own[pod.cluster], allowed):
            strange[image_subject(pod.cluster, image)][pod.ref] = pod
    findings = []
    for ref, there in strange.items():
        owners = sorted({str(pod.subject) for pod in there.values()})
        more = f" and {len(owners) - EXAMPLES} more" if len(owners) > EXAMPLES else ""
        message = f"run by {', '.join(owners[:EXAMPLES])}{more}, and from no repository that is allowed"
        findings.append(Finding(ref, message, count=len(there), examples=tuple(sorted(there)[:EXAMPLES])))
    return Assessment(assessed, findings)


def _strange(pod: Pod, own: set[str], allowed: Patterns) -> Iterator[str]:
    """Its images that come from nowhere that is allowed."""
    for image in images_of(pod):
        name = repository_of(image)
        if name.rpartition("/")[0] not in own and not any(fnmatchcase(name, each) for each in allowed):
            yield image
