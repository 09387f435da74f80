"""A disk that loses at a power cut whatever it was not told to flush, served by NBD.

Only what a machine wrote before a FLUSH that was answered, or with FUA, is durable. What it wrote
since is in the drive's cache: at the cut a seed says which of it had reached the medium by itself.
The protocol is the NBD project's ``proto.md``, fixed newstyle, simple replies.
"""

import contextlib
import os
import random
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

BLOCK = 4096
_GREETING = struct.pack(">QQH", 0x4E42444D41474943, 0x49484156454F5054, 0b11)
_OPTION = struct.Struct(">QII")
_OPTION_REPLY = struct.Struct(">QIII")
_OPTION_MAGIC, _OPTION_REPLY_MAGIC = 0x49484156454F5054, 0x3E889045565A9
_REQUEST = struct.Struct(">IHHQQI")
_REPLY = struct.Struct(">IIQ")
_REQUEST_MAGIC, _REPLY_MAGIC = 0x25609513, 0x67446698
_OPT_EXPORT_NAME, _OPT_ABORT, _OPT_INFO, _OPT_GO = 1, 2, 6, 7
_REP_ACK, _REP_INFO, _REP_UNSUPPORTED = 1, 3, 0x80000001
_READ, _WRITE, _DISCONNECT, _FLUSH = 0, 1, 2, 3
_FUA = 1
_HAS_FLAGS, _SEND_FLUSH, _SEND_FUA = 1, 4, 8
_EIO, _EINVAL = 5, 22


class VolatileDisk:
    """One disk of one machine; what is durable outlives the machine, and nothing this object."""

    def __init__(self, image: Path, folder: Path, seed: int) -> None:
        """``image`` is what it holds at first, and is never written."""
        self.socket = folder / "disk.sock"
        self.flushes = self.lost = 0
        """Flushes that were answered; blocks that the cuts have lost."""
        self.flush_s = 0.0
        """How long a flush takes."""
        self.fails_writes = False
        """Whether each write fails, as on a card that has gone read-only."""
        self._image = os.open(image, os.O_RDONLY)
        self.size = os.fstat(self._image).st_size
        self._durable: dict[int, bytes] = {}
        self._at_power_on: dict[int, bytes] = {}
        self._cached: dict[int, bytes] = {}
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.socket))
        self._listener.listen()
        self._connection: socket.socket | None = None
        threading.Thread(target=self._accept, name="disk", daemon=True).start()

    def cut(self) -> None:
        """Power is off: nothing that comes after this is written, and the cache is lost."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._connection = None
            share = self._random.choice((0.0, 0.0, 0.5, 0.9))
            for block, content in self._cached.items():
                if self._random.random() < share:
                    self._durable[block] = content
                else:
                    self.lost += 1
            self._cached.clear()

    def close(self) -> None:
        """The disk is thrown away."""
        self.cut()
        self._listener.close()
        os.close(self._image)
        self.socket.unlink(missing_ok=True)

    def keep_as(self, image: Path, *, is_honest: bool = True) -> None:
        """What is on the disk, as a file.

        ``is_honest`` off is the mutation: as if no FLUSH since the start had meant anything.
        """
        blocks = self._durable if is_honest else self._at_power_on
        with self._lock:
            # A sparse image stays sparse: half of it is nothing.
            source = f"/proc/{os.getpid()}/fd/{self._image}"
            subprocess.run(["cp", "--sparse=auto", source, str(image)], check=True)
            with image.open("r+b") as file:
                for block, content in blocks.items():
                    file.seek(block * BLOCK)
                    file.write(content)

    def _accept(self) -> None:
        while True:
            try:
                connection, _peer = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connection = connection
                self._at_power_on = dict(self._durable)
            with connection, contextlib.suppress(OSError, EOFError):
                if self._negotiate(connection):
                    self._serve(connection)

    def _negotiate(self, connection: socket.socket) -> bool:
        """The handshake; whether the machine wants the disk."""
        connection.sendall(_GREETING)
        _take(connection, 4)
        flags = _HAS_FLAGS | _SEND_FLUSH | _SEND_FUA
        export = struct.pack(">QH", self.size, flags)
        while True:
            _magic, option, length = _OPTION.unpack(_take(connection, _OPTION.size))
            _take(connection, length)
            if option == _OPT_EXPORT_NAME:
                connection.sendall(export + bytes(124))
                return True
            if option in (_OPT_INFO, _OPT_GO):
                _answer(connection, option, _REP_INFO, struct.pack(">H", 0) + export)
                _answer(connection, option, _REP_ACK)
                if option == _OPT_GO:
                    return True
            elif option == _OPT_ABORT:
                _answer(connection, option, _REP_ACK)
                return False
            else:
                _answer(connection, option, _REP_UNSUPPORTED)

    def _serve(self, connection: socket.socket) -> None:
        while True:
            head = _take(connection, _REQUEST.size)
            _magic, flags, kind, handle, offset, length = _REQUEST.unpack(head)
            payload = _take(connection, length) if kind == _WRITE else b""
            if kind == _DISCONNECT:
                return
            if kind == _FLUSH and self.flush_s:
                time.sleep(self.flush_s)
            with self._lock:
                if self._connection is not connection:
                    return  # the power is off
                error, answer = self._do(kind, flags, offset, length, payload)
            connection.sendall(_REPLY.pack(_REPLY_MAGIC, error, handle) + answer)

    def _do(
        self, kind: int, flags: int, offset: int, length: int, payload: bytes
    ) -> tuple[int, bytes]:
        """The error, or 0, and what was read."""
        if kind == _READ:
            return 0, self._read(offset, length)
        if kind == _WRITE:
            if self.fails_writes:
                return _EIO, b""
            self._write(offset, payload, is_durable=bool(flags & _FUA))
            return 0, b""
        if kind == _FLUSH:
            self.flushes += 1
            self._durable.update(self._cached)
            self._cached.clear()
            return 0, b""
        return _EINVAL, b""

    def _read(self, offset: int, length: int) -> bytes:
        found = bytearray(os.pread(self._image, length, offset))
        for block in range(offset // BLOCK, (offset + length - 1) // BLOCK + 1):
            content = self._cached.get(block) or self._durable.get(block)
            if content is not None:
                start = max(offset, block * BLOCK)
                end = min(offset + length, (block + 1) * BLOCK)
                at = start - block * BLOCK
                found[start - offset : end - offset] = content[at : at + end - start]
        return bytes(found)

    def _write(self, offset: int, payload: bytes, *, is_durable: bool) -> None:
        end = offset + len(payload)
        for block in range(offset // BLOCK, (end - 1) // BLOCK + 1):
            begins, ends = block * BLOCK, (block + 1) * BLOCK
            first, last = max(offset, begins), min(end, ends)
            content = payload[first - offset : last - offset]
            if last - first < BLOCK:
                old = self._read(begins, min(BLOCK, self.size - begins))
                content = old[: first - begins] + content + old[last - begins :]
            if is_durable:
                self._durable[block] = content
                self._cached.pop(block, None)
            else:
                self._cached[block] = content


def _take(connection: socket.socket, length: int) -> bytes:
    parts: list[bytes] = []
    while length:
        part = connection.recv(min(length, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _answer(connection: socket.socket, option: int, kind: int, data: bytes = b"") -> None:
    connection.sendall(_OPTION_REPLY.pack(_OPTION_REPLY_MAGIC, option, kind, len(data)) + data)
