import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

from slimgate.gateway.storage import database_file

_FORMAT = database_file.Format(
    "notes", application=7, version=1, tables="CREATE TABLE notes (text TEXT);",
    probe="SELECT count(*) FROM notes", busy_s=5.0,
)  # fmt: skip


def test_one_of_many_sets_a_damaged_file_aside(tmp_path: Path) -> None:
    """The others wait for it, and all write into the new file."""
    path, told, together = tmp_path / "notes.sqlite", [], Barrier(8)
    path.write_bytes(b"no database" * 1000)

    def write(text: str) -> None:
        together.wait()
        opened = database_file.opened(path, _FORMAT, lambda *each: told.append(each))
        with closing(opened) as connection:
            connection.execute("INSERT INTO notes VALUES (?)", (text,))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, "abcdefgh"))
    assert [target.name for target, _ in told] == ["notes.sqlite.set-aside-0"]
    with closing(database_file.opened(path, _FORMAT, lambda *_: None)) as connection:
        rows = connection.execute("SELECT text FROM notes ORDER BY text").fetchall()
    assert "".join(text for (text,) in rows) == "abcdefgh"


def test_a_file_of_another_program_keeps_what_its_log_holds(tmp_path: Path) -> None:
    """It is renamed together with its log, and whole under its new name."""
    path = tmp_path / "notes.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("CREATE TABLE theirs (number INTEGER)")
    other.execute("INSERT INTO theirs VALUES (5)")
    told: list[Path] = []
    with closing(database_file.opened(path, _FORMAT, lambda target, _: told.append(target))):
        pass
    (kept,) = told
    with closing(sqlite3.connect(kept)) as file:
        assert file.execute("SELECT number FROM theirs").fetchall() == [(5,)]
    other.close()


def test_modes(tmp_path: Path) -> None:
    """Only its owner may read the file, or list its folder."""
    path = tmp_path / "state" / "notes.sqlite"
    with closing(database_file.opened(path, _FORMAT, lambda *_: None)):
        pass
    assert [each.stat().st_mode & 0o777 for each in (path.parent, path)] == [0o700, 0o600]
