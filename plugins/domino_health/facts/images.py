"""What an image's name tells: what it is of, and what else it is known by."""

import re

from domino_health.facts.kubernetes import environment_of
from domino_health.vocabulary import Ref

# Tags of models begin with an id as those of environments do (dominodatalab/docker-registry-cleaner,
# docs/objectid-filtering.md).
_MODEL = re.compile(r"/model:([0-9a-f]{24})(?![0-9a-f])")
_DIGEST = re.compile(r"(?:^|[@/])(sha256:[0-9a-f]{64})$")
# Docker Hub's own names are left out by some and spelled by others.
_HUB = re.compile(r"^(?:(?:index\.)?docker\.io/)?(?:library/)?")


def image_subject(cluster: str, image: str) -> Ref:
    """What stays of an image when it is built anew: its environment, its model, or else its repository."""
    if environment := environment_of(image):
        return Ref(cluster, "environment", "", environment)
    if model := _MODEL.search(image):
        return Ref(cluster, "model", "", model[1])
    return Ref(cluster, "repository", "", repository_of(image) or "unnamed")


def repository_of(image: str) -> str:
    """An image's name without its tag and digest; a registry's port is no tag."""
    name = image.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name


def image_name(image: str) -> str:
    """Repository and tag, spelled in one way: ``docker.io/library/python`` is ``python:latest``.

    Empty for what is named by a digest alone.
    """
    name, _, digest = image.partition("@")
    if repository_of(name) == name:
        name = f"{name}:latest" if name and not digest else ""
    return _HUB.sub("", name)


def digest_of(image: str) -> str:
    """The digest at the end of a name, or alone, as kubelets and scanners write it; empty for none."""
    found = _DIGEST.search(image)
    return found[1] if found else ""
