"""Domino's hardware tiers: what users choose from, and what it asks of Kubernetes."""

from collections.abc import Mapping

import msgspec

from domino_health.facts.quantities import quantity
from domino_health.vocabulary import Ref


class HardwareTier(msgspec.Struct, frozen=True, omit_defaults=True):
    """One hardware tier. Amounts are spelled as Kubernetes spells them (``500m``, ``4Gi``)."""

    id: str
    """As the label ``dominodatalab.com/hardware-tier-id`` of its executions has it."""
    node_pool: str
    """As the label ``dominodatalab.com/node-pool`` of its nodes has it; empty where Domino names none."""
    cpu: str
    memory: str
    """What the container of the user's code asks for: Domino's side-cars come on top of it."""
    name: str = ""
    """What people see, where they choose it."""
    cpu_limit: str = ""
    memory_limit: str = ""
    """Empty: as much as is asked for, which is what Domino sets then."""
    gpus: int = 0
    gpu_resource: str = "nvidia.com/gpu"
    """What nodes call them."""
    max_executions: int | None = None
    """Maximum Simultaneous Executions of the tier; None is without bound."""
    max_executions_per_user: int | None = None
    """Of all tiers together, as the profile says; Domino's API does not tell."""
    cluster: str = ""
    """Where its executions run."""

    @property
    def ref(self) -> Ref:
        """The tier, by its id."""
        return Ref(self.cluster, "hardwaretier", "", self.id)

    @property
    def asked(self) -> Mapping[str, int]:
        """What it asks for, in thousandths, by resource."""
        gpus = {self.gpu_resource: self.gpus * 1000} if self.gpus else {}
        return {"cpu": quantity(self.cpu), "memory": quantity(self.memory), **gpus}

    @property
    def limits(self) -> Mapping[str, int]:
        """What it may use of CPU and memory, in thousandths."""
        return {
            "cpu": quantity(self.cpu_limit or self.cpu),
            "memory": quantity(self.memory_limit or self.memory),
        }

    @property
    def most(self) -> int | None:
        """How many executions of it Domino lets one user start at once; None is without bound."""
        bounds = [each for each in (self.max_executions, self.max_executions_per_user) if each is not None]
        return min(bounds, default=None)
