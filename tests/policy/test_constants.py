"""What the core says about constant patterns and time zones."""

from __future__ import annotations

import pytest

from fenqi import _native


@pytest.mark.parametrize("pattern", ["", "a+", "^\\d{4}-\\d{2}$", "分期|[^é]", "\\p{Han}"])
def test_a_pattern_that_compiles_has_no_fault(pattern: str) -> None:
    assert _native.pattern_error(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [("a(b", "missing )"), ("(?=a)", "invalid perl operator"), ("a{2000}", "invalid repetition")],
)
def test_a_malformed_pattern_has_a_fault_that_says_what_is_wrong(pattern: str, fault: str) -> None:
    assert fault in _native.pattern_error(pattern)


def test_time_zones_are_iana_names_and_fixed_offsets() -> None:
    for name in ("Asia/Shanghai", "America/New_York", "UTC", "", "+05:30", "-08:00", "5:30"):
        assert _native.is_time_zone(name), name
    for name in ("Asia/Nowhere", "localtime", "/etc/localtime", "asia/shanghai", "+0530", "+25:00"):
        assert not _native.is_time_zone(name), name
