"""A little of a DOM, strict: what our part of the page leaves open would swallow pytest-html's."""

from html.parser import HTMLParser

from domino_health.reports import html
from report_samples import a_record

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Element:
    """A little of a DOM: enough to ask what stands where."""

    def __init__(self, tag, attributes=(), parent=None):
        self.tag = tag
        self.attributes = dict(attributes)
        self.parent = parent
        self.children = []

    @property
    def classes(self):
        return (self.attributes.get("class") or "").split()

    @property
    def raw(self):
        return "".join(child if isinstance(child, str) else child.raw for child in self.children)

    @property
    def text(self):
        return " ".join(self.raw.split())

    def all(self, tag="", class_="", **attributes):
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

    def one(self, tag="", class_="", **attributes):
        (found,) = self.all(tag, class_, **attributes)
        return found


class Parser(HTMLParser):
    """Refuses what a browser would have to repair: what our part leaves open swallows pytest-html's."""

    def __init__(self):
        super().__init__()
        self.root = self.now = Element("root")
        self.order = []

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice: {attrs}"
        element = Element(tag, attrs, self.now)
        self.now.children.append(element)
        self.order.append(element)
        if tag not in VOID:
            self.now = element

    def handle_endtag(self, tag):
        assert self.now.tag == tag, f"</{tag}> closes <{self.now.tag}>"
        self.now = self.now.parent

    def handle_data(self, data):
        self.now.children.append(data)


def parse(text):
    parser = Parser()
    parser.feed(text)
    parser.close()
    assert parser.now is parser.root, f"<{parser.now.tag}> is left open"
    return parser


def page_of(*results, **more):
    return parse(html.render(a_record(*results, **more))).root
