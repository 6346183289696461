"""Tables of people as spreadsheets save them: what can be meant is read, the rest is named."""

from pathlib import Path

import pytest

from onlooker.people.plan import read_plan
from schemas.errors import UsageError

JANE = ("Jane_Doe", "photos/jane.jpg", {"Since": "2024"})


def planned(tmp_path: Path, content: bytes) -> tuple[str, str, dict[str, str]]:
    """The one person of a table: id, picture, labels."""
    table = tmp_path / "members.csv"
    table.write_bytes(content)
    (person,) = read_plan(table).people
    (picture,) = person.pictures
    return person.person_id, str(picture.relative_to(tmp_path)), person.labels


@pytest.mark.parametrize(
    "content",
    [
        b"person_id,path,Since\nJane_Doe,photos/jane.jpg,2024\n",
        b"person_id;path;Since\r\nJane_Doe;photos/jane.jpg;2024\r\n",
        b"person_id\tpath\tSince\nJane_Doe\tphotos/jane.jpg\t2024\n",
        b"sep=;\r\nperson_id;path;Since\r\nJane_Doe;photos/jane.jpg;2024\r\n",
        b"SEP=,\nperson_id,path,Since\nJane_Doe,photos/jane.jpg,2024\n",
        b"\xef\xbb\xbfPerson_ID, Path, Since\nJane_Doe, photos/jane.jpg, 2024\n",
        b"Person ID,PATH,Since\n\n Jane_Doe ,photos/jane.jpg , 2024\n,,\n",
        b"\r\n\nperson_id,path,Since\nJane_Doe,photos/jane.jpg,2024\n",
        b'Person-Id,path,Since\n"Jane_Doe","photos/jane.jpg","2024"\n',
        "person_id\tpath\tSince\r\nJane_Doe\tphotos/jane.jpg\t2024\r\n".encode("utf-16"),
    ],
)
def test_what_can_be_meant_is_read(tmp_path: Path, content: bytes) -> None:
    assert planned(tmp_path, content) == JANE


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name;picture\nJane;1.jpg\n", "read with semicolons between the columns, names name, picture"),
        (b"", "names nothing|no column"),
        (b"person_id,Person ID,path\nJane,Eve,1.jpg\n", "more than one column person_id: leave one"),
        (b"person_id,path,path,since,since\n", "one column path and more than one column since"),
        (b"\n\nperson_id,path\nJane,1.jpg\nEve\0,2.jpg\n", "line 5 has a NUL byte"),
        (b"person_id,path\nJane,1.jpg\nEve\0,2.jpg\n", "line 3 has a NUL byte"),
        (b"person_id,path\nJos\xe9,1.jpg\n", "not text in UTF-8 .* Save it as CSV in UTF-8"),
        (b"person_id,path\n" + b"a" * 200_000 + b",1.jpg\n", "line 2 is no line of a table"),
    ],
)
def test_what_is_no_table_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    table = tmp_path / "members.csv"
    table.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        read_plan(table)


def test_a_row_that_is_too_short_is_left_out_with_its_line(tmp_path: Path) -> None:
    table = tmp_path / "members.csv"
    table.write_bytes(b"sep=;\nperson_id;path\nJane;1.jpg\nEve\n")
    plan = read_plan(table)
    assert [person.person_id for person in plan.people] == ["Jane"]
    assert plan.left_out == ("line 4: no picture of Eve is named; fill the column path",)
