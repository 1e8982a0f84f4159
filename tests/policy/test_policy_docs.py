"""The documentation of policies stays true: it is executed, or made from the source."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "policies"


def test_the_reference_is_what_the_schema_says() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "policy_reference.py"))
    written = (DOCS / "reference.md").read_text(encoding="utf-8")
    assert written == made["reference"](), "run python scripts/policy_reference.py"


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+\.\w+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_guides_commands_print_what_it_shows() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "policy_guide.py"))
    written = (DOCS / "guide.md").read_text(encoding="utf-8")
    assert made["executed"](written) == written, "run python scripts/policy_guide.py"
