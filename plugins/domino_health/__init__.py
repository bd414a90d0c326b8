"""domino-health: is the Domino platform healthy, may we upgrade, can we prove it?

The public names, imported when first used: pytest loads this package in every run, also in those
that have nothing to do with it, and must not pay for what it does not use.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Assessment": "vocabulary",
    "Attachment": "vocabulary",
    "Candidate": "facts.domino",
    "Certificate": "facts.tls",
    "DominoNamespace": "facts.domino",
    "DominoService": "facts.domino",
    "Duration": "units",
    "Finding": "vocabulary",
    "LimitRange": "facts.quotas",
    "Node": "facts.nodes",
    "NodeCondition": "facts.nodes",
    "Pod": "facts.kubernetes",
    "Ref": "vocabulary",
    "ResourceQuota": "facts.quotas",
    "Severity": "vocabulary",
    "TlsEndpoint": "facts.tls",
    "Unseen": "vocabulary",
    "age": "units",
    "check": "vocabulary",
    "fact": "plugin.facts",
}

__all__ = [
    "Assessment",
    "Attachment",
    "Candidate",
    "Certificate",
    "DominoNamespace",
    "DominoService",
    "Duration",
    "Finding",
    "LimitRange",
    "Node",
    "NodeCondition",
    "Pod",
    "Ref",
    "ResourceQuota",
    "Severity",
    "TlsEndpoint",
    "Unseen",
    "age",
    "check",
    "fact",
]

if TYPE_CHECKING:
    from domino_health.facts.domino import Candidate, DominoNamespace, DominoService
    from domino_health.facts.kubernetes import Pod
    from domino_health.facts.nodes import Node, NodeCondition
    from domino_health.facts.quotas import LimitRange, ResourceQuota
    from domino_health.facts.tls import Certificate, TlsEndpoint
    from domino_health.plugin.facts import fact
    from domino_health.units import Duration, age
    from domino_health.vocabulary import Assessment, Attachment, Finding, Ref, Severity, Unseen, check


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
