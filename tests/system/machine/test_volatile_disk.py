"""The disk of the machine: what was flushed stays, what was not may go."""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.machine.volatile_disk import BLOCK, VolatileDisk

READ, WRITE, FLUSH, FUA = 0, 1, 3, 1
OLD, NEW = b"o" * BLOCK, b"n" * BLOCK


class Client:
    """A machine that uses the disk."""

    def __init__(self, disk: VolatileDisk) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(disk.socket))
        self.take(18)
        self.socket.sendall(struct.pack(">I", 1) + b"IHAVEOPT" + struct.pack(">II", 1, 0))
        size, flags = struct.unpack(">QH", self.take(10))
        assert size == disk.size
        assert flags & 0b1100 == 0b1100  # FLUSH and FUA
        self.take(124)

    def ask(self, kind: int, offset: int = 0, data: bytes | int = 0, flags: int = 0) -> bytes:
        """What was read; OSError with the disk's error."""
        length = len(data) if isinstance(data, bytes) else data
        head = struct.pack(">IHHQQI", 0x25609513, flags, kind, 7, offset, length)
        self.socket.sendall(head + (data if isinstance(data, bytes) else b""))
        _magic, error, handle = struct.unpack(">IIQ", self.take(16))
        assert handle == 7
        if error:
            raise OSError(error, "the disk")
        return self.take(length) if kind == READ else b""

    def take(self, length: int) -> bytes:
        return self.socket.recv(length, socket.MSG_WAITALL)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[VolatileDisk]:
    image = tmp_path / "image"
    image.write_bytes(OLD * 200)
    disk = VolatileDisk(image, tmp_path, seed=1)
    yield disk
    disk.close()


def test_what_was_flushed_stays_and_what_was_not_may_go(disk: VolatileDisk) -> None:
    """Also by FUA, and read back before the cut as it was written."""
    client = Client(disk)
    client.ask(WRITE, 0, NEW)
    client.ask(FLUSH)
    client.ask(WRITE, BLOCK, NEW, FUA)
    for block in range(2, 200):
        client.ask(WRITE, block * BLOCK, NEW)
    assert client.ask(READ, 0, 200 * BLOCK) == NEW * 200
    disk.cut()
    client.socket.close()
    after = Client(disk)
    assert after.ask(READ, 0, 2 * BLOCK) == NEW * 2
    assert OLD in after.ask(READ, 2 * BLOCK, 198 * BLOCK)
    assert disk.lost > 0
    after.socket.close()


def test_a_part_of_a_block_is_written_into_it(disk: VolatileDisk) -> None:
    """At any place, over the edge of two."""
    client = Client(disk)
    client.ask(WRITE, BLOCK - 512, b"x" * 1024)
    assert client.ask(READ, 0, 2 * BLOCK) == OLD[512:] + b"x" * 1024 + OLD[512:]
    client.socket.close()


def test_a_disk_that_lied_about_its_flushes_has_nothing_new(
    disk: VolatileDisk, tmp_path: Path
) -> None:
    """Mutation: what it would hold, had FLUSH meant nothing since the power came on."""
    client = Client(disk)
    client.ask(WRITE, 0, NEW)
    client.ask(FLUSH)
    disk.keep_as(tmp_path / "kept")
    disk.keep_as(tmp_path / "liar", is_honest=False)
    assert (tmp_path / "kept").read_bytes() == NEW + OLD * 199
    assert (tmp_path / "liar").read_bytes() == OLD * 200
    client.socket.close()


def test_a_card_that_has_gone_read_only_says_so(disk: VolatileDisk) -> None:
    """Each write is an error, and nothing is written."""
    client = Client(disk)
    disk.fails_writes = True
    with pytest.raises(OSError, match="the disk"):
        client.ask(WRITE, 0, NEW)
    assert client.ask(READ, 0, BLOCK) == OLD
    client.socket.close()
