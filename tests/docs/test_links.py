"""Every link of the documents leads somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def tokens(path: Path) -> Iterator[Token]:
    """Give the tokens of a document, those inside paragraphs too."""
    for token in MarkdownIt("commonmark").enable("table").parse(path.read_text()):
        yield token
        yield from token.children or ()


def links(path: Path) -> list[str]:
    """Give the targets of links and pictures that lie in this repository."""
    found = [str(token.attrs.get("href") or token.attrs.get("src") or "") for token in tokens(path)]
    return [link for link in found if link and not re.match(r"[a-z]+:", link)]


def anchors(path: Path) -> set[str]:
    """Give the anchors of a document's headings, as GitHub and GitLab name them."""
    found = list(tokens(path))
    titles = [found[i + 1].content for i, token in enumerate(found) if token.type == "heading_open"]
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_its_links_lead_somewhere(path: Path) -> None:
    broken = []
    for link in links(path):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_document_is_reached_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        seen.add(path)
        targets = [(path.parent / link.partition("#")[0]).resolve() for link in links(path)]
        folders = [inner for target in targets if target.is_dir() for inner in target.glob("*.md")]
        waiting += [t for t in [*targets, *folders] if t.suffix == ".md" and t.exists() and t not in seen]
    assert [str(path.relative_to(ROOT)) for path in DOCUMENTS if path not in seen] == []
