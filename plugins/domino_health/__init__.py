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
    "Bar": "plots",
    "CaFile": "profile.base",
    "Candidate": "facts.domino",
    "Certificate": "facts.tls",
    "CollectionError": "collectors.looking",
    "Deadline": "collectors.looking",
    "DominoNamespace": "facts.domino",
    "DominoService": "facts.domino",
    "Duration": "units",
    "Finding": "vocabulary",
    "LimitRange": "facts.quotas",
    "Look": "collectors.looking",
    "Many": "profile.base",
    "Mark": "plots",
    "Name": "profile.base",
    "Node": "facts.nodes",
    "NodeCondition": "facts.nodes",
    "NothingToLookAtError": "collectors.looking",
    "Outcome": "facts.observed",
    "Percentage": "units",
    "Pod": "facts.kubernetes",
    "Ref": "vocabulary",
    "ResourceQuota": "facts.quotas",
    "Secret": "profile.base",
    "Section": "profile.base",
    "Severity": "vocabulary",
    "Size": "units",
    "Target": "collectors.looking",
    "TlsEndpoint": "facts.tls",
    "TlsSecret": "facts.secrets",
    "Unseen": "vocabulary",
    "age": "units",
    "check": "vocabulary",
    "fact": "plugin.facts",
    "percent": "units",
    "size": "units",
    "timeline": "plots",
}

__all__ = [
    "Assessment",
    "Attachment",
    "Bar",
    "CaFile",
    "Candidate",
    "Certificate",
    "CollectionError",
    "Deadline",
    "DominoNamespace",
    "DominoService",
    "Duration",
    "Finding",
    "LimitRange",
    "Look",
    "Many",
    "Mark",
    "Name",
    "Node",
    "NodeCondition",
    "NothingToLookAtError",
    "Outcome",
    "Percentage",
    "Pod",
    "Ref",
    "ResourceQuota",
    "Secret",
    "Section",
    "Severity",
    "Size",
    "Target",
    "TlsEndpoint",
    "TlsSecret",
    "Unseen",
    "age",
    "check",
    "fact",
    "percent",
    "size",
    "timeline",
]

if TYPE_CHECKING:
    from domino_health.collectors.looking import CollectionError, Deadline, Look, NothingToLookAtError, Target
    from domino_health.facts.domino import Candidate, DominoNamespace, DominoService
    from domino_health.facts.kubernetes import Pod
    from domino_health.facts.nodes import Node, NodeCondition
    from domino_health.facts.observed import Outcome
    from domino_health.facts.quotas import LimitRange, ResourceQuota
    from domino_health.facts.secrets import TlsSecret
    from domino_health.facts.tls import Certificate, TlsEndpoint
    from domino_health.plots import Bar, Mark, timeline
    from domino_health.plugin.facts import fact
    from domino_health.profile.base import CaFile, Many, Name, Secret, Section
    from domino_health.units import Duration, Percentage, Size, age, percent, size
    from domino_health.vocabulary import Assessment, Attachment, Finding, Ref, Severity, Unseen, check


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
