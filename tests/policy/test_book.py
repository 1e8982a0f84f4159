"""The book of a policy: all is in it, every link leads somewhere, nothing is fetched."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from fenqi.policy.book import Book, book_of, html_of, markdown_of
from fenqi.policy.compiler import compile_document
from fenqi.policy.document import read_document

POLICY = Path(__file__).parents[1] / "data" / "small_loan.yaml"
EMPTY = {"meta", "br", "link", "img"}


@cache
def book() -> Book:
    document = read_document(POLICY)
    return book_of(document, compile_document(document))


class Page(HTMLParser):
    """Collects anchors, links and text, and checks that what is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in EMPTY:
            self.open.append(tag)
        for name, value in attributes:
            if name == "id" and value:
                assert value not in self.anchors, f"two places are called {value}"
                self.anchors.add(value)
            if name in ("href", "src") and value:
                self.links.append(value)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_every_link_leads_to_a_place_in_the_book() -> None:
    page = Page(html_of(book()))
    assert page.open == []
    assert page.links
    for link in page.links:
        assert link.startswith("#") and link[1:] in page.anchors, link
    text = markdown_of(book())
    anchors = set(re.findall(r'<a id="([^"]+)">', text))
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert links and set(links) <= anchors


def test_nothing_is_fetched_from_anywhere() -> None:
    text = html_of(book())
    assert "http" not in text and "<script" not in text and "url(" not in text.replace("url(#", "")


def test_all_that_the_policy_says_is_in_both_forms() -> None:
    policy = read_document(POLICY).policy
    page = " ".join("".join(Page(html_of(book())).text).split())
    plain = markdown_of(book())
    for said in (
        *policy.features,
        *(rule.id for rule in policy.rules),
        *(rule.meaning for rule in policy.rules),
        *(texts.zh for texts in policy.reasons.values()),
        *policy.segments,
        *(test.name for test in policy.tests),
        "application.bureau.inquiries_3m",
        "below 40 (grown up)",
        "approve from a score of 580",
        "only with consent: bureau",
        "amount / 2",
        "proposal",
    ):
        assert said in page, said
        assert said in plain, said


def test_what_looks_like_markup_is_text() -> None:
    text = html_of(book())
    assert "<code>age &lt; 18</code>" in text
    assert "| < 25 | > 100000 | 500000 |" in markdown_of(book())


def test_the_drawing_is_well_formed_and_names_every_station() -> None:
    found = re.search(r"<svg.*?</svg>", html_of(book()), re.DOTALL)
    assert found is not None
    drawing = ElementTree.fromstring(found.group())
    texts = [element.text for element in drawing.iter("text")]
    for name in ("Application", "small", "other", "by card", "Hard rules", "approve", "decline"):
        assert name in texts
    width, height = (float(part) for part in drawing.attrib["viewBox"].split()[2:])
    for box in drawing.iter("rect"):
        x, y, w, h = (float(box.attrib[key]) for key in ("x", "y", "width", "height"))
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height


def test_a_feature_tells_who_reads_it() -> None:
    text = markdown_of(book())
    line = next(line for line in text.splitlines() if '<a id="feature-inquiries">' in line)
    assert "[burden](#feature-burden)" in line and "[SEEKING_CREDIT](#rule-SEEKING_CREDIT)" in line


def test_what_a_policy_lends_is_a_chapter_of_its_own() -> None:
    document = read_document(POLICY.parents[2] / "policies" / "taiwan_offers.yaml")
    lends = book_of(document, compile_document(document))
    (chapter,) = (chapter for chapter in lends.chapters if chapter.anchor == "offers")
    told = markdown_of(lends)
    for text in ("`cash`", "TWD 10,000.00 to 1,000,000.00", "Processing fee", "`annual_rate_cap`"):
        assert text in told
    assert len(chapter.blocks) == 6
    assert "offers" not in {chapter.anchor for chapter in book().chapters}
