"""Records a cluster for the lab, through the suite's own connection and fact types.

Of every object only the fields that a fact type names are kept. Names (of namespaces, objects, owners,
nodes, images, and Domino's projects and hardware tiers) are among them, so are resources, quotas, node
selectors, taints, probes' addresses, and the messages of conditions, of containers that wait, and of events;
annotations, other labels, user names, environment variables, commands and secrets are not. It is JSON: read
it before you share it. The recorder needs the right to ``list`` what it records, and changes nothing. The lab
plays only the recordings that come with the package, so far.

    python -m domino_health.lab.record --kubeconfig FILE --context NAME --output recording.json.gz
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import msgspec
import pydantic

from domino_health import __version__
from domino_health.collectors.cluster import Connection, NotServedError
from domino_health.collectors.looking import CollectionError, Deadline
from domino_health.collectors.server import Answer
from domino_health.facts.domino import NamespaceList
from domino_health.lab.recording import (
    LISTINGS,
    Listing,
    RecordedList,
    Recording,
    ServerVersion,
    dump,
)
from domino_health.profile.clusters import Cluster
from domino_health.profile.errors import reworded

RECORDER = f"domino_health.lab.record {__version__}"
ALLOWED = timedelta(minutes=5)
"""For all of a recording."""


def record(cluster: Cluster) -> Recording:
    """One cluster, now.

    Raises:
        CollectionError: something could not be read. There is no half recording.
    """
    deadline = Deadline(ALLOWED)
    connection = Connection(cluster)
    answer = connection.get("/version", deadline)
    lists = {}
    for listing in LISTINGS:
        try:
            lists[listing.path] = _list(connection, cluster, listing, deadline)
        except NotServedError:
            if listing.everywhere:
                raise
    return Recording(recorder=RECORDER, recorded=_date(answer), version=_version(answer), lists=lists)


def _list(connection: Connection, cluster: Cluster, listing: Listing, deadline: Deadline) -> RecordedList:
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(listing.page)
    paths = [listing.path]
    names = sorted(cluster.namespaces or ())  # the order of a whole list
    if names and listing.in_namespaces:
        paths = [f"{listing.api}/namespaces/{name}/{listing.resource}" for name in names]
    items: list[Any] = [thing for path in paths for thing in connection.list(path, decoder, deadline)]
    if names and listing.page is NamespaceList:
        items = [namespace for namespace in items if namespace.metadata.name in names]
    version = listing.api.removeprefix("/apis/").removeprefix("/api/")
    return RecordedList(listing.page.__name__, version, items)


def _date(answer: Answer) -> datetime:
    """The cluster's own time: the objects' times are by its clock."""
    try:
        date = parsedate_to_datetime(answer.headers.get("Date", ""))
    except (ValueError, OverflowError):
        raise _strange("it has no date") from None
    if date.tzinfo is None:
        raise _strange("its date has no zone")
    return date


def _version(answer: Answer) -> ServerVersion:
    if answer.status != 200:
        raise _strange(str(answer.status))
    try:
        return msgspec.json.decode(answer.body, type=ServerVersion)
    except msgspec.DecodeError as error:
        raise _strange(str(error)) from None


def _strange(what: str) -> CollectionError:
    return CollectionError(f"GET /version: {what}", "see what answers at this address")


def main(arguments: Sequence[str] | None = None) -> int:
    """Record into a file. The exit status is 0, 1 when it could not be read or written, 2 for bad usage."""
    parser = argparse.ArgumentParser(
        prog="python -m domino_health.lab.record",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kubeconfig", help="a kubeconfig file; by default kubectl's own")
    parser.add_argument("--context", help="a context of it; by default its current one")
    parser.add_argument(
        "--namespace",
        action="append",
        metavar="NAME",
        help="record of this namespace (again for more) and not of all; nodes are recorded whatever it is",
    )
    parser.add_argument("--output", required=True, type=Path, metavar="FILE", help="where to write it")
    given = parser.parse_args(arguments)
    try:
        cluster = Cluster(
            name="recorded", kubeconfig=given.kubeconfig, context=given.context, namespaces=given.namespace
        )
    except pydantic.ValidationError as error:
        mistake = error.errors(include_url=False)[0]
        parser.error(f"--{str(mistake['loc'][0]).removesuffix('s')}: {reworded(mistake)}")
    try:
        recording = record(cluster)
    except CollectionError as error:
        print(f"nothing recorded: {error.reason}\n  cure: {error.cure}", file=sys.stderr)
        return 1
    try:
        given.output.write_bytes(dump(recording))
    except OSError as error:
        print(f"nothing recorded: {error}", file=sys.stderr)
        return 1
    counts = ", ".join(f"{len(listed.items)} of {path}" for path, listed in recording.lists.items())
    print(f"recorded from Kubernetes {recording.version.git_version} into {given.output}: {counts}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
