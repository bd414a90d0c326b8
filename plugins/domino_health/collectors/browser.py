"""As much of a browser as a login needs: cookies, redirects and forms. It runs no script, loads no picture.

TLS is verified as everywhere (``web``). Whether something may be typed into a form is for the caller to say.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from domino_health.collectors.cluster_words import root_cause, tls_cure, words_of
from domino_health.collectors.looking import CollectionError, Deadline
from domino_health.collectors.proxies import proxy_for
from domino_health.facts.observed import Outcome

if TYPE_CHECKING:
    import requests

NEEDS = ("requests", "lxml.html", "certifi")
LARGEST = 2 << 20
"""Bytes of a page. Sign-in pages have some 100 kB."""
MOST_STEPS = 20
"""Pages and redirects of one login. A real one has half a dozen."""
LONGEST = 200
"""Characters of a page's words, to recognise it."""
CONNECT = 5.0
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Form:
    """A form of a page: where it goes, and what is in it."""

    action: str
    method: str
    fields: dict[str, str]
    """Hidden and prefilled ones, by name."""
    text: str = ""
    """The name of its first field that one types text into."""
    password: str = ""
    """The name of its field for a password."""


@dataclass(frozen=True)
class Page:
    """What came last: no redirect."""

    url: str
    status: int
    title: str
    forms: tuple[Form, ...]
    alert: str = ""
    """What it says went wrong, where it marks that as such (an element of a class or id "error", "alert")."""

    @property
    def host(self) -> str:
        """Who showed it: ``host:port``."""
        return place_of(self.url)

    def form(self, *, having: str = "") -> Form | None:
        """The first form with a hidden field of that name; without one, that which asks for a password."""
        for form in self.forms:
            if having and having in form.fields:
                return form
            if not having and form.password:
                return form
        return None


def place_of(url: str) -> str:
    """``host:port`` of an address; empty for what is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        return ""
    return f"{(parts.hostname or '').lower()}:{port}"


@dataclass
class Browser:
    """One session. Use it in a ``with``: it keeps connections."""

    ca_file: Path | None
    deadline: Deadline
    cure: str
    """What helps where somebody does not answer."""
    steps: int = 0
    _session: "requests.Session" = field(init=False, repr=False)

    def __post_init__(self) -> None:
        import requests
        from requests.adapters import HTTPAdapter

        context = self._context()

        class Adapter(HTTPAdapter):
            def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
                super().init_poolmanager(*args, **kwargs, ssl_context=context)

            def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
                return super().proxy_manager_for(*args, **kwargs, ssl_context=context)

        self._session = requests.Session()
        self._session.trust_env = False  # neither REQUESTS_CA_BUNDLE nor .netrc; the proxy is named below
        self._session.mount("https://", Adapter())
        self._session.headers.update({"User-Agent": "domino-health", "Accept": "text/html"})

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def get(self, url: str, stop_at: str = "") -> Page:
        """A page, behind all redirects.

        Args:
            url: of the page.
            stop_at: a query's field; a redirect to an address that has it is not followed, and is the page.

        Raises:
            CollectionError: somebody on the way does not answer, or leads in circles or out of TLS.
        """
        return self._follow("GET", url, None, stop_at)

    def submit(self, form: Form, **typed: str) -> Page:
        """What comes when a form is sent with what is typed into it.

        Raises:
            CollectionError: as ``get``.
        """
        fields = {**form.fields, **typed}
        if form.method == "get":
            from urllib.parse import urlencode

            return self._follow("GET", f"{form.action.partition('?')[0]}?{urlencode(fields)}", None, "")
        return self._follow("POST", form.action, fields, "")

    def _follow(self, method: str, url: str, fields: dict[str, str] | None, stop_at: str) -> Page:
        while True:
            self.steps += 1
            where = url.partition("?")[0]
            if self.steps > MOST_STEPS:
                raise CollectionError(f"{where}: more than {MOST_STEPS} steps, in circles", self.cure)
            if not url.startswith("https://"):
                raise CollectionError(f"{where or 'an empty address'}: a login leads out of TLS", self.cure)
            answer, body = self._send(method, url, fields)
            location = answer.headers.get("Location", "")
            if answer.status_code not in _REDIRECTS or not location:
                return _page(answer.url, answer.status_code, body)
            url = urljoin(answer.url, location)
            if answer.status_code not in (307, 308):
                method, fields = "GET", None
            if stop_at and f"{stop_at}=" in urlsplit(url).query:
                return Page(url, answer.status_code, "", ())

    def _send(
        self, method: str, url: str, fields: dict[str, str] | None
    ) -> "tuple[requests.Response, bytes]":
        import requests

        where = url.partition("?")[0]
        proxy = proxy_for(url)
        try:
            answer = self._session.request(
                method,
                url,
                data=fields,
                allow_redirects=False,
                stream=True,
                timeout=(self.deadline.remaining(CONNECT), self.deadline.remaining()),
                proxies={"https": proxy} if proxy else {},
            )
            chunks, size = [], 0
            for chunk in answer.iter_content(1 << 14):
                chunks.append(chunk)
                size += len(chunk)
                if size > LARGEST:
                    raise CollectionError(f"{where}: more than {LARGEST >> 20} MiB", self.cure)
                self.deadline.remaining()
            return answer, b"".join(chunks)
        except requests.Timeout:
            raise CollectionError(f"{where}: no answer in time", self.cure, Outcome.TIMED_OUT) from None
        except (requests.RequestException, OSError) as error:
            cause = root_cause(error)
            cure = tls_cure(cause, "the server", "ca_file") or self.cure
            raise CollectionError(f"{where}: {words_of(cause)}", cure) from None

    def _context(self) -> ssl.SSLContext:
        import certifi

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(certifi.where())
        if self.ca_file is not None:
            context.load_verify_locations(self.ca_file)
        return context


def _page(url: str, status: int, body: bytes) -> Page:
    from lxml import etree, html

    try:
        root = html.document_fromstring(body, parser=html.HTMLParser(no_network=True, huge_tree=False))
    except (etree.LxmlError, ValueError):  # empty, or no text of any kind
        return Page(url, status, "", ())
    title = root.findtext(".//title") or ""
    forms = tuple(_form(url, each) for each in root.iter("form"))
    return Page(url, status, _words(title), forms, _alert(root))


def _alert(root: Any) -> str:
    for element in root.iter("div", "p", "span"):
        marks = f"{element.get('id') or ''} {element.get('class') or ''}".lower()
        words = _words(element.text_content()) if "error" in marks or "alert" in marks else ""
        if words:
            return words
    return ""


def _words(text: str) -> str:
    return " ".join(text.split())[:LONGEST]


def _form(url: str, element: Any) -> Form:
    fields, text, password = {}, "", ""
    for each in element.iter("input"):
        name, kind = each.get("name", ""), each.get("type", "text").lower()
        if not name:
            continue
        if kind == "password":
            password = password or name
        elif kind in ("text", "email", "tel"):
            text = text or name
            fields[name] = each.get("value", "")
        elif kind == "hidden" or (kind in ("checkbox", "radio") and each.get("checked") is not None):
            fields[name] = each.get("value", "")
    method = (element.get("method") or "get").lower()
    return Form(urljoin(url, element.get("action") or url), method, fields, text, password)
