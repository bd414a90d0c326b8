"""How fast the pods of a real API server are read: against the bytes alone, and the ``kubernetes`` client.

    python benchmarks/api_server.py [PODS]

A real control plane on loopback (``make control-plane`` builds it) is filled with pods of the size that
executions have. Three readers list them in pages of 500, over TLS, each in a process of its own: the bytes,
thrown away as they come; the suite's collector; the typed objects of the ``kubernetes`` client. The bytes are
what no reader can be faster than. Times are wall clock, so only the ratios mean something, and only those of
one run.
"""

import json
import multiprocessing
import re
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import urllib3

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "integration"))

from control_plane import ControlPlane, assets_dir, find_assets
from domino_health.collectors.cluster import PAGE
from readers import client, ours

PODS = 20_000
ROUNDS = 3
WRITERS = 8
MEBIBYTE = 1 << 20
NAMESPACE = "domino-compute"
CONTINUE = re.compile(rb'"continue":"([^"]*)"')
"""Stands at the head of a page, before its items."""
HEAD = 4096
"""Bytes of a page in which it is looked for."""

Read = Callable[[str, str, str], int]
"""From the server's address, a CA file and a token to the number of pods; of the bytes alone, to KiB."""


def pod(number: int) -> dict[str, Any]:
    """An execution's pod: most of it is environment and mounts, which no check reads."""
    container = {
        "name": "run",
        "image": "registry.example.com/dominodatalab/environment:5f1e7b0a9c3d4e2b8a6f1c0d-4",
        "resources": {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"memory": "8Gi"}},
        "env": [{"name": f"DOMINO_VARIABLE_{n}", "value": f"a value of some length {n}"} for n in range(40)],
        "volumeMounts": [{"name": f"volume-{n}", "mountPath": f"/domino/{n}"} for n in range(12)],
    }
    labels = {"workload-type": "Workspace", "hardware-tier-id": "small-k8s", "project-name": "churn-forecast"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"run-{number:024x}-abcde",
            "namespace": NAMESPACE,
            "labels": {f"dominodatalab.com/{name}": value for name, value in labels.items()},
            "annotations": {f"example.com/annotation-{n}": "x" * 40 for n in range(10)},
        },
        "spec": {
            "schedulerName": "nobody",  # what the scheduler does meanwhile is not measured
            "containers": [container],
            "volumes": [{"name": f"volume-{n}", "emptyDir": {}} for n in range(12)],
        },
    }


def fill(plane: ControlPlane, pods: int) -> None:
    """Create the pods."""
    plane.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    with ThreadPoolExecutor(WRITERS) as writers:
        for done, _ in enumerate(writers.map(lambda n: plane.request("POST", path, pod(n)), range(pods)), 1):
            if done % 1000 == 0:
                print(f"\r{done} of {pods} pods created", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def raw(server: str, ca_file: str, token: str) -> int:
    """The bytes alone, as ``kubectl get --raw`` reads them; their number, in KiB."""
    http = urllib3.PoolManager(ca_certs=ca_file, headers={"Authorization": f"Bearer {token}"})
    size, more = 0, ""
    while True:
        page = http.request("GET", f"{server}/api/v1/pods?limit={PAGE}&continue={quote(more)}").data
        size += len(page)
        found = CONTINUE.search(page, 0, HEAD)
        if not found:
            return size >> 10
        more = found[1].decode()


def measure(read: Read, arguments: tuple[str, str, str], results: Any) -> None:
    """Seconds, and the peak of memory in MiB, of the process as a whole and above what it began with."""
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    count = read(*arguments)
    seconds, peak = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results.put((count, seconds, peak * unit / MEBIBYTE, (peak - before) * unit / MEBIBYTE))


def main() -> None:
    """Print a line for each reader: the best of its rounds, and how many times the bytes alone that is."""
    pods = int(sys.argv[1]) if len(sys.argv) > 1 else PODS
    assets = find_assets()
    if assets is None:
        raise SystemExit(f"no control plane in {assets_dir()}: `make control-plane` builds it")
    processes = multiprocessing.get_context("spawn")
    with ControlPlane(assets) as plane:
        fill(plane, pods)
        for idle in ("kwok", "kube-scheduler", "kube-controller-manager"):
            plane.stop(idle)  # they would watch what was created, on the same processors
        arguments = (plane.url, str(plane.ca_file), plane.tokens["admin"])
        base = 0.0
        best: dict[str, list[float]] = {}
        for _ in range(ROUNDS):  # in turns, so that what else the machine does meets them all
            for read in (raw, ours, client):
                results = processes.SimpleQueue()
                process = processes.Process(target=measure, args=(read, arguments, results))
                process.start()
                count, *measured = results.get()
                process.join()
                if read is raw:
                    size = count / 1024
                elif count != pods:
                    raise SystemExit(f"{read.__name__} read {count} of {pods} pods")
                so_far = best.get(read.__name__, measured)
                best[read.__name__] = [min(pair) for pair in zip(so_far, measured, strict=True)]
        print(f"{pods} pods, {size:.0f} MiB, {len(json.dumps(pod(0)))} bytes as created; pages of {PAGE}")
        for name, (seconds, peak, above) in best.items():
            base = base or seconds
            print(
                f"{name:7} {seconds:6.1f} s  {seconds / base:5.2f} times the bytes alone  "
                f"{peak:6.0f} MiB at most, {above:6.0f} above the start"
            )


if __name__ == "__main__":
    main()
