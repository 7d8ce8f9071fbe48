"""A page as a reader's browser takes it apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "img", "br", "link", "input"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parent: Element | None
    children: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Of the element and all in it."""
        inner = (child.text for child in self.children)
        return " ".join(" ".join([*self.pieces, *inner]).split())

    def above(self, tag: str) -> bool:
        """Whether it stands in such an element."""
        return self.parent is not None and (self.parent.tag == tag or self.parent.above(tag))


class Document(HTMLParser):
    """Every element; refuses tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = Element("", {}, None)
        self.place = self.root
        self.elements: list[Element] = []
        self.feed(text)
        self.close()
        assert self.place is self.root, f"<{self.place.tag}> is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute of <{tag}> is given twice"
        element = Element(tag, {name: value or "" for name, value in attrs}, self.place)
        self.place.children.append(element)
        self.elements.append(element)
        if tag not in _VOID:
            self.place = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.place.tag == tag, f"</{tag}> in <{self.place.tag}>"
        assert self.place.parent is not None
        self.place = self.place.parent

    def handle_data(self, data: str) -> None:
        self.place.pieces.append(data)

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]
