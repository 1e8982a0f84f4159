"""The history: it only grows, and whoever changes it is found out."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fenqi.serving.deployments.history import History

LINES = 6
quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def write(folder: Path, lines: int = LINES) -> list[bytes]:
    history = History(folder)
    for number in range(lines):
        history.append("staged", who="chen", why=f"试 {number}", what="a release\nwith a line")
    history.close()
    return (folder / "history.jsonl").read_bytes().splitlines(keepends=True)


def damages(folder: Path) -> list[str]:
    history = History(folder)
    history.close()
    return [str(damage) for damage in history.damages]


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


def test_what_was_appended_is_read_again_with_who_when_and_why(tmp_path: Path) -> None:
    write(tmp_path)
    history = History(tmp_path)
    events = history.events()
    assert [event.sequence for event in events] == list(range(1, LINES + 1))
    assert {event.who for event in events} == {"chen"}
    assert events[3].why == "试 3"
    assert events == sorted(events, key=lambda event: event.at)
    assert history.events(after=4) == events[4:]
    assert not history.damages
    history.append("promoted", who="li", why="", what="", deployment=1)
    history.close()
    assert damages(tmp_path) == []


@quick
@given(line=st.integers(0, LINES - 1), data=st.data())
def test_one_changed_character_is_found(
    tmp_path_factory: pytest.TempPathFactory, line: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("state")
    lines = write(folder)
    place = data.draw(st.integers(0, len(lines[line]) - 2))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != lines[line][place]))
    lines[line] = lines[line][:place] + bytes([other]) + lines[line][place + 1 :]
    (folder / "history.jsonl").write_bytes(b"".join(lines))
    assert damages(folder)


@pytest.mark.parametrize("line", range(LINES))
def test_a_missing_line_is_found_also_the_last(tmp_path: Path, line: int) -> None:
    lines = write(tmp_path)
    del lines[line]
    (tmp_path / "history.jsonl").write_bytes(b"".join(lines))
    assert damages(tmp_path)


@pytest.mark.parametrize("line", range(LINES))
def test_a_line_that_was_put_in_is_found(tmp_path: Path, line: int) -> None:
    lines = write(tmp_path)
    lines.insert(line, lines[line])
    (tmp_path / "history.jsonl").write_bytes(b"".join(lines))
    assert damages(tmp_path)


def test_an_end_of_several_lines_under_a_head_that_is_gone_is_found(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "history.head").unlink()
    assert damages(tmp_path)


@quick
@given(cut=st.integers(0, 300))
def test_a_line_that_was_cut_off_while_it_was_written_is_no_damage(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("state")
    lines = write(folder)
    file, head = folder / "history.jsonl", folder / "history.head"
    acknowledged = head.read_bytes()
    history = History(folder)
    history.append("canary", who="chen", why="", what="")
    history.close()
    last = file.read_bytes().splitlines(keepends=True)[-1]
    # Killed: of the last line only a part is on the disk, and the head does not count it yet.
    file.write_bytes(b"".join(lines) + last[:cut])
    head.write_bytes(acknowledged)

    history = History(folder)
    assert not history.damages
    kept = LINES + (cut >= len(last))
    assert len(history.events()) == kept
    history.append("shadows", who="li", why="", what="")
    history.close()
    assert damages(folder) == []
    sequences = [json.loads(line)["sequence"] for line in file.read_bytes().splitlines()]
    assert sequences == list(range(1, kept + 2))


def test_who_waits_gets_an_event_as_it_comes(fresh: Path) -> None:
    history = History(fresh)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.extend(e.why for e in history.wait(0, 10)))
    reader.start()
    history.append("staged", who="chen", why="now", what="")
    reader.join(10)
    assert got == ["now"]
    assert history.wait(1, 0.01) == []
    history.close()
