"""`fenqi policy docs`: a policy as a book."""

from __future__ import annotations

import sys
from pathlib import Path

from fenqi.cli.policy.subject import read_subject
from fenqi.policy.book import book_of, html_of, markdown_of


def run(path: Path, models: Path | None, as_html: bool, output: Path | None) -> None:
    """Writes the book to `output`, or prints it."""
    subject = read_subject(path, models)
    book = book_of(subject.document, subject.compiled)
    text = html_of(book) if as_html else markdown_of(book)
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")
        print(f"{output}: {len(book.chapters)} chapters")
