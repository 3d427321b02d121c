"""Lines of a data file: numbered, decoded, and refused by their number."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.files import DataError
from workers.records import read_records

FIELD = "sources.web.files"


def read(path: Path) -> list[tuple[int, dict[str, Any]]]:
    places = read_records(path, path.name, FIELD, path.parent)
    return [(int(place.removeprefix("line ")), record) for place, record in places]


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(path)
    assert (caught.value.field, caught.value.value) == (FIELD, path.name)
    return caught.value.message


def test_lines_are_numbered_with_the_blank_ones_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\r\n\n   \n{"a": "\xc3\xa9"}')
    assert read(path) == [(1, {"a": 1}), (4, {"a": "é"})]


def test_a_line_ends_at_a_newline_alone(tmp_path: Path) -> None:
    # Python's own idea of a line would end at these characters, which JSON strings may hold.
    text = "a\u2028b\x85c\x0bd"
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"a": text}, ensure_ascii=False) + "\n{}\n", encoding="utf-8")
    assert [number for number, _ in read(path)] == [1, 2]
    assert read(path)[0][1] == {"a": text}


@given(
    st.lists(
        st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()),
        max_size=5,
    )
)
def test_any_records_come_back_plain_and_zipped(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    for ascii_only in (True, False):
        lines = "".join(json.dumps(one, ensure_ascii=ascii_only) + "\n" for one in records)
        (folder / "a.jsonl").write_bytes(lines.encode())
        (folder / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
        assert [record for _, record in read(folder / "a.jsonl")] == records
        assert [record for _, record in read(folder / "a.jsonl.gz")] == records


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{oops}", "line 2 is not JSON (Expecting property name enclosed in double quotes at"),
        (b'{"a": 1} {"a": 2}', "line 2 is not JSON (Extra data at column 10)"),
        (b'{"a": "\xff"}', "line 2 is not UTF-8 (byte 7); save it as UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "line 2 is not UTF-8 (byte 0)"),
        (b"[1, 2]", "line 2 is list, expected a JSON object"),
        (b'"text"', "line 2 is str, expected a JSON object"),
        (b"null", "line 2 is NoneType, expected a JSON object"),
        (b'{"a": NaN}', "line 2 is not JSON that can be read (NaN is no number in JSON"),
        (
            b'{"a": [-Infinity]}',
            "line 2 is not JSON that can be read (-Infinity is no number in JSON",
        ),
        (b'{"a": ' + b"1" * 5000 + b"}", "line 2 is not JSON that can be read (Exceeds the limit"),
        (b"[" * 100_000, "line 2 is not JSON that can be read (maximum recursion depth"),
    ],
)
def test_a_line_at_fault_is_named(tmp_path: Path, line: bytes, words: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n' + line + b"\n")
    assert words in refused(path)


def test_both_halves_of_a_pair_are_one_character(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": "\\ud83d\\ude00", "b": "\\\\ud800"}')
    assert read(path) == [(1, {"a": "😀", "b": "\\ud800"})]


def zipped_lines() -> bytes:
    """A thousand lines that do not zip well, so that damage is met in the middle."""
    lines = [json.dumps({"a": zlib.crc32(str(i).encode())}) for i in range(1000)]
    return gzip.compress("\n".join(lines).encode())


def test_a_zipped_file_that_was_cut_off_says_after_which_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(zipped_lines()[:-500])
    message = refused(path)
    assert "unreadable after line" in message
    assert "end-of-stream" in message
    assert int(message.split("line ")[1].split(":")[0]) > 100


def test_a_zipped_file_that_is_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    whole = zipped_lines()
    # Every byte of the middle turned over: zlib's own error, not the operating system's.
    damaged = whole[:2000] + bytes(255 - byte for byte in whole[2000:2100]) + whole[2100:]
    path.write_bytes(damaged)
    assert "unreadable after line" in refused(path)
    path.write_bytes(whole[:-8] + bytes(4) + whole[-4:])
    assert "CRC check failed" in refused(path)


def test_a_file_that_only_says_it_is_zipped_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(b'{"a": 1}\n')
    assert "unreadable after line 0: Not a gzipped file" in refused(path)
