"""Section ``domino``: what it takes, and what it says of mistakes."""

from pathlib import Path

import pytest

from domino_health.profile.domino import Named, named
from profile_texts import mistakes, profile

HEAD = "version: 1\nclusters:\n  - name: prod\ndomino:\n"
WORKLOAD = "must be deployment/NAME or statefulset/NAME, of the platform's namespace, or with a namespace"


def test_all_of_it_is_optional(tmp_path: Path) -> None:
    assert profile(f"{HEAD}  {{}}\n", tmp_path).domino is not None
    assert profile("version: 1\n", tmp_path).domino is None


def test_what_is_named_is_read(tmp_path: Path) -> None:
    text = (
        f"{HEAD}  platform_namespace: acme\n  compute_namespaces: [work, field]\n"
        "  services: {vault: statefulset/vault, git: deployment/tools/git.v2}\n"
    )

    domino = profile(text, tmp_path).domino

    assert domino is not None
    assert (domino.platform_namespace, domino.compute_namespaces) == ("acme", ("work", "field"))
    assert domino.services is not None
    assert domino.services.model_dump(exclude_none=True) == {
        "vault": "statefulset/vault",
        "git": "deployment/tools/git.v2",
    }


@pytest.mark.parametrize(
    ("text", "line", "path", "message"),
    [
        ("  platform_namspace: a\n", 5, "platform_namspace", "unknown key; did you mean platform_namespace?"),
        ("  platform_namespace: A_B\n", 5, "platform_namespace", "not a namespace; its name is of lowercase"),
        ("  platform_namespace: 5\n", 5, "platform_namespace", "must be text, but YAML reads it as 5"),
        ("  compute_namespaces: work\n", 5, "compute_namespaces", "must be a list: write it as `- item`"),
        ("  compute_namespaces: []\n", 5, "compute_namespaces", "is empty; name at least one, or remove it"),
        ("  compute_namespaces: [a, a]\n", 5, "compute_namespaces[1]", "two are called a, the first on"),
        ("  services: [vault]\n", 5, "services", "must be keys and values, such as `front_end: deployment/"),
        (
            "  services: {frontend: deployment/web}\n",
            5,
            "services.frontend",
            "unknown key; did you mean front_end?",
        ),
        (
            "  services:\n    mail: deployment/web\n",
            6,
            "services.mail",
            "unknown key; known: dispatcher, front_end, git, image_registry, keycloak, message_queue, "
            "metadata_database, vault",
        ),
        (
            "  storage_classes: {block: Domino_Disk}\n",
            5,
            "storage_classes.block",
            "not a storage class; its name is of lowercase letters",
        ),
        (
            "  storage_classes: {disk: dominodisk}\n",
            5,
            "storage_classes.disk",
            "unknown key; known: block, shared",
        ),
        ("  services: {vault: vault}\n", 5, "services.vault", WORKLOAD),
        ("  services: {vault: daemonset/vault}\n", 5, "services.vault", WORKLOAD),
        ("  services: {vault: Deployment/vault}\n", 5, "services.vault", WORKLOAD),
        ("  services: {vault: domino-platform/statefulset/vault}\n", 5, "services.vault", WORKLOAD),
        ("  services: {vault: statefulset/a/b/c}\n", 5, "services.vault", WORKLOAD),
        ("  services: {vault: statefulset/../secrets}\n", 5, "services.vault", WORKLOAD),
        ("  services: {vault: statefulset/}\n", 5, "services.vault", WORKLOAD),
    ],
)
def test_a_mistake_is_told_with_its_place_and_its_cure(
    text: str, line: int, path: str, message: str, tmp_path: Path
) -> None:
    ((at, where, told),) = mistakes(HEAD + text, tmp_path)

    assert (at, where) == (line, f"domino.{path}")
    assert told.startswith(message), told


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("deployment/web", Named("deployment", "", "web")),
        ("statefulset/acme/keycloakv17", Named("statefulset", "acme", "keycloakv17")),
    ],
)
def test_a_workload_is_named_as_reports_name_it(word: str, parts: Named) -> None:
    assert named(word) == parts
