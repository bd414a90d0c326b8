"""Percentiles of what was measured: of the values themselves (nearest rank), nothing is interpolated."""

import math
from collections.abc import Sequence
from datetime import timedelta


def quantile(values: Sequence[timedelta], percent: int) -> timedelta:
    """The smallest value that ``percent`` of them do not exceed. They come in order, the shortest first."""
    return values[max(0, math.ceil(len(values) * percent / 100) - 1)]
