"""A policy is composed of files and a pack, and a mistake is shown in the file where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from fenqi.policy import compile_policy
from fenqi.policy.document import Document, read_document, read_pack, with_tests_beside
from fenqi.policy.errors import PolicyError, did_you_mean

HEAD = 'policy: t\nversion: "1"\n'
RULE = "  - {{id: {}, when: 'true', then: flag, meaning: test}}\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / "policies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "policies" / "p.yaml"


def read(folder: Path, **files: str) -> Document:
    return read_document(
        write(folder, {name.replace("_", "/"): text for name, text in files.items()})
    )


def refusal(path: Path) -> str:
    with pytest.raises(PolicyError) as caught:
        compile_policy(path)
    return str(caught.value)


# --- composition ---


def test_rules_come_from_the_pack_then_from_includes_depth_first_then_from_the_file(
    tmp_path: Path,
) -> None:
    path = write(
        tmp_path,
        {
            "p.yaml": f"{HEAD}jurisdiction: CN\ninclude: [parts/a.yaml, b.yaml]\nrules:\n"
            + RULE.format("OWN"),
            "parts/a.yaml": "include: [deep.yaml]\nrules:\n" + RULE.format("A"),
            "parts/deep.yaml": "rules:\n" + RULE.format("DEEP"),
            "b.yaml": "rules:\n" + RULE.format("B"),
        },
    )
    document = read_document(path)
    pack = [rule.id for rule in read_pack("CN").rules]
    assert [rule.id for rule in document.policy.rules] == [*pack, "DEEP", "A", "B", "OWN"]
    assert document.origins == ["pack"] * len(pack) + ["include"] * 3 + ["own"]
    names = [document.position(("rules", len(pack) + n)).file for n in range(4)]
    assert names == [
        "policies/parts/deep.yaml",
        "policies/parts/a.yaml",
        "policies/b.yaml",
        "policies/p.yaml",
    ]
    assert document.position(("rules", 0)).file == "packs/cn.yaml"
    assert document.beside(("rules", len(pack)), "x.csv") == path.parent / "parts" / "x.csv"


def test_names_of_files_do_not_depend_on_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, {"p.yaml": HEAD + "rules:\n" + RULE.format("A")})
    monkeypatch.chdir(path.parent)
    assert compile_policy("p.yaml").image == compile_policy(path).image


@pytest.mark.parametrize("jurisdiction", ["CN", "US", "EU"])
def test_every_pack_reads_and_gives_each_rule_a_text(jurisdiction: str) -> None:
    pack = read_pack(jurisdiction)
    assert pack.jurisdiction == jurisdiction
    for rule in pack.rules:
        assert rule.reason is None or rule.reason in pack.reasons
        assert rule.basis


def test_a_policy_cannot_override_what_the_pack_says(tmp_path: Path) -> None:
    code = next(iter(read_pack("CN").reasons))
    text = f"{HEAD}jurisdiction: CN\nreasons:\n  {code}: {{en: x, zh: x}}\n"
    said = refusal(write(tmp_path, {"p.yaml": text}))
    assert (
        f"policies/p.yaml:5:3: reasons.{code}: the jurisdiction's pack defines it at packs/" in said
    )
    assert "a policy cannot override that" in said


def test_a_name_in_two_files_is_shown_with_both_places(tmp_path: Path) -> None:
    feature = "features:\n  f: {expr: '1', meaning: test}\n"
    path = write(tmp_path, {"p.yaml": HEAD + "include: [a.yaml]\n" + feature, "a.yaml": feature})
    assert (
        "policies/p.yaml:5:3: features.f: it stands at policies/a.yaml:2:3 already; "
        "give it another name" in refusal(path)
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"p.yaml": HEAD + "include: [a.yaml]\n", "a.yaml": "include: [p.yaml]\n"},
            "policies/a.yaml:1:11: p.yaml includes this file: a circle",
        ),
        (
            {"p.yaml": HEAD + "include: [a.yaml, a.yaml]\n", "a.yaml": "rules: []\n"},
            "policies/p.yaml:3:19: a.yaml is included already; once is enough",
        ),
        (
            {"p.yaml": HEAD + "include: [nowhere.yaml]\n"},
            "policies/p.yaml:3:11: nowhere.yaml cannot be read: No such file or directory",
        ),
        (
            {"p.yaml": HEAD + "include: [a.yaml]\n", "a.yaml": "policy: x\n"},
            "policies/a.yaml:1:1: `policy` is no key of an included file",
        ),
        (
            {"p.yaml": HEAD + "include: [a.yaml]\n", "a.yaml": "rules: [\n"},
            "policies/a.yaml:2:1: not YAML",
        ),
        (
            {"p.yaml": HEAD + "include: [a.yaml]\n", "a.yaml": ""},
            "policies/a.yaml:1:1: the file is empty; an included file is a mapping of keys",
        ),
    ],
    ids=["circle", "twice", "not there", "not a fragment", "not YAML", "empty"],
)
def test_what_cannot_be_included_is_said_where_it_is_asked_for(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    assert message in refusal(write(tmp_path, files))


def test_mistakes_in_several_files_are_all_reported(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "p.yaml": HEAD + "include: [a.yaml, b.yaml]\ntitel: x\n",
            "a.yaml": "rule: []\n",
            "b.yaml": "rules: {}\n",
        },
    )
    said = refusal(path)
    assert "policies/p.yaml:4:1: `titel` is no key of a policy; did you mean `title`?" in said
    assert (
        "policies/a.yaml:1:1: `rule` is no key of an included file; did you mean `rules`?" in said
    )
    assert "policies/b.yaml:1:1: rules: it must be a list, not a mapping" in said


def test_the_caret_of_an_included_expression_is_in_its_own_file(tmp_path: Path) -> None:
    rule = (
        "# Amounts.\nrules:\n  - id: A\n    when: >-\n      application.loan.amount_fen > 5\n"
        "      && application.loan.amount < 7\n    then: flag\n    meaning: test\n"
    )
    path = write(tmp_path, {"p.yaml": HEAD + "include: [a.yaml]\n", "a.yaml": rule})
    lines = refusal(path).splitlines()
    assert lines[0].startswith("policies/a.yaml:6:26: undefined field 'amount'")
    assert lines[1].strip() == "&& application.loan.amount < 7"
    assert lines[1][lines[2].index("^") :].startswith(".amount < 7")


def test_the_tests_beside_a_policy_are_read_with_their_places(tmp_path: Path) -> None:
    test = "  - {name: nothing is known, expect: {decision: refer}}\n"
    path = write(
        tmp_path, {"p.yaml": HEAD + "tests:\n" + test, "p.tests.yaml": "tests:\n" + test + test}
    )
    document = with_tests_beside(read_document(path))
    assert len(document.policy.tests) == 3
    assert str(document.position(("tests", 0))) == "policies/p.yaml:4:5"
    assert str(document.position(("tests", 2))) == "policies/p.tests.yaml:3:5"


# --- sentences ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "rules: [{id: A, when: x, them: flag}]",
            "`them` is no key of a rule; did you mean `then`?",
        ),
        (
            "rules: [{id: A, when: x, then: flag}]",
            "p.yaml:3:9: rules.A: `meaning` is missing: What",
        ),
        (
            "rules: [{id: A, when: x, then: declined, meaning: m}]",
            "rules.A.then: it must be `decline`, `refer`, `flag` or `cap`; did you mean `decline`?",
        ),
        ("rules: [{id: age, when: x, then: flag, meaning: m}]", "`age` is not an id: capital"),
        ("features: {Big: {expr: x, meaning: m}}", "`Big` is not a name: small letters"),
        ("features: {f: {expr: 1, meaning: m}}", "features.f.expr: it must be a text, not `1`"),
        ("features: {f: {expr: x, meaning: ''}}", "features.f.meaning: it is empty"),
        ("features: x", "p.yaml:3:11: features: it must be a mapping, not `x`"),
        (
            "features: {f: {expr: x, meaning: m, default: [1]}}",
            "features.f.default: it must be true or false, a whole number, a number or a text, "
            "not a list",
        ),
        (
            "features: {f: {expr: x, meaning: m, source: {a: 1}}}",
            "features.f.source: it must be a text or a list, not a mapping",
        ),
        (
            "tables: {t: {meaning: m, inputs: {a: 3}, outputs: {o: {}}, rows: []}}",
            "tables.t.inputs.a: it must be a mapping or a text, not `3`",
        ),
        (
            "tables: {t: {meaning: m, inputs: {a: {exp: x}}, outputs: {o: {}}, rows: []}}",
            "`exp` is no key of a table input; did you mean `expr`?",
        ),
        (
            "tables: {t: {meaning: m, inputs: {a: x}, outputs: {o: {}}}}",
            "tables.t: give either `rows` or `csv`",
        ),
        (
            "rules: [{id: A, when: x, then: flag, meaning: m, valid_from: soon}]",
            "rules.A.valid_from: it must be a date (2026-01-31), not `soon`",
        ),
        (
            "cutoffs: {approve_at_most: 2, refer_at_most: 1}",
            "cutoffs.approve_at_most: it must be less than or equal to 1",
        ),
        ("jurisdiction: UK", "jurisdiction: it must be `CN`, `US` or `EU`"),
        (
            "tests: [{name: n, expect: {score: high}}]",
            "tests.0.expect.score: it must be a number or a list, not `high`",
        ),
        (
            "models: {m: {artifact: taiwan_gbm}}",
            "models.m.artifact: `taiwan_gbm` is not an artifact: `name/version`",
        ),
        (
            "rules: [{id: A, when: 'true', then: refer, meaning: m, reason: R_AGGE}]\n"
            "reasons: {R_AGE: {en: x, zh: x}}",
            "the reason R_AGGE has no text in `reasons`; did you mean `R_AGE`?",
        ),
        (
            "segments: {all: {otherwise: true, meaning: m, decided_by: thin}}\n"
            "models: {thin_file: {artifact: a/1}}",
            "no model or scorecard is called thin; did you mean `thin_file`?",
        ),
        (
            "features: {f: {expr: application.loan.amount, meaning: m}}",
            "undefined field 'amount' not found in LoanRequest; did you mean `amount_fen`?",
        ),
        (
            "features: {f: {expr: '1', meaning: m}, g: {expr: ff + 1, meaning: m}}",
            "undeclared reference to 'ff'; did you mean `f`?",
        ),
        (
            "features: {f: {expr: aplication.loan.amount_fen, meaning: m}}",
            "undeclared reference to 'aplication.loan.amount_fen'; did you mean `application`?",
        ),
        (
            "tables: {limit: {meaning: m, inputs: {a: '1'}, outputs: {most: {}}, "
            "rows: [['-', x]]}}\n"
            "features: {f: {expr: tables.limit.least, meaning: m}}",
            "undeclared reference to 'tables.limit.least'; did you mean `tables.limit.most`?",
        ),
        (
            "features: {f: {expr: '1', meaning: m, source: burea}}\n"
            "sources: {bureau: {consent: required}}",
            "the source burea is not declared in `sources`; did you mean `bureau`?",
        ),
    ],
)
def test_a_mistake_reads_as_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    said = refusal(write(tmp_path, {"p.yaml": HEAD + text + "\n"}))
    assert message in said
    assert "Input should" not in said and "pydantic" not in said and "str_type" not in said


def test_what_follows_from_a_mistake_is_not_reported_besides(tmp_path: Path) -> None:
    text = (
        "features:\n  f: {expr: nope, meaning: m}\n  g: {expr: f + 1, meaning: m}\n"
        "rules: [{id: A, when: g > 3, then: flag, meaning: m}]\n"
    )
    said = refusal(write(tmp_path, {"p.yaml": HEAD + text}))
    assert "undeclared reference to 'nope'" in said
    assert said.count("undeclared") == 1


def test_a_caret_stands_under_what_follows_chinese(tmp_path: Path) -> None:
    text = "features: {f: {meaning: 收入, expr: nope}}\n"
    lines = refusal(write(tmp_path, {"p.yaml": HEAD + text})).splitlines()
    # Each of the two characters is two columns wide on a terminal.
    assert lines[2].index("^") == lines[1].index("nope") + 2


def test_a_long_line_is_shown_around_the_mistake(tmp_path: Path) -> None:
    text = f"features: {{f: {{expr: '\"{'x' * 300}\" + nope', meaning: m}}}}\n"
    lines = refusal(write(tmp_path, {"p.yaml": HEAD + text})).splitlines()
    assert len(lines[1]) < 130
    assert lines[1][lines[2].index("^") :].startswith("nope")


def test_a_suggestion_is_made_only_where_one_is_near() -> None:
    assert did_you_mean("THEN", ["when", "then"]) == "; did you mean `then`?"
    assert did_you_mean("xyz", ["when", "then"]) == ""
