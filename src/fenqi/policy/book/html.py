"""The book as one HTML file that needs nothing from outside."""

from __future__ import annotations

import html
import re
from pathlib import Path

from fenqi.policy.book.blocks import Block, Book, Grid, Heading, Paragraph
from fenqi.policy.book.flow import flow_svg

_STYLE = Path(__file__).with_name("book.css")
_CODE = re.compile(r"`([^`]*)`")
_LINK = re.compile(r"\[([^\]]+)\]\(#([^)]+)\)")


def html_of(book: Book) -> str:
    """The whole book; styles and drawing are inside."""
    chapters = "\n".join(
        f'<section id="{chapter.anchor}"><h2>{html.escape(chapter.title)}</h2>\n'
        + "\n".join(_block(block) for block in chapter.blocks)
        + "</section>"
        for chapter in book.chapters
    )
    contents = "".join(
        f'<li><a href="#{chapter.anchor}">{html.escape(chapter.title)}</a></li>'
        for chapter in book.chapters
    )
    style = _STYLE.read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(book.title)}</title><style>\n{style}</style></head>\n<body>"
        f"<nav><strong>{html.escape(book.title)}</strong><ol>{contents}</ol></nav>\n<main>"
        f"<h1>{html.escape(book.title)}</h1><p class=subtitle>{_inline(book.subtitle)}</p>\n"
        f"{chapters}\n</main></body></html>\n"
    )


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"<p>{_inline(block.text)}</p>"
    if isinstance(block, Heading):
        return f'<h3 id="{html.escape(block.anchor)}">{_inline(block.text)}</h3>'
    if isinstance(block, Grid):
        return _grid(block)
    return f'<figure class="scroll">{flow_svg(block)}</figure>'


def _grid(grid: Grid) -> str:
    rows = []
    for number, row in enumerate(grid.rows):
        anchor = f' id="{html.escape(grid.anchors[number])}"' if grid.anchors else ""
        cells = "".join(f"<td>{_inline(cell)}</td>" for cell in row)
        rows.append(f"<tr{anchor}>{cells}</tr>")
    header, kind = "", ' class="facts"'
    if any(grid.header):
        kind = ""
        header = "".join(f"<th>{_inline(cell)}</th>" for cell in grid.header)
        header = f"<thead><tr>{header}</tr></thead>"
    return f'<div class="scroll"><table{kind}>{header}<tbody>{"".join(rows)}</tbody></table></div>'


def _inline(text: str) -> str:
    """Code and links; everything else is text."""
    pieces = []
    for number, piece in enumerate(_CODE.split(text)):
        escaped = html.escape(piece)
        if number % 2:
            pieces.append(f"<code>{escaped}</code>")
        else:
            pieces.append(_LINK.sub(r'<a href="#\2">\1</a>', escaped))
    return "".join(pieces)
