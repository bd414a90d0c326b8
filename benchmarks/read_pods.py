"""How long it takes, and how much memory, to read all pods of a large cluster: ours against two others.

    python benchmarks/read_pods.py [PODS]

A server on loopback sends pods of the size that real ones have, in pages of 500, over TLS. Three readers take
them, each in a process of its own: the suite's collector, the same pages decoded by ``json.loads``, and the
typed objects of the ``kubernetes`` client. Times are wall clock, so only the ratios mean something, and only
those of one run.
"""

import json
import multiprocessing
import resource
import ssl
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import urllib3

from domino_health.collectors.cluster import PAGE
from domino_health.lab.certificates import Authority
from domino_health.lab.serving import Answer, TlsServer
from readers import client, ours

PODS = 20_000
ROUNDS = 3
MEBIBYTE = 1 << 20


def pod(number: int) -> dict[str, Any]:
    """A pod of the size of an execution's: half of it managed fields, then environment and volumes."""
    container = {
        "name": "run",
        "image": "registry.example.com/dominodatalab/environment:5f1e7b0a9c3d4e2b8a6f1c0d-4",
        "resources": {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"memory": "8Gi"}},
        "env": [{"name": f"DOMINO_VARIABLE_{n}", "value": f"a value of some length {n}"} for n in range(40)],
        "volumeMounts": [{"name": f"volume-{n}", "mountPath": f"/domino/{n}"} for n in range(12)],
    }
    fields: dict[str, object] = {".": {}, "f:name": {}, "f:value": {}}
    managed = {f'k:{{"name":"DOMINO_VARIABLE_{n}"}}': fields for n in range(90)}
    return {
        "metadata": {
            "name": f"run-{number:024x}-abcde",
            "namespace": "domino-compute",
            "uid": f"00000000-0000-0000-0000-{number:012x}",
            "creationTimestamp": "2026-11-24T03:45:00Z",
            "labels": {
                "dominodatalab.com/workload-type": "Workspace",
                "dominodatalab.com/hardware-tier-id": "small-k8s",
                "dominodatalab.com/project-name": "churn-forecast",
            },
            "annotations": {f"example.com/annotation-{n}": "x" * 40 for n in range(10)},
            "managedFields": [{"manager": "kubelet", "operation": "Update", "fieldsV1": {"f:spec": managed}}],
        },
        "spec": {
            "containers": [container],
            "nodeName": f"node-{number % 500}",
            "volumes": [{"name": f"volume-{n}", "emptyDir": {}} for n in range(12)],
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}],
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "podIP": "10.0.0.1",
            "startTime": "2026-11-24T03:45:10Z",
        },
    }


def serve(pods: int) -> Callable[[str, str], Answer]:
    """Pages of the same 500 pods, made before anyone's time runs."""
    items = json.dumps([pod(number) for number in range(PAGE)], separators=(",", ":"))

    def respond(target: str, _authorization: str) -> Answer:
        first = int(parse_qs(urlsplit(target).query).get("continue", ["0"])[0])
        after = first + PAGE
        more = f'"continue":"{after}","remainingItemCount":{pods - after}' if after < pods else ""
        head = f'{{"kind":"PodList","apiVersion":"v1","metadata":{{{more}}},"items":'
        return Answer(200, f"{head}{items}}}".encode())

    return respond


def plain(server: str, ca_file: str) -> int:
    """The same pages as dictionaries."""
    http = urllib3.PoolManager(ca_certs=ca_file)
    items: list[object] = []
    token = ""
    while True:
        answer = http.request("GET", f"{server}/api/v1/pods?limit={PAGE}&continue={token}")
        page = json.loads(answer.data)
        items += page["items"]
        token = page["metadata"].get("continue", "")
        if not token:
            return len(items)


def measure(read: Callable[[str, str], int], server: str, ca_file: str, results: Any) -> None:
    """Seconds, and the peak of memory in MiB above what the process had before it began to read."""
    unit = 1 if sys.platform == "darwin" else 1024
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = read(server, ca_file)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results.put((count, seconds, (after - before) * unit / MEBIBYTE))


def main() -> None:
    """Print a line for each reader: the best of its rounds, and how many times ours that is."""
    pods = int(sys.argv[1]) if len(sys.argv) > 1 else PODS
    processes = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder), datetime.now(UTC))
        context: ssl.SSLContext = authority.context("127.0.0.1")
        size = len(json.dumps(pod(0), separators=(",", ":")))
        print(f"{pods} pods of {size} bytes, {pods * size / MEBIBYTE:.0f} MiB, pages of {PAGE}")
        with TlsServer("benchmark", context, serve(pods)) as server:
            first: tuple[float, float] | None = None
            for read in (ours, plain, client):
                best = (float("inf"), float("inf"))
                for _ in range(ROUNDS):
                    results = processes.SimpleQueue()
                    arguments = (read, f"https://{server.address}", str(authority.file), results)
                    process = processes.Process(target=measure, args=arguments)
                    process.start()
                    count, seconds, memory = results.get()
                    process.join()
                    if count != -(-pods // PAGE) * PAGE:
                        raise SystemExit(f"{read.__name__} read {count} of {pods} pods")
                    best = min(best[0], seconds), min(best[1], memory)
                first = first or best
                ratios = f"{best[0] / first[0]:5.1f} times ours, {best[1] / first[1]:5.1f} times the memory"
                print(f"{read.__name__:7} {best[0]:6.1f} s {best[1]:7.0f} MiB  {ratios}")


if __name__ == "__main__":
    main()
