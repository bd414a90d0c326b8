"""Reading from a Kubernetes API server: bytes in, typed objects out.

``server`` sends one request and takes its answer; here is what is asked, and what the answers mean. The typed
objects of ``kubernetes`` are not used: for 20,000 pods they take ten times as long and 20 times the memory
(benchmarks/read_pods.py).
"""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

import msgspec

from domino_health.collectors.cluster_words import (
    NO_API,
    is_not_found,
    is_status,
    message_of,
    rbac_rule,
    refusal_cure,
)
from domino_health.collectors.looking import WAY_IN, CollectionError, Deadline, Look
from domino_health.collectors.server import JSON, Answer, BrokenOffError, Server
from domino_health.facts.api import ListMeta
from domino_health.facts.observed import Outcome
from domino_health.facts.survey import Version
from domino_health.profile.clusters import Cluster

PAGE = 500
"""Objects a page, kubectl's own: small enough for a server's memory, large enough for few round trips."""
MOST_OBJECTS = 1_000_000
"""Of one kind in one cluster: Kubernetes itself is tested to 150,000 pods."""
MOST_TRIES = 4
"""Of a listing whose continue token expires (410), and of a page that a busy server puts off."""
BUSY = frozenset({429, 503, 504})
"""A server that restarts or is under load says so; it passes."""
UNSURE = frozenset({401, 403})
"""In the middle of a listing a server says so that restarts: it has yet to read who may do what."""
PAUSE = 1.0
"""Seconds before a request is sent again, where the server names none."""

_VERSION = msgspec.json.Decoder(Version)
_CONTINUE = re.compile(rb'[^\[]*"continue": ?"([\w=.~-]+)"', re.ASCII)
"""Before the items, which may hold the word as well. A token is URL-safe base64: nothing is escaped."""
_HEAD = 4096
"""Bytes of a page, before its items, in which the token is looked for."""

Thing = TypeVar("Thing")


REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
"""Where an account asks what it may do itself."""
_REVIEW = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}


class ReviewStatus(msgspec.Struct, frozen=True):
    """``status`` of a review."""

    allowed: bool


class Review(msgspec.Struct, frozen=True):
    """A SelfSubjectAccessReview that was answered."""

    status: ReviewStatus


_REVIEWED = msgspec.json.Decoder(Review)


class Page(Protocol[Thing]):
    """A list as an API server sends it."""

    @property
    def metadata(self) -> ListMeta:
        """Where the next page begins."""
        ...

    @property
    def items(self) -> list[Thing]:
        """The objects of this page."""
        ...


class Decoder(Protocol):
    """What makes a page of an answer's bytes: msgspec's own, mostly."""

    def decode(self, body: bytes, /) -> Any:
        """Raises msgspec.DecodeError."""
        ...


class NotServedError(CollectionError):
    """The API server knows no such kind: nobody serves its group, or that version of it."""


class ExpiredError(Exception):
    """The continue token is older than what the server keeps; the listing must start over."""


