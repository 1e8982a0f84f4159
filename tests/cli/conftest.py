"""A place for servers."""

from tests.serving.conftest import site

__all__ = ["site"]
