"""A policy as a book for people who do not read YAML: what it asks, in which order, and why.

`content` says what is in it, `flow` draws the way to a decision, `html` and `markdown` write it.
"""

from fenqi.policy.book.blocks import Book
from fenqi.policy.book.content import book_of
from fenqi.policy.book.html import html_of
from fenqi.policy.book.markdown import markdown_of

__all__ = ["Book", "book_of", "html_of", "markdown_of"]
