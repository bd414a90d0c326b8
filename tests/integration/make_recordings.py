"""Makes the lab's recordings anew, of a real control plane: ``python tests/integration/make_recordings.py``.

Needs the programs that ``make control-plane`` builds, and takes a minute. To be done when a fact
type reads another field, when ``LISTINGS`` names another list, and when the control plane becomes newer.
"""

from __future__ import annotations

import sys
from pathlib import Path

import demo_platform as demo
import domino_cluster as domino
import domino_health.lab
from control_plane import ControlPlane, assets_dir, find_assets
from domino_health.lab import record

FOLDER = Path(domino_health.lab.__file__).parent / "recordings"


def main() -> None:
    """Record the healthy cluster, then the same with all faults."""
    assets = find_assets()
    if assets is None:
        sys.exit(f"no control plane in {assets_dir()}: `make control-plane` builds it")
    with ControlPlane(assets) as plane:
        domino.install(plane)
        with demo.healthy(plane):
            save(plane, "healthy")
            domino.install(plane, faults=True)
            with demo.faults(plane):
                save(plane, "faulty")


def save(plane: ControlPlane, kind: str) -> None:
    """Record it as it is now."""
    output = FOLDER / f"{kind}.json.gz"
    arguments = ["--kubeconfig", str(plane.kubeconfig()), "--output", str(output)]
    for namespace in (domino.PLATFORM, domino.COMPUTE, domino.SYSTEM):
        arguments += ["--namespace", namespace]
    if record.main(arguments):
        sys.exit(1)


if __name__ == "__main__":
    main()
