"""A disk that can lose power: system calls recorded by strace, replayed up to any moment.

What was synced is kept. What was not is kept, dropped or torn at random, in any order, names in
the folder included: a file whose name was not synced may be gone, one whose removal was not synced
may be back.
"""

import random
import re
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
TRACED = (
    "openat,open,creat,pwrite64,write,pwritev,pwritev2,writev,fsync,fdatasync,ftruncate,truncate,"
    "unlink,unlinkat,rename,renameat,renameat2,link,linkat,fallocate,copy_file_range"
)

_CALL = re.compile(rb"^\d+ +(\w+)\((.*)\) += (-?\d+)", re.DOTALL)
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(rb"\\(x[0-9a-f]{2}|[0-7]{1,3}|.)", re.DOTALL)
_PLAIN = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f", b'"': b'"', b"\\": b"\\"}


@dataclass(frozen=True)
class Call:
    """One thing a program did to the disk, or said aloud (``say``)."""

    name: str
    path: str = ""
    offset: int = 0
    data: bytes = b""
    other: str = ""


@dataclass
class _File:
    synced: bytearray = field(default_factory=bytearray)
    pending: list[Call] = field(default_factory=list)


def parse(trace: Path, folder: Path) -> list[Call]:
    """The calls that touch the folder, in order, and what was written to standard output."""
    calls: list[Call] = []
    prefix = f"{folder}/"
    known: set[str] = set()
    for line in trace.read_bytes().splitlines():
        match = _CALL.match(line)
        if match is None or match[3].startswith(b"-"):
            continue
        name, arguments = match[1].decode(), match[2]
        strings = [_unescape(s) for s in _STRING.findall(arguments)]
        if name == "write" and arguments.startswith(b"1<"):
            calls.append(Call("say", data=strings[0]))
            continue
        target = re.match(rb"\d+<([^>]*)>", arguments)
        path = target[1].decode() if target else ""
        if name in ("openat", "open", "creat"):
            path = strings[0].decode()
            if path.startswith(prefix) and b"O_CREAT" in arguments and path not in known:
                known.add(path)
                calls.append(Call("create", path))
            if path.startswith(prefix) and b"O_TRUNC" in arguments:
                calls.append(Call("truncate", path))
        elif name in ("pwrite64", "write") and path.startswith(prefix):
            assert name == "pwrite64", "offsets of plain writes are not followed"
            offset = int(arguments.rsplit(b", ", 1)[1])
            calls.append(Call("write", path, offset, strings[0]))
        elif name in ("fsync", "fdatasync"):
            if path == str(folder):
                calls.append(Call("sync folder"))
            elif path.startswith(prefix):
                calls.append(Call("sync", path))
        elif name == "ftruncate" and path.startswith(prefix):
            calls.append(Call("truncate", path, int(arguments.rsplit(b", ", 1)[1])))
        elif name in ("unlink", "unlinkat") and strings[0].decode().startswith(prefix):
            path = strings[0].decode()
            known.discard(path)
            calls.append(Call("unlink", path))
        elif name in ("rename", "renameat", "renameat2") and prefix in strings[0].decode():
            old, new = strings[0].decode(), strings[1].decode()
            known.discard(old)
            known.add(new)
            calls.append(Call("rename", old, other=new))
        else:
            assert prefix.encode() not in arguments, f"{name} is not followed"
    return calls


def _unescape(text: bytes) -> bytes:
    def one(match: re.Match[bytes]) -> bytes:
        code = match[1]
        if code.startswith(b"x") and len(code) == 3:
            return bytes([int(code[1:], 16)])
        if code[:1].isdigit():
            return bytes([int(code, 8)])
        return _PLAIN[code]

    return _ESCAPE.sub(one, text)


def cut(calls: list[Call], folder: Path, into: Path, chance: random.Random) -> None:
    """Write into a new folder what a disk may hold that lost power after these calls."""
    files: dict[int, _File] = {}
    names: dict[str, int | None] = {}
    name_changes: dict[str, list[int | None]] = {}
    live: dict[str, int] = {}

    def rename_to(path: str, file: int | None) -> None:
        name_changes.setdefault(path, []).append(file)

    for call in calls:
        if call.name == "create":
            live[call.path] = len(files)
            files[len(files)] = _File()
            rename_to(call.path, live[call.path])
        elif call.name in ("write", "truncate"):
            files[live[call.path]].pending.append(call)
        elif call.name == "sync":
            file = files[live[call.path]]
            for pending in file.pending:
                _apply(file.synced, pending)
            file.pending.clear()
        elif call.name == "unlink":
            live.pop(call.path)
            rename_to(call.path, None)
        elif call.name == "rename":
            live[call.other] = live.pop(call.path)
            rename_to(call.other, live[call.other])
            rename_to(call.path, None)
        elif call.name == "sync folder":
            for path, changes in name_changes.items():
                names[path] = changes[-1]
            name_changes.clear()
    for path, changes in name_changes.items():
        kept = chance.randint(0, len(changes))
        if kept:
            names[path] = changes[kept - 1]
    for path, number in names.items():
        if number is not None:
            (into / Path(path).name).write_bytes(_survivor(files[number], chance))


def _survivor(file: _File, chance: random.Random) -> bytes:
    content = bytearray(file.synced)
    pending = [call for call in file.pending if chance.random() < 0.7]
    if chance.random() < 0.3:
        chance.shuffle(pending)
    for call in pending:
        if call.name == "write" and chance.random() < 0.3:
            start = chance.randrange(0, len(call.data) + 1, SECTOR)
            torn = call.data[start : start + chance.randrange(1, 9) * SECTOR]
            call = Call("write", call.path, call.offset + start, torn)
        _apply(content, call)
    return bytes(content)


def _apply(content: bytearray, call: Call) -> None:
    if call.name == "truncate":
        del content[call.offset :]
        content.extend(bytes(call.offset - len(content)))
        return
    end = call.offset + len(call.data)
    if call.data and end > len(content):
        content.extend(bytes(end - len(content)))
    content[call.offset : end] = call.data
