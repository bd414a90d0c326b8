"""What PyYAML says of the commonest mistakes, in plain words and with the cure."""

import re

import yaml

_CANNOT_START = re.compile(r"found character '(.+)' that cannot start any token")


def plain_words(error: yaml.MarkedYAMLError, text: str) -> str:
    """What is wrong with ``text``. PyYAML's own words stay where there are no better ones."""
    problem, mark = error.problem or "", error.problem_mark
    before = text[mark.index - mark.column : mark.index] if mark else ""
    if refused := _CANNOT_START.match(problem):
        if refused[1] == r"\t":
            return "a tab; indent with spaces, not tabs"
        return f"quote a text that begins with {refused[1]}"
    if problem == "mapping values are not allowed here":
        return _second_key(before)
    if problem.startswith("expected <block end>, but found"):
        if before.strip():
            return "more text behind the end of a value; quote all of it"
        return "wrong indentation; line up the keys of one section, and the dashes of one list"
    return " ".join(part for part in (error.context, error.problem) if part)


def _second_key(before: str) -> str:
    """A key inside of a text: the line's second one, or the first of a line that continues a text."""
    if re.search(r":\s", before):
        return "two keys on one line; quote a text that holds ': '"
    return (
        "a key inside of a text; line it up with the other keys, put a space behind each colon, "
        "and quote a text that holds ': '"
    )