class Connection(Server):
    """One cluster's API server, and how it is read: patiently, page by page, typed at the door."""

    def list(
        self,
        path: str,
        decoder: Decoder,
        deadline: Deadline,
        say: Callable[[str], None] = lambda _: None,
        at_once: int = PAGE,
    ) -> list[Any]:
        """All objects of a listing, page by page of ``at_once``, decoded.

        Pages of two listings do not add up to one, so that a listing whose token expires starts over.

        Raises:
            CollectionError: as ``get``, and for every answer that is not a page. What was seen before goes
                with it.
        """
        things: list[Any] = []
        progress = ""
        for _ in range(MOST_TRIES):
            things = []
            try:
                for page in self._pages(path, decoder, deadline, at_once):
                    things += page.items
                    left = page.metadata.remaining_item_count
                    progress = f"{len(things)} of {len(things) + left}" if left else str(len(things))
                    say(progress)
                    if len(things) > MOST_OBJECTS:
                        raise _too_many(path, things)
            except ExpiredError:
                continue
            except CollectionError as error:
                raise _cut_short(error, things, progress) from None
            return things
        expired = CollectionError(
            f"GET {path}: the listing expired {MOST_TRIES} times before its last page (410)",
            f"the API server of cluster {self.name} is too slow for its size; see its latency",
        )
        raise _cut_short(expired, things, progress)

    def first(self, path: str, decoder: Decoder, deadline: Deadline) -> Sequence[Any]:
        """The first object of a listing, or none: enough to know that it may be seen.

        Raises:
            CollectionError: as ``list``.
        """
        answer = self._patiently(f"{path}?limit=1", deadline)
        if answer.status != 200:
            raise self._refused(path, answer)
        page: Page[Any] = self._decode(path, answer, decoder)
        return page.items

    def find(self, path: str, decoder: Decoder, deadline: Deadline, accept: str = JSON) -> Any | None:
        """One object, decoded; None where the API server says that there is none.

        ``accept``: the forms that may come, where it is not the usual one.

        Raises:
            CollectionError: as ``get``, and for every other answer.
        """
        answer = self._patiently(path, deadline, accept=accept)
        if answer.status == 404 and is_not_found(answer.body):
            return None
        if answer.status != 200:
            raise self._refused(path, answer)
        return self._decode(path, answer, decoder)

    def log(self, path: str, deadline: Deadline) -> bytes | None:
        """What a container has written; None where there is nothing: it has not run yet, or is gone.

        Raises:
            CollectionError: as ``get``, and for every other answer.
        """
        answer = self.get(path, deadline)
        if answer.status == 200:
            return answer.body
        # 400: "previous terminated container … not found", "… is waiting to start: …"
        if answer.status in (400, 404) and is_status(answer.body):
            return None
        raise self._refused(path, answer)

    def review(self, question: Mapping[str, Any], deadline: Deadline) -> bool:
        """Whether this account may do what a SelfSubjectAccessReview asks. The server stores nothing of it.

        Args:
            question: ``resourceAttributes``: verb, group, resource, namespace and name.
            deadline: for the answer.

        Raises:
            CollectionError: as ``get``, and for every answer that is no review. Every account that is known
                to the server may ask, by Kubernetes' own role system:basic-user.
        """
        body = {**_REVIEW, "spec": {"resourceAttributes": question}}
        answer = self._patiently(REVIEWS, deadline, question=msgspec.json.encode(body))
        if answer.status != 201:
            error = self._refused(REVIEWS, answer, "POST")
            if answer.status == 403:
                error.cure = (
                    "bind the account to the ClusterRole system:basic-user, as Kubernetes does itself"
                )
            raise error
        review: Review = self._decode(REVIEWS, answer, _REVIEWED, "POST")
        return review.status.allowed

    def version(self, deadline: Deadline) -> str:
        """Kubernetes' own; empty where this account may not see it.

        Raises:
            CollectionError: as ``get``, and for an answer that is no API server's, or to no valid credential.
        """
        answer = self._patiently("/version", deadline)
        if answer.status == 403:
            return ""
        if answer.status != 200:
            raise self._refused("/version", answer)
        version: Version = self._decode("/version", answer, _VERSION)
        return version.git_version

    def require_namespace(self, name: str, resource: str, deadline: Deadline) -> None:
        """Tell an empty namespace from one that is not there: of either, every list is empty.

        Raises:
            CollectionError: it is not there, or that cannot be told.
        """
        path = f"/api/v1/namespaces/{name}"
        answer = self._patiently(path, deadline)
        if answer.status == 404:
            raise CollectionError(
                f"GET {path}: 404 {self._words(answer.body)}", "mend the name in the profile's namespaces"
            )
        if answer.status == 403:
            said = f"403 {self._words(answer.body)}"
            raise CollectionError(
                f"no {resource} in namespace {name}, and whether it exists may not be seen: {said}",
                f"see whether the name is right; if it is, grant the account this rule: {rbac_rule(path)}",
                Outcome.DENIED,
            )
        if answer.status != 200:
            raise self._refused(path, answer)

    def _pages(self, path: str, decoder: Decoder, deadline: Deadline, at_once: int) -> Iterator[Page[Any]]:
        answer = self._page(path, "", deadline, at_once)
        if answer.status == 404:
            refused = self._refused(path, answer)
            raise NotServedError(refused.reason, refused.cure)
        while True:
            if answer.status != 200:
                raise self._refused(path, answer)
            token = _continue_of(answer.body)
            ahead = _Ahead(partial(self._page, path, token, deadline, at_once)) if token else None
            page: Page[Any] = self._decode(path, answer, decoder)
            yield page
            if not page.metadata.continue_:
                return
            if ahead and token == page.metadata.continue_:
                answer = ahead.answer()
            else:  # a server that writes its pages in another way than Kubernetes' own
                answer = self._page(path, page.metadata.continue_, deadline, at_once)

    def _page(self, path: str, token: str, deadline: Deadline, at_once: int) -> Answer:
        query: dict[str, Any] = {"limit": at_once, **({"continue": token} if token else {})}
        answer = self._patiently(f"{path}?{urlencode(query)}", deadline, begun=bool(token))
        if answer.status == 410 and token:
            raise ExpiredError
        return answer

    def _patiently(
        self,
        path: str,
        deadline: Deadline,
        *,
        begun: bool = False,
        question: bytes | None = None,
        accept: str = JSON,
    ) -> Answer:
        """The answer, after a server that is busy or restarts has been given the time that it asks for.

        ``begun``: this server has answered before, so that a refusal may be its restart's.
        """
        for tries in range(1, MOST_TRIES):
            pause = PAUSE
            try:
                answer = self._send(path, deadline, question, accept)
                if answer.status not in (BUSY | UNSURE if begun else BUSY):
                    return answer
                begun = True
                asked = answer.headers.get("Retry-After", "")
                pause = float(asked) if asked.isdecimal() else PAUSE
                if pause >= deadline.seconds_left:
                    return answer
            except BrokenOffError as error:
                worth = MOST_TRIES if begun else 1 + error.accepted
                if tries >= worth or pause >= deadline.seconds_left:
                    raise
            time.sleep(pause)
        return self._send(path, deadline, question, accept)

    def _decode(self, path: str, answer: Answer, decoder: Decoder, method: str = "GET") -> Any:
        try:
            return decoder.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            size = f"{len(answer.body)} bytes"
            raise CollectionError(
                f"{method} {path}: {size} that are not what a Kubernetes API sends: {error}", NO_API
            ) from None

    def _refused(self, path: str, answer: Answer, method: str = "GET") -> CollectionError:
        said = self._words(answer.body).removeprefix(f"{answer.status} ")  # "404 page not found"
        return CollectionError(
            f"{method} {path}: {answer.status} {said}".rstrip(),
            refusal_cure(answer.status, said, path, self.name, self._client.configuration),
            Outcome.DENIED if answer.status in (401, 403) else Outcome.FAILED,
        )

    def _words(self, body: bytes) -> str:
        return message_of(body, self._client.configuration)


