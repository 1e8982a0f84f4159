"""A YAML file says where each value stands, refuses what is no data, and costs a bounded amount."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import (
    DoubleQuotedScalarString,
    FoldedScalarString,
    LiteralScalarString,
    SingleQuotedScalarString,
)

from fenqi.policy.errors import PolicyError
from fenqi.policy.yaml_file import MOST_BYTES, YamlFile, read_yaml


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("yaml")


def read(folder: Path, content: str | bytes) -> YamlFile:
    path = folder / "f.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_yaml(path, "f.yaml", "a policy")


def refusal(folder: Path, content: str | bytes) -> str:
    with pytest.raises(PolicyError) as caught:
        read(folder, content)
    return str(caught.value)


def test_words_are_read_as_yaml_1_2_has_them(folder: Path) -> None:
    text = "a: on\nb: no\nc: 2026-01-31\nd: 0o17\ne: 0x1F\nf: 1e3\ng: ~\nh: True\ni: '1'\nj: 012\n"
    assert read(folder, text).plain() == {
        "a": "on",
        "b": "no",
        "c": "2026-01-31",
        "d": 15,
        "e": 31,
        "f": 1000.0,
        "g": None,
        "h": True,
        "i": "1",
        "j": 12,
    }


def test_anchors_and_merge_keys_write_a_part_once(folder: Path) -> None:
    text = (
        "base: &base {then: refer, reason: R}\n"
        "one: {<<: *base, then: decline}\n"
        "two: {<<: [*base, {x: 1}]}\n"
    )
    content = read(folder, text).plain()
    assert content["one"] == {"then": "decline", "reason": "R"}
    assert content["two"] == {"then": "refer", "reason": "R", "x": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "f.yaml:1:1: the file is empty; a policy is a mapping of keys"),
        ("# nothing but a remark\n", "the file is empty"),
        ("- a\n- b\n", "f.yaml:1:1: a policy is a mapping of keys"),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: the key `a` is here again; it was on line 1"),
        ("a:\n\tb: 1\n", "f.yaml:2:1: not YAML: a tab cannot stand here; indent with spaces"),
        ('a: "b\nc: d\n', "f.yaml:1:4: not YAML: this has no end"),
        (b"a: b\nc: d\xff\n", "f.yaml:2:5: the byte 0xff is not UTF-8; save the file as UTF-8"),
        ("a: b\nc: d\x01\n", "f.yaml:2:5: not YAML: the character U+0001 cannot stand here"),
        ("a: *b\n", "f.yaml:1:4: there is no &b before this"),
        ("a: &b [*b]\n", "f.yaml:1:8: *b stands inside &b itself"),
        ("a: !python/object x\n", "the tag !python/object means nothing here; remove it"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document begins here"),
        ("a: .nan\n", ".nan is not a number that a policy can hold"),
        ("a: 99999999999999999999\n", "the number does not fit into 64 bits"),
        ("a: 1e999\n", "the number is larger than any double"),
        ("[a, b]: 1\n", "a key is a word"),
        ("a: {<<: 1}\n", "`<<` takes a mapping"),
        ("a: " + "[" * 100 + "]" * 100, "nested more than 64 deep"),
        ("a: " + "[" * 5000, "nested more than 64 deep"),
        (b"#" + b" " * MOST_BYTES, "the file is larger than 16 MiB"),
    ],
)
def test_what_is_no_data_is_refused_with_its_place(
    folder: Path, content: str | bytes, message: str
) -> None:
    assert message in refusal(folder, content)


def test_anchors_that_multiply_are_refused_before_they_are_written_out(folder: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for number in range(1, 10):
        before = f"*a{number - 1}"
        lines.append(f"a{number}: &a{number} [{', '.join([before] * 10)}]")
    assert "there are more than 1,000,000 values" in refusal(folder, "\n".join(lines))


def test_a_byte_order_mark_and_windows_line_ends_move_no_place(folder: Path) -> None:
    file = read(folder, b"\xef\xbb\xbfa: 1\r\nb:\r\n  c: text\r\n")
    assert str(file.position(("a",))) == "f.yaml:1:4"
    assert str(file.position(("b", "c"))) == "f.yaml:3:6"


def test_a_mapping_is_where_its_key_is_and_a_path_that_ends_early_where_it_ends(
    folder: Path,
) -> None:
    file = read(folder, "rules:\n  - id: A\n    when: x\nfeatures:\n  f:\n    expr: y\n")
    assert str(file.position(("features", "f"))) == "f.yaml:5:3"
    assert str(file.position(("features", "f", "meaning"))) == "f.yaml:5:3"
    assert str(file.position(("rules", 0))) == "f.yaml:2:5"
    assert str(file.key_position(("rules", 0, "when"))) == "f.yaml:3:5"


# No line breaks but \n: YAML folds the others too, and dumps write them as escapes.
words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=6)
texts = st.lists(
    st.tuples(words, st.sampled_from([" ", " ", "\n", "\n\n", "\n  ", "\n\n  "])), min_size=1
)
styles = st.sampled_from(
    [
        str,
        DoubleQuotedScalarString,
        SingleQuotedScalarString,
        LiteralScalarString,
        FoldedScalarString,
    ]
)


@given(texts, styles, st.integers(0, 4))
def test_each_character_of_a_text_is_found_where_yaml_wrote_it(
    folder: Path, parts: list[tuple[str, str]], style: type[str], depth: int
) -> None:
    text = "".join(word + gap for word, gap in parts).rstrip()
    tree: object = style(text)
    for _ in range(depth):
        tree = {"k": tree}
    stream = io.StringIO()
    writer = YAML()
    writer.width = 20
    writer.dump({"top": tree}, stream)
    file = read(folder, stream.getvalue())
    steps = ["top", *["k"] * depth]
    node = file.node(steps)
    assert node is not None
    if not isinstance(node.value, str):
        return
    row = column = 1
    for character in node.value:
        at = file.position_in(steps, row, column)
        source = file.lines[at.line - 1]
        if character == "\n":
            row, column = row + 1, 1
            continue
        column += 1
        if character != " " and source[at.column - 1] != "\\":
            assert source[at.column - 1] == character, (stream.getvalue(), character, at)
