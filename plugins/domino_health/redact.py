"""Takes secrets out of whatever is shown."""

import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

MASK = "***"


class Redactor:
    """Replaces known secret values, wherever they turn up: in an error message, a traceback, a URL."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # Longest first, so that a secret which contains another one is taken out whole.
        values = {form for secret in secrets for form in _forms(secret) if form.strip()}
        ordered = sorted(values, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __repr__(self) -> str:
        return "Redactor()"

    def scrub(self, text: str) -> str:
        """``text`` with every secret replaced by ``***``."""
        return self._pattern.sub(MASK, text) if self._pattern else text


def _forms(secret: str) -> Iterator[str]:
    """A secret as messages may quote it: whole, line by line (a key), escaped in JSON or in a URL."""
    yield from (secret, *secret.splitlines())
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    yield quote(secret, safe="")
