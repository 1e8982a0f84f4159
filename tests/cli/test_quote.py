"""`fenqi quote`, run as a person would."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.cli.test_cli import run
from tests.serving.process import POLICY

POLICIES = Path(__file__).parents[2] / "policies"
TERMS = ("--amount", "10,000", "--rate", "18%", "--periods", "12", "--disbursed", "2026-01-31")
REQUEST = """\
customer_key: c
lender: A & B <Finance>
loan:
  principal_fen: 1000000
  annual_rate: 0.12
  periods: 12
  disbursed_date_days: 20484
  charges:
    - {name_zh: 担保费, name_en: Guarantee fee, timing: CHARGE_TIMING_EACH_INSTALMENT,
       base: CHARGE_BASE_PRINCIPAL, payee: PAYEE_GUARANTOR, rate: 0.005}
"""


def quote(*arguments: str, stdin: str = "") -> str:
    done = run("quote", *arguments, "--policy", str(POLICY), stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_terms_on_the_command_line_give_plan_costs_and_rates() -> None:
    shown = quote(*TERMS, "--language", "en")
    # 18 %, 12 equal instalments: 916.80, total interest 1,001.61 (domain research, section 4).
    for words in ("916.80", "1,001.61", "18.00%", "19.56%", "28 February 2026", "Your plan"):
        assert words in shown
    assert "综合融资成本明示表" in quote(*TERMS)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_of_the_page_is_cut_in_a_narrow_terminal(language: str) -> None:
    terms = ("--amount", "90071992547409", "--rate", "18%", "--periods", "3", "--disbursed",
             "2026-01-31")  # fmt: skip
    arguments = ("quote", *terms, "--language", language, "--policy", str(POLICY))
    shown = run(*arguments, columns=60).stdout
    answer = json.loads(run(*arguments, "--json").stdout)
    # Whatever stands in a cell is there to its last character, if on several lines.
    letters = Counter(re.sub(r"[\s│╭╮╰╯─•]", "", shown))
    (page,) = (one for one in answer["quote"]["disclosure"]["pages"] if one["language"] == language)
    for section in page["sections"]:
        texts = [cell for row in section.get("rows", []) for cell in row["cells"]]
        paragraphs = section.get("paragraphs", [])
        letters.subtract(re.sub(r"\s", "", "".join([*texts, *paragraphs])))
    assert "…" not in shown
    assert min(letters.values()) >= 0


def test_a_file_may_name_charges_of_third_parties() -> None:
    shown = quote("-", "--language", "en", stdin=REQUEST)
    for words in ("Guarantee fee", "Guarantor", "600.00", "22.53%", "25.01%", "A & B <Finance>"):
        assert words in shown


def test_options_win_over_the_file() -> None:
    answer = json.loads(quote("-", "--periods", "6", "--json", stdin=REQUEST))
    assert len(answer["quote"]["schedule"]["instalments"]) == 6


def test_a_product_of_the_policy_has_the_price_of_its_risk(tmp_path: Path) -> None:
    lending = str(POLICIES / "taiwan_offers.yaml")
    request = """\
customer_key: c
product: cash
amount_fen: 5000000
term_months: 12
probability_of_default: 0.03
"""
    done = run("quote", "-", "--json", "--periods", "24", "--policy", lending, stdin=request)
    assert done.returncode == 0, done.stderr
    quoted = json.loads(done.stdout)["quote"]
    assert (quoted["currency"], quoted["principal_fen"], quoted["periods"]) == (
        "TWD", "5000000", 24,
    )  # fmt: skip
    assert 0.05 < quoted["schedule"]["nominal_annual_rate"] <= 0.2
    priced = run("quote", "-", "--rate", "5%", "--policy", lending, stdin=request)
    assert priced.returncode == 1
    assert "--rate: cash has the price of its risk" in priced.stderr


class Texts(HTMLParser):
    """The texts of a document, and whatever it would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.foreign: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        names = {name for name, _ in attrs}
        if tag in {"script", "link", "img", "iframe"} or names & {"src", "href"}:
            self.foreign.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in {"td", "th", "dd", "dt", "h1", "h2", "p"}:
            self.cells.append(data)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_holds_the_whole_disclosure_and_nothing_from_elsewhere(
    tmp_path: Path, language: str
) -> None:
    file = tmp_path / "quote.html"
    answer = json.loads(
        quote("-", "--html", str(file), "--json", "--language", language, stdin=REQUEST)
    )
    text = file.read_text(encoding="utf-8")
    page = Texts()
    page.feed(text)
    assert page.foreign == []
    assert "url(" not in text and "@import" not in text
    (disclosed,) = (
        one for one in answer["quote"]["disclosure"]["pages"] if one["language"] == language
    )
    expected = [disclosed["title"]]
    for section in disclosed["sections"]:
        expected += [section["title"], *section.get("header", []), *section.get("paragraphs", [])]
        expected += (
            [cell for row in section["rows"] for cell in row["cells"] if cell]
            if ("rows" in section)
            else []
        )
    assert sorted(page.cells) == sorted(expected)
    assert re.search(r"SHA-256 [0-9a-f]{64}", text)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--amount", "0.001", *TERMS[2:]), "part of a fen"),
        (("--amount", "much", *TERMS[2:]), "--amount: much is no number"),
        (("--amount", "0", *TERMS[2:]), "loan.principal_fen"),
        (("--amount", "1e30", *TERMS[2:]), "loan.principal_fen"),
        ((*TERMS, "--rate", "nan"), "--rate: nan is no number"),
        ((*TERMS, "--rate", "-1"), "loan.annual_rate"),
        ((*TERMS, "--periods", "0"), "loan.periods"),
        ((*TERMS, "--method", "balloon"), "--method: balloon is none of"),
        ((*TERMS, "--disbursed", "31.1.2026"), "--disbursed: 31.1.2026 is no date"),
        ((*TERMS, "--language", "fr"), "--language: fr is none of zh, en"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(arguments: tuple[str, ...], words: str) -> None:
    done = run("quote", *arguments, "--policy", str(POLICY))
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
