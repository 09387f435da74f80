"""The index that people are found by: it follows the tickets, and finds no wrong one."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from gate.errors import DamagedError
from gate.reports.ticket_import import import_files
from gate.storage import ticket_feed, ticket_search
from gate.storage.checksums import of_ticket, read_meta
from gate.storage.enrolment import Enrolment
from gate.storage.folder import Folder
from gate.storage.name_folding import FOLDING, Sought
from gate.storage.replica_file import live_replica
from gate.storage.sqlite import open_writer, writing
from gate.storage.ticket_feed import TicketFeed
from gate.storage.ticket_filling import erase_ticket
from gate.storage.ticket_rows import bare_body
from gate.storage.tickets import Tickets
from sync.worker.worker import Worker
from tests.support.venue import FixedClock, write_rows

ROWS: list[dict[str, object]] = [
    {"id": "gala", "kind": "meeting", "title": "Winter Gala"},
    {"code": "C1", "type": "gala", "id": "t1", "holder": "Łukasz Żółw", "seats": ["2-15"]},
    {"code": "C2", "type": "gala", "id": "t2", "holder": "Lukas Ola", "seats": ["21-5"]},
    {"code": "C3", "type": "gala", "id": "t3", "holder": "王小明"},
    {"code": "C4", "type": "gala", "id": "t4", "holder": "汪晓鸣", "seats": ["2-15", "2-16"]},
    {"code": "C5", "type": "gala", "id": "t5", "holder": "Anna Li"},
    {"code": "C6", "type": "gala", "id": "t6", "holder": "Anna Lindqvist"},
    {"code": "C7", "type": "gala", "id": "t7"},
]


@pytest.fixture
def listed(folder: Folder) -> Folder:
    import_files(folder, [write_rows(folder.path / "rows.jsonl", ROWS)])
    return folder


@pytest.fixture
def replica(listed: Folder) -> Iterator[Tickets]:
    with closing(Tickets(listed)) as tickets:
        yield tickets


@pytest.fixture
def writer(listed: Folder) -> Iterator[sqlite3.Connection]:
    with closing(open_writer(live_replica(listed), "NORMAL")) as connection:
        yield connection


def ids(tickets: Tickets, typed: str, limit: int = 50) -> list[str]:
    return [ticket.id for ticket in tickets.search(typed, limit)]


def test_by_name_seat_and_both(replica: Tickets) -> None:
    """Every part has to be there, in whichever field it is."""
    assert ids(replica, "lukasz") == ["t1"]
    assert ids(replica, "LUKAS") == ["t2", "t1"]
    assert ids(replica, "2-15") == ["t1", "t4"]
    assert ids(replica, "2-15 zolw") == ["t1"]
    assert ids(replica, "215") == ["t2", "t1", "t4"]
    assert ids(replica, "nobody") == ids(replica, "") == ids(replica, '" OR *') == []


def test_signs_are_meant_before_sounds(replica: Tickets) -> None:
    """王小明 is no 汪晓鸣, though both are Wang Xiaoming; typed as such, both are found."""
    assert ids(replica, "王小明") == ["t3"]
    assert ids(replica, "汪小") == ["t4", "t3"]
    assert ids(replica, "xiaoming") == ids(replica, "wxm") == ["t4", "t3"]


def test_whole_words_come_first_and_the_answer_is_bounded(replica: Tickets) -> None:
    """Who types Li means Li before Lindqvist, and sees no more than a screen has room for."""
    assert ids(replica, "anna li") == ["t5", "t6"]
    assert ids(replica, "anna li", 1) == ["t5"]
    assert ids(replica, "anna lind") == ["t6"]


def test_an_order_is_searched_once_tickets_have_one() -> None:
    """The fields are one list, and a field that a list does not have costs nothing."""
    assert "wx2026000123" in ticket_search.terms_of(b'{"order": "WX-2026-000123", "id": "t"}')
    assert ticket_search.terms_of(b'{"id": "t", "attention": "secret"}') == set()


def test_it_follows_changes(listed: Folder, replica: Tickets) -> None:
    """A name that is stated anew is found by, the old one is not; a new ticket is."""
    rows = [
        {"code": "C1", "type": "gala", "id": "t1", "holder": "Björn Ek"},
        {"code": "C9", "type": "gala", "id": "t9", "holder": "Ilse Ek"},
    ]
    import_files(listed, [write_rows(listed.path / "more.jsonl", rows)])
    replica.refresh()
    assert ids(replica, "zolw") == ids(replica, "2-15 zolw") == []
    assert ids(replica, "bjoern") == ["t1"]
    assert ids(replica, "ek") == ["t1", "t9"]


def test_who_is_erased_leaves_the_index(
    listed: Folder, replica: Tickets, writer: sqlite3.Connection
) -> None:
    """Neither found nor in the file: not the row, not its terms, not what joins them."""
    body = msgspec.json.encode({"id": "t1", "type_id": "gala", "holder": "Łukasz Żółw"}).decode()
    writer.execute("PRAGMA secure_delete = ON").fetchall()
    assert b"ukaszzolw" in live_replica(listed).read_bytes()
    with writing(writer, listed.path):
        erase_ticket(writer, "t1", bare_body(body))
        ticket_search.merge_terms(writer)
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert ids(replica, "lukasz") == ids(replica, "zolw") == []
    content = live_replica(listed).read_bytes()
    assert not [one for one in ("ukasz", "zolw", "Żółw") if one.encode() in content]


def test_without_merging_pieces_keep_who_was_erased(
    listed: Folder, writer: sqlite3.Connection
) -> None:
    """The mutation: FTS5 only notes that a row is gone."""
    body = msgspec.json.encode({"id": "t1", "type_id": "gala"}).decode()
    writer.execute("PRAGMA secure_delete = ON").fetchall()
    with writing(writer, listed.path):
        erase_ticket(writer, "t1", body)
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert b"zolw" in live_replica(listed).read_bytes()


class TestReading:
    """A list that comes without an index is read in pieces, beside other work."""

    @pytest.fixture
    def bare(self, writer: sqlite3.Connection) -> sqlite3.Connection:
        """As a server sends it."""
        writer.execute("DELETE FROM search")
        writer.execute("DELETE FROM meta WHERE key = 'search'")
        return writer

    @pytest.mark.usefixtures("bare")
    def test_nothing_is_found_by_name_before(self, replica: Tickets) -> None:
        """And that is told; codes and ids are found all the same."""
        assert (ids(replica, "anna"), replica.share_searched()) == ([], 0.0)
        assert [ticket.id for ticket in replica.codes.typed("c5")] == ["t5"]

    def test_piece_by_piece(self, replica: Tickets, bare: sqlite3.Connection) -> None:
        """The newest first; in the end the index is what an import has made."""
        shares = []
        while ticket_search.read_on(bare, 3):
            shares.append(round(replica.share_searched(), 2))
        assert shares == [0.43, 0.86]
        assert replica.share_searched() == 1.0
        assert ids(replica, "anna") == ["t5", "t6"]
        assert ids(replica, "zolw") == ["t1"]
        assert not ticket_search.read_on(bare, 3)

    def test_what_changes_meanwhile_is_found_once(
        self, listed: Folder, replica: Tickets, bare: sqlite3.Connection
    ) -> None:
        """Before its piece is read and after, by its newest name only."""
        ticket_search.read_on(bare, 3)
        for number, name in ((1, "Carla Moll"), (7, "Dora Moll")):
            body = msgspec.json.encode({"id": f"t{number}", "type_id": "gala", "holder": name})
            bare.execute(
                "UPDATE ticket SET body = ?, sum = ? WHERE row = ?",
                (body.decode(), of_ticket(number, body), number),
            )
            ticket_search.put_terms(bare, number, body.decode(), is_new=False)
        assert ids(replica, "moll") == ["t1", "t7"]
        while ticket_search.read_on(bare, 3):
            pass
        assert ids(replica, "moll") == ["t1", "t7"]
        assert ids(replica, "zolw") == []
        assert bare.execute("SELECT count(*) FROM search").fetchone() == (7,)

    def test_another_foldings_index_is_made_anew(
        self, replica: Tickets, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A newer program does not look for its terms among those of an older one."""
        monkeypatch.setattr(ticket_search, "FOLDING", FOLDING + 1)
        assert (ids(replica, "anna"), replica.share_searched()) == ([], 0.0)
        assert not ticket_search.is_whole(writer)
        ticket_search.read_on(writer, 100)
        assert ids(replica, "anna") == ["t5", "t6"]

    def test_the_worker_reads_on(self, listed: Folder, replica: Tickets, bare: object) -> None:
        """The one that writes the replica does it, and has nothing to do afterwards."""
        with closing(TicketFeed(listed)) as feed:
            while feed.read_names():
                pass
            assert ids(replica, "anna") == ["t5", "t6"]
            log = live_replica(listed).with_name(f"{live_replica(listed).name}-wal")
            before = log.stat()
            assert not feed.read_names()
            assert log.stat() == before

    def test_a_worker_at_work_does_so_between_other_things(
        self, listed: Folder, replica: Tickets, bare: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A piece whenever it waits for something to happen; all of it where it runs only once."""
        monkeypatch.setattr(ticket_feed, "A_STEP", 3)
        shares = []
        with closing(Worker(listed, Enrolment("", "", "e"), None, FixedClock())) as worker:
            for _ in range(3):
                worker._tidy()
                shares.append(round(replica.share_searched(), 2))
        assert shares == [0.43, 0.86, 1.0]

    def test_a_small_list_is_never_without(self, listed: Folder, bare: object) -> None:
        """What was fetched is read before it is live, as much as takes no time."""
        ticket_feed.begin_here(live_replica(listed))
        with closing(Tickets(listed)) as anew:
            assert (ids(anew, "anna"), anew.share_searched()) == (["t5", "t6"], 1.0)

    def test_a_rotten_row_is_found_while_it_is_read(
        self, listed: Folder, bare: sqlite3.Connection
    ) -> None:
        """The whole list is read once: what is rotten is fetched again before anybody shows it."""
        bare.execute("UPDATE ticket SET body = replace(body, 'Anna', 'Anne') WHERE row = 5")
        with closing(TicketFeed(listed)) as feed:
            assert not feed.read_names()
            assert feed.cursor == ""


class TestDamage:
    """What an index says is believed of nobody whose row does not say the same."""

    def test_a_term_at_another_row_finds_nobody(
        self, replica: Tickets, writer: sqlite3.Connection
    ) -> None:
        """Two rows that were exchanged: neither is shown as the other."""
        for number, terms in ((1, "anna li"), (99, "anna lind")):
            ticket_search_put(writer, number, terms)
        assert ids(replica, "anna") == ["t5", "t6"]

    def test_the_same_is_believed_where_rows_are_not_looked_at(
        self, replica: Tickets, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The mutation."""
        ticket_search_put(writer, 1, "anna li")
        monkeypatch.setattr(Sought, "fits", lambda *_: True)
        assert ids(replica, "anna") == ["t5", "t6", "t1"]

    def test_a_rotten_row_is_no_answer(self, replica: Tickets, writer: sqlite3.Connection) -> None:
        """It is damaged, as it would be for a scan."""
        writer.execute("UPDATE ticket SET body = replace(body, 'Anna', 'Anne') WHERE row = 5")
        with pytest.raises(DamagedError):
            ids(replica, "anna")

    def test_no_flipped_bit_shows_a_wrong_ticket(self, listed: Folder, tmp_path: Path) -> None:
        """A miss, the right ones, or that it is damaged."""
        live = live_replica(listed)
        content = live.read_bytes()
        with closing(sqlite3.connect(live)) as connection:
            blocks = connection.execute("SELECT block FROM search_data WHERE id > 10").fetchall()
        block = max((block for (block,) in blocks), key=len)
        begin = content.index(block)
        true = {"anna": {"t5", "t6"}, "zolw": {"t1"}, "2-15": {"t1", "t4"}, "wxm": {"t3", "t4"}}
        chance, kinds = random.Random(1), set()
        for _ in range(150):
            rotten = bytearray(content)
            bit = chance.randrange(begin * 8, (begin + len(block)) * 8)
            rotten[bit // 8] ^= 1 << bit % 8
            folder = Folder(tmp_path / "rotten")
            folder.create()
            (folder.path / live.name).write_bytes(rotten)
            folder.pointer.write_text(live.name)
            with closing(Tickets(folder)) as tickets:
                for typed, meant in true.items():
                    try:
                        found = set(ids(tickets, typed))
                    except DamagedError:
                        kinds.add("damaged")
                        continue
                    assert found <= meant, (typed, found)
                    kinds.add("whole" if found == meant else "missed")
        assert {"whole", "missed"} <= kinds


def ticket_search_put(writer: sqlite3.Connection, number: int, terms: str) -> None:
    writer.execute("DELETE FROM search WHERE rowid = ?", (number,))
    writer.execute("INSERT INTO search (rowid, terms) VALUES (?, ?)", (number, terms))


def test_the_index_finds_by_looking_up(writer: sqlite3.Connection) -> None:
    """Law 11: no query walks through the tickets."""
    for query in (ticket_search._FIND, "SELECT body FROM ticket WHERE row = ?"):
        plan = writer.execute(f"EXPLAIN QUERY PLAN {query}", ('"a"', 9)[: query.count("?")])
        assert not [row for row in plan if "SCAN" in row[-1] and "VIRTUAL" not in row[-1]]


def test_what_is_kept_of_it_has_a_checksum(writer: sqlite3.Connection) -> None:
    """How far the index is stands where it is checked like all that a replica says of itself."""
    assert read_meta(writer)["search"] == f"{FOLDING} 0"
