"""Import all that is installed beside this Python, and load every library in it.

Runs in the machine, where nothing else of this checkout is.
"""

import ctypes
import importlib
import pkgutil
import platform
import sys
import sysconfig
from importlib.metadata import distributions
from pathlib import Path

OURS = ("gate", "sync")


def main() -> int:
    """Say how much there was; ends with what could not be loaded."""
    names, libraries = set(OURS), []
    for one in distributions(path=[sysconfig.get_path("purelib")]):
        for file in one.files or ():
            if ".so" in file.suffixes:
                libraries.append(Path(str(one.locate_file(file))))
            if file.name == "__init__.py" and len(file.parts) == 2:
                names.add(file.parts[0])
            elif len(file.parts) == 1 and file.suffix in (".py", ".so"):
                names.add(file.name.partition(".")[0])
    for package in OURS:
        found = pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
        names |= {module.name for module in found if not module.name.endswith("__main__")}
    for name in sorted(names):
        importlib.import_module(name)
    for library in libraries:
        ctypes.CDLL(str(library))
    print(f"{platform.machine()}: {len(names)} modules, {len(libraries)} libraries")
    return 0


if __name__ == "__main__":
    sys.exit(main())
