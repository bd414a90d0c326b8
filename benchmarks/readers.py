"""The two readers of pods that both benchmarks compare: the suite's, and the ``kubernetes`` client's."""

from datetime import timedelta

import msgspec

from domino_health.collectors.cluster import PAGE, Connection
from domino_health.collectors.looking import Deadline
from domino_health.facts.kubernetes import PodList
from domino_health.profile.clusters import Cluster


def ours(server: str, ca_file: str, token: str = "") -> int:
    """The suite's collector."""
    given = {"server": server, "ca_file": ca_file, **({"token": token} if token else {})}
    cluster = Cluster.model_validate({"name": "benchmark", **given})
    decoder = msgspec.json.Decoder(PodList)
    return len(Connection(cluster).list("/api/v1/pods", decoder, Deadline(timedelta(hours=1))))


def client(server: str, ca_file: str, token: str = "") -> int:
    """The typed objects of the ``kubernetes`` client."""
    import kubernetes.client  # noqa: PLC0415 (two seconds and much memory, which the others must not pay)

    configuration = kubernetes.client.Configuration(host=server)
    configuration.ssl_ca_cert = ca_file
    configuration.proxy = None
    configuration.api_key = {"authorization": f"Bearer {token}"} if token else {}
    api = kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(configuration))
    items: list[object] = []
    more = None
    while True:
        page = api.list_pod_for_all_namespaces(limit=PAGE, _continue=more)
        items += page.items
        more = page.metadata._continue
        if not more:
            return len(items)
