"""Quantities as Kubernetes writes them (``500m``, ``4Gi``), as numbers that can be added and compared.

Numbers are whole thousandths (of a core, a byte, a GPU), rounded up, as Kubernetes' own ``MilliValue``: sums
of them are exact, which sums of fractions are not.
"""

import re
from fractions import Fraction
from functools import lru_cache

from domino_health.units import size

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)")
_FACTORS = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    "": Fraction(1),
    **{prefix: Fraction(1000**power) for power, prefix in enumerate("kMGTPE", 1)},
    **{f"{prefix}i": Fraction(1024**power) for power, prefix in enumerate("KMGTPE", 1)},
}
_IN_BYTES = re.compile(r"(?:(?:requests|limits)\.)?(?:memory|(?:ephemeral-)?storage|hugepages-.+)")


@lru_cache(maxsize=65536)
def quantity(text: str) -> int:
    """Thousandths of what a quantity says, rounded up: ``quantity("250m") == 250``.

    Raises:
        ValueError: not a quantity. An API server sends none such: it has checked every one.
    """
    match = _QUANTITY.fullmatch(text) if len(text) <= 64 else None
    if match is None:
        raise ValueError(f"not a quantity: {text[:64]!r}; write 500m, 2, 4Gi or 1.5G, as Kubernetes does")
    number = Fraction(f"{match[1]}{match[2] or ''}") * _FACTORS[match[3] or ""] * 1000
    return -(-number.numerator // number.denominator)


def amount(resource: str, thousandths: int) -> str:
    """As a person reads it: ``7.91`` of cpu, ``30.0 GiB`` of memory, ``1`` of nvidia.com/gpu."""
    if _IN_BYTES.fullmatch(resource):
        return size(max(0, thousandths) // 1000)
    return f"{thousandths / 1000:.3f}".rstrip("0").rstrip(".")
