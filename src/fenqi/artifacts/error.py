"""What goes wrong with artifacts."""

from fenqi.errors import FenqiError


class ArtifactError(FenqiError):
    """An artifact that cannot be used; the message says which file and what is wrong with it."""
