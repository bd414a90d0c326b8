"""How fast a log is searched for known faults, in MB/s.

    python benchmarks/search_logs.py [MEBIBYTES]

Four logs of that size: lines without a fault, one fault in every line, a single line without an end, and what
is worst for a search: a line full of beginnings of what is looked for. All that is shipped is looked for, and
one more signature of a profile with many wild cards. One process, wall clock.
"""

import sys
import time
from collections.abc import Mapping

from domino_health.collectors.signatures import count
from domino_health.profile.logs import Signature, shipped

MEBIBYTES = 8
OWN = Signature(id="own", patterns=("aaaaaa*aaaaab*aaaaac*aaaaad",), cause="made up")
PLAIN = b"2026-11-26 12:00:00,000 INFO  [play-dispatcher-7] c.c.d.Web - GET /v4/projects 200 in 12 ms\n"
FAULT = b"2026-11-26 12:00:00,000 ERROR [main] c.m.Client - MongoTimeoutException: Timed out after 30000 ms\n"


def logs(size: int) -> Mapping[str, bytes]:
    """Logs of ``size`` bytes, by what is in them."""
    return {
        "no fault": (PLAIN * (size // len(PLAIN) + 1))[:size],
        "a fault in every line": (FAULT * (size // len(FAULT) + 1))[:size],
        "one line": b"x" * size,
        "beginnings": (b"a" * 4000 + b" aaaaab\n") * (size // 4008),
    }


def main() -> None:
    """Print a line for each log."""
    size = (int(sys.argv[1]) if len(sys.argv) > 1 else MEBIBYTES) << 20
    signatures = (*shipped(), OWN)
    for name, log in logs(size).items():
        began = time.perf_counter()
        found = sum(fault.lines for fault in count(log, signatures))
        seconds = time.perf_counter() - began
        print(f"{name:22} {len(log) / seconds / 1e6:8.0f} MB/s  {found:7} lines with a fault")


if __name__ == "__main__":
    main()
