"""A Kubernetes API that answers from a recording, as a real one would answer a reader.

The words of its refusals, its pages and their tokens' end are those of a real API server (1.36). It
knows lists, ``/version``, what its groups serve, what its user may do, and the logs and single objects that
it is given beside the recording; what was not recorded is not found.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from domino_health.lab.recording import Recording, shifted
from domino_health.lab.serving import Answer

AGED = timedelta(minutes=55)
"""How long ago the recording is said to have been made.

A cluster that is made to be recorded is a minute old then, and nothing in it has waited for long: a
creation time cannot be set. So the lab plays it as if this much time had passed with nothing changing,
which makes its pods late by SCHED-001's thresholds of 10 and, for GPUs, 30 minutes.
"""

_PATH = re.compile(
    r"(?P<api>/api/v1|/apis/(?P<group>[^/]+)/[^/]+)(/namespaces/(?P<namespace>[^/]+))?/(?P<resource>[^/]+)"
)
_OBJECT = re.compile(r"/api/v1/namespaces/([^/]+)(?:/(configmaps|secrets)/([^/]+))?")
_LOG = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/log")
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new "
    "list without the continue parameter."
)


class _Attributes(msgspec.Struct, frozen=True):
    verb: str
    resource: str
    group: str = ""
    namespace: str = ""


class _Asked(msgspec.Struct, frozen=True, rename="camel"):
    resource_attributes: _Attributes


class _Review(msgspec.Struct, frozen=True):
    spec: _Asked


class KubeApi:
    """The API as a function of a request. It keeps nothing of one request for the next."""

    def __init__(
        self,
        recording: Recording,
        now: datetime,
        token: str,
        *,
        user: str,
        denied: Collection[str] = (),
        objects: Mapping[str, Mapping[str, Any]] | None = None,
        logs: Callable[[str], bytes] = lambda _pod: b"",
    ) -> None:
        """Play a recording.

        Args:
            recording: what to play.
            now: when the lab starts; what was recorded is shown as ``AGED`` before it.
            token: the only bearer token that is let in.
            user: whose token it is.
            denied: paths of lists that this user may not see. As with RBAC, a list of all namespaces
                (``/api/v1/pods``) and one of a namespace are granted apart.
            objects: single objects that are there beside the recording, by path.
            logs: from a pod's name to what each of its containers has written.
        """
        by = now - AGED - recording.recorded
        self._lists = {
            path: msgspec.structs.replace(recorded, items=shifted(recorded.items, by))
            for path, recorded in recording.lists.items()
        }
        self._documents = {
            "/version": msgspec.json.encode(recording.version),
            "/apis": _groups(recording.lists),
            **{path: msgspec.json.encode(each) for path, each in (objects or {}).items()},
        }
        self._logs = logs
        self._token = token
        self._user = user
        self._denied = frozenset(denied)
        self._era = secrets.token_hex(4)  # another lab's continue token is a foreign one

    def answer(self, target: str, authorization: str) -> Answer:
        """What the API says to ``GET target`` with this header Authorization."""
        if authorization != f"Bearer {self._token}":
            return _status(401, "Unauthorized", "Unauthorized")
        url = urlsplit(target)
        if document := self._documents.get(url.path):
            return Answer(200, document)
        if one := self._one(url.path, dict(parse_qsl(url.query))):
            return one
        where = _PATH.fullmatch(url.path)
        if where is None:
            return Answer(404, b"404 page not found\n", "text/plain; charset=utf-8")
        if url.path in self._denied:
            return self._forbidden(where)
        return self._list(where, dict(parse_qsl(url.query)))

    def review(self, target: str, authorization: str, body: bytes) -> Answer | None:
        """What the API says to ``POST target``; None where nothing can be asked."""
        if target != REVIEWS:
            return None
        if authorization != f"Bearer {self._token}":
            return _status(401, "Unauthorized", "Unauthorized")
        try:
            asked = msgspec.json.decode(body, type=_Review).spec.resource_attributes
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _status(400, "BadRequest", str(error))
        within = f"/namespaces/{asked.namespace}" if asked.namespace else ""
        # The version is no part of a right.
        path = re.compile(rf"/apis?/({re.escape(asked.group)}/)?v[^/]+{within}/{re.escape(asked.resource)}")
        reads = asked.verb in ("get", "list")
        allowed = reads and not any(path.fullmatch(denied) for denied in self._denied)
        content = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1"}
        return Answer(201, msgspec.json.encode({**content, "status": {"allowed": allowed}}))

    def _one(self, path: str, query: Mapping[str, str]) -> Answer | None:
        """What is there of a single object; None for a path of none."""
        if named := _OBJECT.fullmatch(path):  # no ConfigMap and no Secret is recorded
            return _not_found(named[2], named[3]) if named[2] else self._namespace(named[1])
        log = _LOG.fullmatch(path)
        return self._log(log[1], log[2], query) if log else None

    def _namespace(self, name: str) -> Answer:
        """One namespace, of the list that was recorded."""
        recorded = self._lists["/api/v1/namespaces"].items
        for item in recorded:
            if item["metadata"]["name"] == name:
                return Answer(200, msgspec.json.encode({"kind": "Namespace", "apiVersion": "v1", **item}))
        return _not_found("namespaces", name)

    def _log(self, namespace: str, name: str, query: Mapping[str, str]) -> Answer:
        """What a container of a recorded pod has written; it was never started before."""
        metadata = {"name": name, "namespace": namespace}
        pods = self._lists["/api/v1/pods"].items
        pod = next((each for each in pods if metadata.items() <= each["metadata"].items()), None)
        if pod is None:
            return _not_found("pods", name)
        container = query.get("container", "")
        if container not in {each["name"] for each in pod["spec"]["containers"]}:
            return _status(400, "BadRequest", f"container {container} is not valid for pod {name}")
        if query.get("previous") == "true":
            message = f'previous terminated container "{container}" in pod "{name}" not found'
            return _status(400, "BadRequest", message)
        lines = self._logs(name).splitlines(keepends=True)
        # The API server counts bytes from the first of the lines that are asked for.
        body = b"".join(lines[-int(query.get("tailLines", len(lines))) :])
        return Answer(200, body[: int(query.get("limitBytes", len(body)))], "text/plain")

    def _list(self, where: re.Match[str], query: Mapping[str, str]) -> Answer:
        recorded = self._lists.get(f"{where['api']}/{where['resource']}")
        if recorded is None:
            message = "the server could not find the requested resource"
            return _status(404, "NotFound", message, details={})
        if unknown := sorted(query.keys() - {"limit", "continue"}):
            # A real server would select or watch. Not to, and say nothing, would be a wrong answer.
            return _status(400, "BadRequest", f"the lab plays whole lists: it knows no {', '.join(unknown)}")
        limit = query.get("limit", "0")
        if not re.fullmatch(r"-?\d{1,9}", limit):
            return _status(400, "BadRequest", f'strconv.ParseInt: parsing "{limit}": invalid syntax')
        items = recorded.items
        if where["namespace"]:
            items = [item for item in items if item["metadata"].get("namespace") == where["namespace"]]
        first = self._first(where[0], query.get("continue", ""))
        if first is None:
            return _status(410, "Expired", _EXPIRED)
        metadata, page = self._page(where[0], items, first, int(limit))
        content = {"kind": recorded.kind, "apiVersion": recorded.api_version, "metadata": metadata}
        return Answer(200, msgspec.json.encode({**content, "items": page}))

    def _page(
        self, path: str, items: Sequence[Any], first: int, limit: int
    ) -> tuple[dict[str, Any], Sequence[Any]]:
        """``metadata`` and the items of a page; a limit of zero or less means no limit."""
        after = first + limit if limit > 0 else len(items)
        left = len(items) - after
        metadata = {"continue": self._continue(path, after), "remainingItemCount": left} if left > 0 else {}
        return metadata, items[first:after]

    def _continue(self, path: str, first: int) -> str:
        token = msgspec.json.encode([self._era, path, first])
        return base64.urlsafe_b64encode(token).decode().rstrip("=")

    def _first(self, path: str, token: str) -> int | None:
        """Where a page begins; None for a token that is not ours, not of this list, or no token."""
        if not token:
            return 0
        try:
            text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            era, of, first = msgspec.json.decode(text, type=tuple[str, str, int])
        except (binascii.Error, ValueError):  # msgspec's errors are ValueErrors
            return None
        return first if (era, of) == (self._era, path) and first > 0 else None

    def _forbidden(self, where: re.Match[str]) -> Answer:
        group, resource, namespace = where["group"] or "", where["resource"], where["namespace"]
        scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        message = (
            f'{resource}{group and f".{group}"} is forbidden: User "{self._user}" cannot list resource '
            f'"{resource}" in API group "{group}" {scope}'
        )
        details = {"group": group, "kind": resource} if group else {"kind": resource}
        return _status(403, "Forbidden", message, details=details)


def _groups(paths: Iterable[str]) -> bytes:
    """What each group serves, as far as it was recorded: the form is that of aggregated discovery."""
    served: dict[str, dict[str, list[dict[str, str]]]] = {}
    for path in paths:
        if where := re.fullmatch(r"/apis/([^/]+)/([^/]+)/([^/]+)", path):
            served.setdefault(where[1], {}).setdefault(where[2], []).append({"resource": where[3]})
    items = [
        {
            "metadata": {"name": group},
            "versions": [{"version": name, "resources": kinds} for name, kinds in versions.items()],
        }
        for group, versions in served.items()
    ]
    api = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2"}
    return msgspec.json.encode({**api, "metadata": {}, "items": items})


def _not_found(kind: str, name: str) -> Answer:
    details = {"name": name, "kind": kind}
    return _status(404, "NotFound", f'{kind} "{name}" not found', details=details)


def _status(code: int, reason: str, message: str, details: Mapping[str, str] | None = None) -> Answer:
    """A refusal, field for field in the real one's order."""
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    status |= {"message": message, "reason": reason}
    if details is not None:
        status["details"] = details
    return Answer(code, msgspec.json.encode({**status, "code": code}))
