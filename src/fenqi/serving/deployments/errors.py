"""What goes wrong with deployments."""

from __future__ import annotations

from fenqi.errors import FenqiError


class StateError(FenqiError):
    """The state folder cannot be used; the message names the file and says what to do."""


class RefusedError(FenqiError):
    """A change that was not made; what ran before runs on. The message says why."""


class UnknownReleaseError(RefusedError):
    """No release, or more than one, goes by the name that was given."""


class TooLateError(FenqiError):
    """The caller does not wait any longer; the message says whether the change goes on."""
