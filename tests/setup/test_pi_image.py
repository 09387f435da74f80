"""The file that makes a gate of a Raspberry Pi: its form, its commands, its answers."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
import yaml

from gate.cli.parser import build_parser
from gate.setup.answers import YES, read_answers
from gate.storage.folder import Folder
from tests.conftest import needs
from tests.support.paths import ROOT

FILE = ROOT / "packaging" / "raspberry-pi" / "user-data"
SCRIPT = "/usr/local/sbin/venue-gate-first-boot"


class Written(msgspec.Struct, forbid_unknown_fields=True):
    """One of cloud-init's ``write_files``."""

    path: str
    content: str
    permissions: str
    owner: str = "root:root"
    defer: bool = False


class User(msgspec.Struct, forbid_unknown_fields=True):
    """One of cloud-init's ``users``."""

    name: str
    gecos: str
    shell: str
    groups: list[str]
    sudo: str
    lock_passwd: bool


class Power(msgspec.Struct, forbid_unknown_fields=True):
    """Cloud-init's ``power_state``."""

    mode: str
    message: str
    condition: str


class UserData(msgspec.Struct, forbid_unknown_fields=True):
    """What of cloud-init's schema is used."""

    write_files: list[Written]
    users: list[User]
    ssh_pwauth: bool
    package_update: bool
    packages: list[str]
    runcmd: list[list[str]]
    power_state: Power


def read(text: str) -> UserData:
    return msgspec.convert(yaml.safe_load(text), UserData)


@pytest.fixture
def data() -> UserData:
    return read(FILE.read_text(encoding="utf-8"))


def written(data: UserData, path: str) -> Written:
    (found,) = [one for one in data.write_files if one.path == path]
    return found


def test_it_is_cloud_inits(data: UserData) -> None:
    """Its first line says so, and it has nothing that cloud-init does not know by that name."""
    assert FILE.read_text(encoding="utf-8").startswith("#cloud-config\n")
    assert yaml.safe_load((FILE.parent / "meta-data").read_text("utf-8"))["instance-id"]
    assert re.fullmatch(r"0[0-7]{3}", written(data, SCRIPT).permissions)
    assert data.power_state.mode == "reboot"


def test_a_misspelt_key_is_caught() -> None:
    """What cloud-init would pass over in silence."""
    text = FILE.read_text(encoding="utf-8")
    with pytest.raises(msgspec.ValidationError):
        read(text.replace("runcmd:", "run_cmd:"))


def test_only_the_link_is_to_be_filled_in(data: UserData) -> None:
    """One line, in a file that nobody else may read; what belongs to the user is written late."""
    text = FILE.read_text(encoding="utf-8")
    assert re.findall(r"PASTE-[A-Z-]+", text) == ["PASTE-THE-ENROLMENT-LINK-HERE"]
    (user,) = data.users
    link = written(data, f"/home/{user.name}/enrol.link")
    assert link.permissions == "0600"
    for one in data.write_files:
        # Before the user is made there is nobody to own it.
        assert one.defer is (one.owner == f"{user.name}:{user.name}")


def test_its_answers_are_answers(data: UserData, tmp_path: Path) -> None:
    """As ``gate setup --answers`` reads them; the link is where the file puts it."""
    file = tmp_path / "answers.toml"
    file.write_text(written(data, "/home/gate/answers.toml").content, encoding="utf-8")
    answers = read_answers(file)
    assert answers.link_file == "/home/gate/enrol.link"
    assert answers.write == YES
    assert answers.autostart == "tty1"


def test_its_commands_are_there(data: UserData) -> None:
    """The script is a shell's, and every ``gate …`` in it is a command of the program."""
    needs(shutil.which("sh") is not None, "a shell")
    script = written(data, SCRIPT).content
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    assert data.runcmd == [[SCRIPT]]
    commands = re.findall(r'"\.local/bin/gate ([^"]*)"', script)
    assert commands
    for command in commands:
        build_parser().parse_args(shlex.split(command))
    assert "pipx" in data.packages


def test_it_waits_for_what_says_that_it_was_taken_in(data: UserData, tmp_path: Path) -> None:
    """The files by which a device knows whose it is; sudo is taken back whatever comes of it."""
    folder = Folder(tmp_path)
    script = written(data, SCRIPT).content
    for path in (folder.enrolment, folder.membership):
        assert script.count(f"$data/{path.name}") == 2
    assert re.search(r"^rm -f /etc/sudoers.d/90-cloud-init-users$", script, re.M)
    assert data.users[0].lock_passwd
