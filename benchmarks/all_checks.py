"""How long all checks take to judge a large cluster in trouble, and how much memory: each, and together.

    python benchmarks/all_checks.py [SCALE]

At scale 1 there are 5,000 nodes, 100,000 pods, of which 40,000 are broken, 30,000 claims and 37,000 events
(tests/large_cluster.py). Each check that asks for facts of Kubernetes is called as a run calls it, and its
assessment is judged. It fails where together they take more than 20 s or the process more than 1 GiB.
"""

import importlib
import inspect
import pkgutil
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import large_cluster
from domino_health.results import Result, judge
from domino_health.rules import Rules
from domino_health.vocabulary import CheckSpec, spec_of

CHECKS = Path(__file__).resolve().parents[1] / "checks"
MOST_SECONDS = 20
MOST_BYTES = 1 << 30


def every_check() -> Iterator[tuple[CheckSpec, Callable[..., Any]]]:
    """Each check and its function, in the order of their ids."""
    names = [each.name for each in pkgutil.iter_modules([str(CHECKS)])]
    things = [thing for name in names for thing in vars(importlib.import_module(f"checks.{name}")).values()]
    found = {spec.id: (spec, thing) for thing in things if (spec := spec_of(thing))}
    return (found[id] for id in sorted(found))


def arguments(
    spec: CheckSpec, function: Callable[..., Any], facts: dict[str, list[Any]]
) -> dict[str, Any] | None:
    """What a check is called with; None where it cannot do without a fact that is none of Kubernetes'."""
    given: dict[str, Any] = {"now": large_cluster.NOW, "unseen": [], **facts}
    hints = inspect.get_annotations(function, eval_str=True)
    optional = {name for name in spec.facts if type(None) in getattr(hints[name], "__args__", ())}
    if not given.keys() | optional >= set(spec.facts):
        return None
    return {**{name: given.get(name) for name in spec.facts}, **spec.thresholds}


def assess(spec: CheckSpec, function: Callable[..., Any], facts: dict[str, list[Any]]) -> Result | None:
    """The result of a check; None where it has not all that it needs."""
    given = arguments(spec, function, facts)
    if given is None:
        return None
    returned = function(**given)
    return judge(spec, returned, [], Rules(large_cluster.NOW.date()))


def main() -> None:
    """Print a line for each check, and one for all."""
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1
    facts = large_cluster.facts(scale)
    unit = 1 if sys.platform == "darwin" else 1024
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    counts = ", ".join(f"{len(things)} {name}" for name, things in facts.items() if len(things) > 1)
    print(f"{counts}; {held >> 20} MiB")
    together = 0.0
    for spec, function in every_check():
        began = time.perf_counter()
        result = assess(spec, function, facts)
        seconds = time.perf_counter() - began
        if result is None:
            continue
        together += seconds
        counted = sum(finding.count for finding in result.findings)
        found = f"{len(result.findings):5} findings of {counted:6}, {result.population} assessed"
        print(f"{spec.id:10} {seconds:6.2f} s  {found}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(f"{'together':10} {together:6.2f} s of {MOST_SECONDS}, {peak >> 20} MiB of {MOST_BYTES >> 20}")
    if scale <= 1 and (together > MOST_SECONDS or peak > MOST_BYTES):
        raise SystemExit("slower, or larger, than it may be")


if __name__ == "__main__":
    main()
