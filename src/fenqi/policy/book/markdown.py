"""The book as Markdown, the flow as a Mermaid diagram."""

from __future__ import annotations

from collections.abc import Iterator

from fenqi.policy.book.blocks import Block, Book, Flow, Grid, Heading, Paragraph


def markdown_of(book: Book) -> str:
    """The whole book."""
    lines = [f"# {book.title}", "", book.subtitle + ".", ""]
    lines += [f"- [{chapter.title}](#{chapter.anchor})" for chapter in book.chapters]
    for chapter in book.chapters:
        lines += ["", f'<a id="{chapter.anchor}"></a>', "", f"## {chapter.title}"]
        for block in chapter.blocks:
            lines.append("")
            lines += _block(block)
    return "\n".join(lines) + "\n"


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield block.text
    elif isinstance(block, Heading):
        yield f'<a id="{block.anchor}"></a>'
        yield ""
        yield f"### {block.text}"
    elif isinstance(block, Grid):
        yield _row(block.header)
        yield "|" + " --- |" * len(block.header)
        for number, row in enumerate(block.rows):
            anchor = block.anchors[number] if block.anchors else ""
            mark = f'<a id="{anchor}"></a>' if anchor else ""
            yield _row([mark + row[0], *row[1:]])
    else:
        yield "```mermaid"
        yield from _flow(block)
        yield "```"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _flow(flow: Flow) -> Iterator[str]:
    yield "flowchart TD"
    yield f'  data["Application<br/>{_safe(flow.data)}"] --> work["{_safe(flow.work)}"]'
    last = "work"
    if flow.hard:
        yield f'  work --> hard{{"Hard rules<br/>{_safe(", ".join(flow.hard))}"}}'
        yield "  hard -- one fires --> decline"
        last = "hard"
    for number, station in enumerate(flow.stations):
        meaning = f"<br/>{_safe(station.meaning)}" if station.meaning else ""
        name = _safe(station.name)
        yield f'  {last} --> s{number}["{name}{meaning}"]'
        parts = [part for part in (station.decided_by, station.cutoffs) if part]
        yield f'  s{number} --> d{number}["{_safe("; ".join(parts))}"]'
        yield f"  d{number} --> rules"
    if not flow.stations:
        yield f"  {last} --> rules"
    rules = ", ".join(f"{count} {then}" for then, count in flow.rules.items())
    yield f'  rules["All rules<br/>{_safe(rules)}"] --> approve & counter["counter offer"] & refer'
    yield "  rules --> decline"


def _safe(text: str) -> str:
    """Text inside a label of Mermaid's."""
    for character, code in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(character, code)
    return " ".join(text.split())
