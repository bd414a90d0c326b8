"""Domino's hardware tiers, as a profile writes them: what one asks for, in Kubernetes' own words."""

import re
from typing import Annotated, Any, ClassVar, Self

import pydantic

from domino_health.facts.quantities import quantity
from domino_health.profile.base import NO_REFERENCE, Name, Section

_NOT_NOTHING = "(?=.*[1-9])"
_A_LABEL = "[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_A_CPU = rf"{_NOT_NOTHING}([0-9]{{1,6}}(\.[0-9]{{1,3}})?|[0-9]{{1,9}}m)"
_A_MEMORY = rf"{_NOT_NOTHING}[0-9]{{1,12}}(\.[0-9]{{1,3}})?([kMGT]|[KMGT]i)"
_A_RESOURCE = "[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?"


def _label(value: str) -> str:
    if not re.fullmatch(_A_LABEL, value):
        raise ValueError(
            "must be what a label may hold: 1 to 63 letters, digits, '-', '_' and '.', no sign first or last"
        )
    return value


Label = Annotated[
    Name,
    pydantic.AfterValidator(_label),
    pydantic.WithJsonSchema({"type": "string", "pattern": f"^{_A_LABEL}$", **NO_REFERENCE}),
]
"""The value of a label of Kubernetes. It stands in reports, so it cannot come from a reference."""


def _written(value: Any) -> Any:
    """As Kubernetes, which takes ``cpu: 2`` for ``cpu: "2"``."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else value


def _cpu(value: str) -> str:
    if not re.fullmatch(_A_CPU, value):
        raise ValueError("not an amount of CPU; write cores or thousandths of one: 2, 0.5 or 500m")
    return value


def _memory(value: str) -> str:
    if not re.fullmatch(_A_MEMORY, value):
        raise ValueError(
            "not an amount of memory; write a number and its unit as Kubernetes does: 512Mi, 4Gi or 4G"
        )
    return value


def _resource(value: str) -> str:
    if not re.fullmatch(_A_RESOURCE, value):
        raise ValueError("not a resource of Kubernetes'; write it as nodes do: nvidia.com/gpu")
    return value


Cpu = Annotated[
    str,
    pydantic.AfterValidator(_cpu),
    pydantic.BeforeValidator(_written),
    pydantic.WithJsonSchema({"type": ["number", "string"], "exclusiveMinimum": 0, "pattern": f"^{_A_CPU}$"}),
]
"""``2``, ``0.5`` or ``500m``."""
Memory = Annotated[
    str,
    pydantic.AfterValidator(_memory),
    pydantic.BeforeValidator(_written),
    pydantic.WithJsonSchema({"type": "string", "pattern": f"^{_A_MEMORY}$"}),
]
"""``4Gi`` or ``4G``. A number alone is refused: to Domino it would be GiB, to Kubernetes bytes."""
AtLeastOne = Annotated[int, pydantic.Field(ge=1)]


class Tier(Section):
    """One hardware tier: the machine that somebody chooses who starts work."""

    sample: ClassVar = "id: small-k8s"

    id: Label
    """As the label ``dominodatalab.com/hardware-tier-id`` of its executions has it."""
    name: str = ""
    """What people see, where they choose it."""
    node_pool: Label
    """As the label ``dominodatalab.com/node-pool`` of its nodes has it."""
    cpu: Cpu
    """Cores Requested."""
    cpu_limit: Cpu | None = None
    """Cores Limit; by default what is requested."""
    memory: Memory
    """Memory Requested. Domino's pages count in GiB: 4 there is ``4Gi`` here."""
    memory_limit: Memory | None = None
    """Memory Limit; by default what is requested."""
    gpus: Annotated[int, pydantic.Field(ge=0)] = 0
    """Number of GPUs."""
    gpu_resource: Annotated[
        str,
        pydantic.AfterValidator(_resource),
        pydantic.WithJsonSchema({"type": "string", "pattern": f"^{_A_RESOURCE}$"}),
    ] = "nvidia.com/gpu"
    """What nodes call them."""
    max_executions: AtLeastOne | None = None
    """Maximum Simultaneous Executions; by default without bound."""

    @property
    def label(self) -> str:
        """What reports call it."""
        return self.id

    @pydantic.model_validator(mode="after")
    def _limits_are_not_less(self) -> Self:
        for name in ("cpu", "memory"):
            asked, limit = getattr(self, name), getattr(self, f"{name}_limit")
            if limit is not None and quantity(limit) < quantity(asked):
                raise ValueError(
                    f"{name}_limit {limit} is less than {name} {asked}; Kubernetes refuses such a pod"
                )
        return self