class _Ahead:
    """A page that is asked for while the one before it is decoded (benchmarks/api_server.py)."""

    def __init__(self, ask: Callable[[], Answer]) -> None:
        self._ask = ask
        self._answer: Answer | None = None
        self._error: BaseException | None = None
        # A daemon, for a way in that hangs must not keep the process alive. All else ends by its deadline.
        self._thread = threading.Thread(target=self._run, daemon=True, name="the next page")
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answer = self._ask()
        except BaseException as error:  # noqa: BLE001 (raised again where the page is wanted)
            self._error = error

    def answer(self) -> Answer:
        """The answer, when it has come; or what was raised in its place."""
        self._thread.join()
        if self._answer is None:
            raise self._error or RuntimeError("the next page's thread has ended without a word")
        return self._answer


def _continue_of(body: bytes) -> str:
    """Where the next page begins, as the head of this one says before its items; empty if it does not."""
    found = _CONTINUE.match(body, 0, _HEAD)
    return found[1].decode() if found else ""


def _too_many(path: str, things: list[Any]) -> CollectionError:
    return CollectionError(
        f"GET {path}: more than {MOST_OBJECTS} objects",
        "name the namespaces that matter in the profile",
        Outcome.TRUNCATED,
        things,
    )


def _cut_short(error: CollectionError, things: list[Any], progress: str) -> CollectionError:
    """The error of a listing that ended in its middle: what was seen of it counts."""
    if error.seen or not things:
        return error
    if error.outcome is Outcome.DENIED:
        reason = f"allowed for {len(things)} objects, then {error.reason}"
    else:
        reason = f"{error.reason}; {progress} read"
    return CollectionError(reason, error.cure, Outcome.TRUNCATED, things)


def connect(look: Look, cluster: Cluster, deadline: Deadline, say: Callable[[str], None]) -> Connection:
    """The cluster's connection, made once a run: an exec plugin may take seconds.

    While it is made, who hangs is that plugin, and not the cluster; ``say`` is told so.
    """
    say(WAY_IN)
    connection = look.shared.get(("cluster", cluster.name), lambda: Connection(cluster), deadline)
    say("")
    return connection


def how(look: Look, cluster: Cluster, path: str, method: str = "GET") -> Callable[[], str]:
    """What a target says of how it was looked at: the server is known only when the way in was found."""

    def asked() -> str:
        connection = look.shared.made(("cluster", cluster.name))
        return connection.how(path, method) if isinstance(connection, Connection) else f"{method} {path}"

    return asked
