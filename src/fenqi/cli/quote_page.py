"""A disclosure as one HTML file that a browser prints on A4: no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template

from fenqi.v1.quote_pb2 import (
    DISCLOSURE_TOPIC_COSTS,
    DISCLOSURE_TOPIC_PLAN,
    DisclosurePage,
    DisclosureRow,
    DisclosureSection,
    DisclosureTopic,
    QuoteResponse,
)

# The first cells of a plan's row are its number and its date; of a cost's, all but the amount are
# text.
_TEXT_COLUMNS = {DISCLOSURE_TOPIC_PLAN: 2, DISCLOSURE_TOPIC_COSTS: 5}


def html_page(page: DisclosurePage, answer: QuoteResponse) -> str:
    """The page as a whole HTML document; every text of it escaped."""
    quote = answer.quote
    template = Template(files("fenqi.cli").joinpath("quote_page.html").read_text("utf-8"))
    release, texts = quote.release, quote.disclosure
    made_by = [
        quote.quote_id,
        f"{release.policy} {release.policy_version} · {release.content_hash[:12]}",
        f"{texts.texts} {texts.texts_version}",
        f"SHA-256 {answer.quote_hash.hex()}",
    ]
    return template.substitute(
        language=escape(page.language),
        title=escape(page.title),
        sections="\n".join(map(_section, page.sections)),
        made_by=" · ".join(escape(part) for part in made_by if part),
    )


def _section(section: DisclosureSection) -> str:
    name = DisclosureTopic.Name(section.topic).removeprefix("DISCLOSURE_TOPIC_").lower()
    parts = [f'<section class="{name}">', f"<h2>{escape(section.title)}</h2>"]
    if section.header:
        parts.append(_table(section))
    elif section.rows:
        parts.append(f"<dl>{''.join(map(_fact, section.rows))}</dl>")
    parts += [f"<p>{escape(text)}</p>" for text in section.paragraphs]
    return "\n".join([*parts, "</section>"])


def _fact(row: DisclosureRow) -> str:
    label, value = row.cells
    return f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>"


def _table(section: DisclosureSection) -> str:
    texts = _TEXT_COLUMNS[section.topic]
    *rows, total = (row.cells for row in section.rows)
    head = _cells(section.header, "th", texts)
    body = "\n".join(f"<tr>{_cells(row, 'td', texts)}</tr>" for row in rows)
    foot = _cells(total, "td", texts)
    return (
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody>\n"
        f"<tfoot><tr>{foot}</tr></tfoot></table>"
    )


def _cells(cells: Sequence[str], tag: str, texts: int) -> str:
    return "".join(
        f"<{tag}>{escape(cell)}</{tag}>"
        if number < texts
        else f'<{tag} class="number">{escape(cell)}</{tag}>'
        for number, cell in enumerate(cells)
    )
