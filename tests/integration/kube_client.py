"""The few requests that tests make of a Kubernetes API server, and patience for what it does later."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import urllib3

Object = dict[str, Any]
Objects = list[Object]
T = TypeVar("T")


class ApiError(Exception):
    """The API server's refusal of a request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


def eventually(predicate: Callable[[], T | None], timeout: float = 30, what: str = "the condition") -> T:
    """The first true value of ``predicate``, else TimeoutError with what was seen last.

    A refusal by the API server counts as "not yet": objects and RBAC rules take a moment to be known.
    """
    deadline = time.monotonic() + timeout
    while True:
        seen: object
        try:
            value = predicate()
            if value:
                return value
            seen = value
        except ApiError as refusal:
            seen = refusal
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout:g} s; last seen: {str(seen)[:1000]}")
        time.sleep(0.1)


class Client:
    """The few requests that tests make, as any user of the control plane (``admin`` unless told)."""

    def __init__(self, url: str, ca_file: Path, tokens: Mapping[str, str]) -> None:
        self.url = url
        self.ca_file = ca_file
        self.tokens = tokens
        # urllib3 takes no notice of REQUESTS_CA_BUNDLE or of proxies in the environment.
        self.http = urllib3.PoolManager(ca_certs=str(ca_file), retries=False, timeout=30)

    def request(
        self, method: str, path: str, body: Object | None = None, media: str = "json", user: str = "admin"
    ) -> Object:
        """Send one request; ApiError for any answer of 400 and above."""
        headers = {"Authorization": f"Bearer {self.tokens[user]}", "User-Agent": "domino-health-tests"}
        if body is not None:
            headers["Content-Type"] = f"application/{media}"
        content = None if body is None else json.dumps(body)
        answer = self.http.request(method, self.url + path, body=content, headers=headers)
        if answer.status >= 400:
            raise ApiError(answer.status, answer.data.decode(errors="replace"))
        decoded: Object = answer.json()
        return decoded

    def path(self, obj: Object) -> str:
        """The object's own path, from its kind, namespace and name."""
        return f"{self._collection(obj)}/{obj['metadata']['name']}"

    def get(self, path: str, user: str = "admin") -> Object:
        """Read a path, as ``kubectl get --raw`` does."""
        return self.request("GET", path, user=user)

    def list(self, path: str, user: str = "admin") -> Objects:
        """The items of a collection, all in one answer."""
        items: Objects = self.get(path, user)["items"]
        return items

    def create(self, obj: Object, *, exist_ok: bool = False) -> Object:
        """Create an object; with ``exist_ok`` one that is there already stays as it is."""
        try:
            made = self.request("POST", self._collection(obj), obj)
        except ApiError as refusal:
            if not (exist_ok and refusal.status == 409):
                raise
            return self.get(self.path(obj))
        if obj["kind"] == "Namespace":
            # The API server refuses pods there until the controllers have made this account.
            account = f"{self.path(obj)}/serviceaccounts/default"
            eventually(lambda: self.get(account), what=f"the default service account at {account}")
        return made

    def apply(self, obj: Object) -> Object:
        """Create or update by server-side apply."""
        query = "?fieldManager=domino-health-tests&force=true"
        return self.request("PATCH", self.path(obj) + query, obj, "apply-patch+yaml")

    def patch_status(self, obj: Object, status: Object) -> Object:
        """Merge into an object's status, as a kubelet or a controller would write it."""
        return self.request("PATCH", f"{self.path(obj)}/status", {"status": status}, "merge-patch+json")

    def find(self, path: str) -> Object | None:
        """Read a path, or None when there is nothing."""
        return self._unless_missing("GET", path)

    def delete(self, obj: Object) -> None:
        """Delete an object and all it owns, and wait until they are gone; none there is fine."""
        path = self.path(obj)
        self._unless_missing("DELETE", path, {"propagationPolicy": "Foreground"})
        eventually(lambda: self.find(path) is None, what=f"the end of {path}")

    def _unless_missing(self, method: str, path: str, body: Object | None = None) -> Object | None:
        try:
            return self.request(method, path, body)
        except ApiError as refusal:
            if refusal.status != 404:
                raise
        return None

    def _collection(self, obj: Object) -> str:
        version, kind = obj["apiVersion"], obj["kind"]
        base = "/api/v1" if version == "v1" else f"/apis/{version}"
        for resource in self.get(base)["resources"]:
            if resource["kind"] == kind and "/" not in resource["name"]:
                namespace = f"/namespaces/{obj['metadata']['namespace']}" if resource["namespaced"] else ""
                return f"{base}{namespace}/{resource['name']}"
        raise LookupError(f"the API server has no {kind} in {version}")
