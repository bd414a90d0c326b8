"""A little of a DOM, strict: what our part of the page leaves open would swallow pytest-html's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Any

from domino_health.reports import html
from domino_health.results import Result
from report_samples import a_record

Attributes = Iterable[tuple[str, str | None]]

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Element:
    """A little of a DOM: enough to ask what stands where."""

    def __init__(self, tag: str, attributes: Attributes = (), parent: Element | None = None) -> None:
        self.tag = tag
        self.attributes = {name: value or "" for name, value in attributes}
        self.parent = parent
        self.children: list[Element | str] = []

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    @property
    def raw(self) -> str:
        return "".join(child if isinstance(child, str) else child.raw for child in self.children)

    @property
    def text(self) -> str:
        return " ".join(self.raw.split())

    @property
    def verbatim(self) -> str:
        """Its text as it is, with no element in it."""
        texts = [child for child in self.children if isinstance(child, str)]
        assert len(texts) == len(self.children), f"an element in <{self.tag}>"
        return "".join(texts)

    def all(self, tag: str = "", class_: str = "", **attributes: str) -> Iterator[Element]:
        for child in self.children:
            if isinstance(child, str):
                continue
            if (
                (not tag or child.tag == tag)
                and (not class_ or class_ in child.classes)
                and attributes.items() <= child.attributes.items()
            ):
                yield child
            yield from child.all(tag, class_, **attributes)

    def one(self, tag: str = "", class_: str = "", **attributes: str) -> Element:
        (found,) = self.all(tag, class_, **attributes)
        return found


class Parser(HTMLParser):
    """Refuses what a browser would have to repair: what our part leaves open swallows pytest-html's."""

    def __init__(self) -> None:
        super().__init__()
        self.root = self.now = Element("root")
        self.order: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice: {attrs}"
        element = Element(tag, attrs, self.now)
        self.now.children.append(element)
        self.order.append(element)
        if tag not in VOID:
            self.now = element

    def handle_endtag(self, tag: str) -> None:
        assert self.now.tag == tag, f"</{tag}> closes <{self.now.tag}>"
        assert self.now.parent is not None
        self.now = self.now.parent

    def handle_data(self, data: str) -> None:
        self.now.children.append(data)


def parse(text: str) -> Parser:
    parser = Parser()
    parser.feed(text)
    parser.close()
    assert parser.now is parser.root, f"<{parser.now.tag}> is left open"
    return parser


def page_of(*results: Result, **more: Any) -> Element:
    return parse(html.render(a_record(*results, **more))).root
