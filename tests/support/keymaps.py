"""The system's own keyboard tables (xkb), read by libxkbcommon."""

import ctypes
import ctypes.util
from pathlib import Path
from typing import Any

KEYS = (
    ("TLDE", *(f"AE{n:02}" for n in range(1, 13))),
    tuple(f"AD{n:02}" for n in range(1, 13)),
    (*(f"AC{n:02}" for n in range(1, 12)), "BKSL"),
    ("LSGT", *(f"AB{n:02}" for n in range(1, 11))),
)
DEAD = {
    "grave": "`", "acute": "´", "circumflex": "^", "diaeresis": "¨", "tilde": "~", "caron": "ˇ",
    "cedilla": "¸", "ogonek": "˛", "doubleacute": "˝", "breve": "˘", "abovering": "°",
    "abovedot": "˙",
}  # fmt: skip


class _Names(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_char_p) for name in ("rules", "model", "layout", "variant", "options")
    ]


def library() -> Any:
    """libxkbcommon, or ``None`` where it or its tables are not there."""
    name = ctypes.util.find_library("xkbcommon")
    if name is None or not Path("/usr/share/X11/xkb/symbols/us").exists():
        return None
    lib = ctypes.CDLL(name)
    pointer, number = ctypes.c_void_p, ctypes.c_uint32
    lib.xkb_context_new.restype = lib.xkb_keymap_new_from_names.restype = pointer
    lib.xkb_context_new.argtypes = [ctypes.c_int]
    lib.xkb_keymap_new_from_names.argtypes = [pointer, pointer, ctypes.c_int]
    lib.xkb_keymap_key_by_name.argtypes = [pointer, ctypes.c_char_p]
    lib.xkb_keymap_key_get_syms_by_level.argtypes = [pointer, number, number, number, pointer]
    lib.xkb_keymap_unref.argtypes = lib.xkb_context_unref.argtypes = [pointer]
    lib.xkb_keysym_get_name.argtypes = [number, ctypes.c_char_p, ctypes.c_size_t]
    return lib


def rows(lib: Any, layout: str, variant: str = "") -> tuple[str, str]:
    """What the keys of a layout type, plain and with Shift; accent keys as their accents."""
    context = lib.xkb_context_new(0)
    names = _Names(b"evdev", b"pc105", layout.encode(), variant.encode(), b"")
    keymap = lib.xkb_keymap_new_from_names(context, ctypes.byref(names), 0)
    assert keymap, (layout, variant)
    plain, shifted = (
        " ".join("".join(_typed(lib, keymap, key, level) for key in row) for row in KEYS)
        for level in (0, 1)
    )
    lib.xkb_keymap_unref(keymap)
    lib.xkb_context_unref(context)
    return plain, shifted


def _typed(lib: Any, keymap: Any, key: str, level: int) -> str:
    symbols = ctypes.POINTER(ctypes.c_uint32)()
    code = lib.xkb_keymap_key_by_name(keymap, key.encode())
    if not lib.xkb_keymap_key_get_syms_by_level(keymap, code, 0, level, ctypes.byref(symbols)):
        return "\0"
    if number := lib.xkb_keysym_to_utf32(symbols[0]):
        return chr(number)
    name = ctypes.create_string_buffer(64)
    lib.xkb_keysym_get_name(symbols[0], name, 64)
    return DEAD.get(name.value.decode().removeprefix("dead_"), "\0")
