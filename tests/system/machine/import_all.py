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
INSTALLERS = {"pip", "setuptools", "pkg_resources", "_distutils_hack"}
"""No part of the program; setuptools refuses to be imported after others."""


def main() -> int:
    """Say how much there was; how many could not be loaded, each with its reason."""
    names, libraries = installed()
    faults = []
    for load, wanted in ((importlib.import_module, names), (ctypes.CDLL, libraries)):
        for one in sorted(wanted):
            try:
                load(one)
            except Exception as error:  # noqa: BLE001  all of them are said
                faults.append(f"{one}: {error!r}")
    print("\n".join(faults))
    print(f"{platform.machine()}: {len(names)} modules, {len(libraries)} libraries")
    return len(faults)


def installed() -> tuple[set[str], set[str]]:
    """All modules of ours and the packages of others; the paths of their libraries."""
    names, libraries = set(OURS), set()
    for one in distributions(path=[sysconfig.get_path("purelib")]):
        for file in one.files or ():
            if ".so" in file.suffixes:
                libraries.add(str(Path(str(one.locate_file(file))).resolve()))
            if len(file.parts) == 2 and file.name == "__init__.py":
                names.add(file.parts[0])
            elif len(file.parts) == 1 and file.suffix in (".py", ".so"):
                names.add(file.name.partition(".")[0])
    for package in OURS:
        found = pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
        names |= {module.name for module in found if not module.name.endswith("__main__")}
    return names - INSTALLERS, libraries


if __name__ == "__main__":
    sys.exit(main())
