"""Check the links of the built site: ``python tests/docs/check_links.py docs/_build/html``.

Each link to a page, a heading, a picture or a file of the site must lead somewhere. Links to other
sites are left out, since they need a network: ``sphinx-build -b linkcheck`` follows those.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LINKS = {"a": "href", "img": "src", "link": "href", "script": "src"}


class _Reader(HTMLParser):
    """The links of a page, and the places in it that a link can name."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.places |= {found[name] for name in ("id", "name") if found.get(name)}
        if (link := found.get(LINKS.get(tag, ""))) is not None:
            self.links.append(link)


@functools.cache
def read(page: Path) -> _Reader:
    reader = _Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    return reader


def broken_links(site: Path) -> Iterator[str]:
    """Yield each link of the site that leads nowhere, with the page that has it."""
    for page in sorted(site.rglob("*.html")):
        for link in dict.fromkeys(read(page).links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not target.exists():
                yield f"{page.relative_to(site)}: {link}: there is no such file"
            elif parts.fragment and unquote(parts.fragment) not in read(target).places:
                yield f"{page.relative_to(site)}: {link}: there is no such place"


def main(site: Path) -> None:
    number = sum(len(read(page).links) for page in site.rglob("*.html"))
    broken = list(broken_links(site))
    print(*broken, f"{number} links, {len(broken)} of them broken", sep="\n")
    if broken or not number:
        sys.exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
