"""Takes secrets out of whatever is shown."""

import base64
import html
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 4
"""Characters. What is shorter is no secret, and to mask it would make holes in every report."""
_SHORTEST_FRAGMENT = 8
"""Characters of base64: less would be found by chance in fingerprints and tokens of others."""


class Redactor:
    """Replaces known secret values, wherever they turn up: in an error message, a traceback, a URL."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # Longest first, so that a secret which contains another one is taken out whole.
        self._forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)

    def __repr__(self) -> str:
        return "Redactor()"

    def scrub(self, text: str) -> str:
        """``text`` with every secret replaced by ``***``."""
        for form in self._forms:  # one by one: faster on large texts than one pattern of all
            text = text.replace(form, MASK)
        return text


def _forms(secret: str) -> Iterator[str]:
    """A secret as messages may quote it."""
    if len(secret.strip()) < SHORTEST:
        return
    for part in (secret, secret.strip(), *_lines(secret)):
        content = _bytes(part)
        quoted = {
            part,
            repr(part)[1:-1],
            repr(content)[2:-1],
            quote(content, safe=""),
            quote(content),
            quote_plus(content),
            html.escape(part),
            html.escape(part, quote=False),
        }
        for form in quoted:
            yield form
            yield json.dumps(form)[1:-1]
            yield json.dumps(form, ensure_ascii=False)[1:-1]
    yield from _base64(_bytes(secret))


def _lines(secret: str) -> Iterator[str]:
    """The lines of a key or a key file, but for those that are not its own: ``}``."""
    for line in map(str.strip, secret.splitlines()):
        if sum(map(str.isalnum, line)) >= SHORTEST:
            yield line


def _base64(content: bytes) -> Iterator[str]:
    """Alone, and inside of something longer: ``Basic`` is the base64 of ``user:password``."""
    encoded = [base64.b64encode(content).decode()]
    for before in range(3):
        whole = base64.b64encode(bytes(before) + content).decode()
        # Only the letters that all their bits have from the secret.
        fragment = whole[(before * 8 + 5) // 6 : (before + len(content)) * 8 // 6]
        if len(fragment) >= _SHORTEST_FRAGMENT:
            encoded.append(fragment)
    for form in encoded:
        yield form
        yield form.translate(str.maketrans("+/", "-_"))


def _bytes(text: str) -> bytes:
    """As they were: the environment may hold bytes that are no text, which Python gives as surrogates."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")
