"""``gate serve`` as a command: what it makes, whom it tells what, and what it refuses."""

import datetime
import ipaddress
import os
import re
import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gate.capture.camera import read_picture
from gate.capture.decode import Decoder
from gate.cli.main import main
from gate.core.outcome import Outcome
from gate.core.verdict import Scan
from gate.storage.enrolment_link import SCHEME, parse_link
from gate.storage.folder import Folder
from gate.storage.log_file import AT_FIRST
from gate.storage.replica_file import live_replica
from sync.server import events, invite
from sync.server.database import in_transaction, open_database
from sync.server.serve import OF_EACH
from tests.support.central import ADMIN
from tests.support.crowd import crowd, still_there
from tests.support.programs import Program, run
from tests.support.venue import NOW_MS
from tests.system.network import EVENT, Device, Server, until

ONLY = (
    ("--new-token", "North"), ("--devices",), ("--retire", "0" * 16), ("--unretire", "0" * 16),
    ("--revoke", "0" * 16), ("--links",), ("--withdraw", "North"),
    ("--disown", "0" * 16, "--yes"),
)  # fmt: skip
"""What is done at a server's database, and is no server."""
SECRET = re.compile(r"\b[0-9a-f]{32}\b")


@pytest.fixture(autouse=True)
def _english_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_LANGUAGE", "en")


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that has said where it listens."""

    url: str
    told: str
    folder: Path

    def link(self, name: str = "North") -> str:
        """A link of ``gate serve --new-token``."""
        ran = run("serve", "--new-token", name, "--server-dir", str(self.folder), timeout=60)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()[-1]


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Serving]:
    """``gate serve`` with its output in a file, as under systemd."""
    output, complaints = folder.with_suffix(".out"), folder.with_suffix(".err")
    output.unlink(missing_ok=True)
    server = Program(
        "serve", "--server-dir", str(folder), "--listen", "127.0.0.1:0",
        "--time-zone", "Asia/Shanghai", *arguments,
        output=output, complaints=complaints,
    )  # fmt: skip

    def is_serving() -> bool:
        assert server.poll() is None, complaints.read_text()
        return output.exists() and "Ctrl-C" in output.read_text()

    try:
        until(is_serving)
        told = output.read_text()
        found = re.search(r"^Venue Gate server: (\S+)$", told, re.MULTILINE)
        assert found is not None, told
        until(lambda: _answers(found[1]))
        yield Serving(found[1], told, folder)
        server.terminate()
        assert server.wait(20) == 0
    finally:
        server.kill()
        server.wait(20)


def _answers(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{url}/readyz", verify=False, trust_env=False).is_success
    return False


def make_events(folder: Path, *ids: str) -> None:
    folder.mkdir()
    engine = open_database(f"sqlite:///{folder / 'central.db'}")
    for id_ in ids:
        made = partial(events.create_event, id_=id_, name="", time_zone="UTC", now_ms=NOW_MS)
        in_transaction(engine, made)
    engine.dispose()


class TestSecrets:
    """Who may see what."""

    def test_a_journal_gets_no_secret_of_the_card_api(self, tmp_path: Path) -> None:
        """Without a terminal the first start says how to get an account; that one works."""
        with serving(tmp_path / "server") as server:
            assert SECRET.search(server.told) is None
            assert "gate cards account --event ID" in server.told
            token = {"Authorization": f"Bearer {(server.folder / 'admin.token').read_text()[:-1]}"}
            made = httpx.get(f"{server.url}/v1/accounts", headers=token, trust_env=False).json()
            assert not made
            ran = run(
                "cards", "account", "--event", EVENT, "--server-dir", str(server.folder),
                timeout=60,
            )  # fmt: skip
            found = re.search(r"appid (wx[0-9a-f]{16}), secret ([0-9a-f]{32})", ran.stdout)
            assert found is not None, ran
            query = {"grant_type": "client_credential", "appid": found[1], "secret": found[2]}
            answer = httpx.get(f"{server.url}/cgi-bin/token", params=query, trust_env=False)
            assert answer.json()["expires_in"] > 0
        with serving(tmp_path / "server") as again:
            assert "account" not in again.told

    def test_a_token_of_the_environment_is_kept_nowhere(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """``GATE_ADMIN_TOKEN`` opens the organiser's routes, no other does; no file holds it."""
        monkeypatch.setenv("GATE_ADMIN_TOKEN", ADMIN)
        with serving(tmp_path / "server") as server:

            def status(token: str) -> int:
                headers = {"Authorization": f"Bearer {token}"}
                where = f"{server.url}/v1/events"
                return httpx.get(where, headers=headers, trust_env=False).status_code

            assert (status(ADMIN), status(ADMIN + "x")) == (200, 401)
        assert not (server.folder / "admin.token").exists()
        kept = [path.read_bytes() for path in server.folder.rglob("*") if path.is_file()]
        assert ADMIN not in server.told
        assert not any(ADMIN.encode() in content for content in kept)

    def test_nobody_else_can_read_the_database(self, tmp_path: Path) -> None:
        """Made private, with its log, whatever the umask; an older, open one is closed."""
        url = f"sqlite:///{tmp_path / 'central.db'}"

        def modes() -> dict[str, int]:
            return {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}

        private = dict.fromkeys(("central.db", "central.db-wal", "central.db-shm"), 0o600)
        umask = os.umask(0o022)
        try:
            engine = open_database(url)
            assert modes() == private
            for file in tmp_path.iterdir():
                file.chmod(0o644)
            open_database(url).dispose()
            assert modes() == private
            engine.dispose()
        finally:
            os.umask(umask)


class TestEvents:
    """Which event is meant."""

    @pytest.mark.examples(3)
    @pytest.mark.parametrize("only", ONLY, ids=lambda only: only[0])
    def test_a_named_event_must_be_there(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], only: tuple[str, ...]
    ) -> None:
        """Another is never taken for it, not even the only one; what there is, is named."""
        make_events(tmp_path / "server", "gala")
        where = ("--server-dir", str(tmp_path / "server"))
        assert main(["serve", *only, "--event", "typo", *where]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.splitlines()[0] == "gate: there is no event typo"
        assert told.err.endswith(" gala\n")

    def test_the_only_event_needs_no_name(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With one it is clear which is meant; with two, neither called default, it is asked."""
        make_events(tmp_path / "one", "gala")
        there = ("--url", "https://gates.example.org", "--server-dir", str(tmp_path / "one"))
        assert main(["serve", "--new-token", "N", *there]) == 0
        assert " into gala" in capsys.readouterr().out
        make_events(tmp_path / "two", "gala", "winter")
        assert main(["serve", "--new-token", "N", "--server-dir", str(tmp_path / "two")]) == 2
        told = capsys.readouterr()
        assert told.err.endswith(" gala, winter\n")
        assert SCHEME not in told.out

    def test_no_link_leads_where_no_gate_would_go(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Before the first start nobody knows where, and off this machine it takes TLS."""
        make_events(tmp_path / "one", "gala")
        new = ["serve", "--new-token", "N", "--server-dir", str(tmp_path / "one")]
        for said, why in (
            ([], "has not been started yet"),
            (["--listen", "192.0.2.7:8470"], "gates would not believe http://192.0.2.7:8470"),
            (["--url", "http://gates.example.org"], "would not believe http://gates.example.org"),
        ):
            assert main([*new, *said]) == 2
            told = capsys.readouterr()
            assert why in told.err
            assert SCHEME not in told.out

    def test_links_are_listed_and_withdrawn(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """By the name they were made for, or by the id that the list has."""
        make_events(tmp_path / "one", "gala")
        serve = ["serve", "--server-dir", str(tmp_path / "one")]
        for name in ("North", "North", "South"):
            assert main([*serve, "--new-token", name, "--url", "https://x.example"]) == 0
        capsys.readouterr()

        def lines(*arguments: str) -> list[str]:
            assert main([*serve, *arguments]) == 0
            return capsys.readouterr().out.splitlines()

        assert len(lines("--links")) == 3
        assert [line.split()[1:] for line in lines("--withdraw", "North")] == [
            ["withdrawn", "North"], ["withdrawn", "North"],
        ]  # fmt: skip
        (left,) = lines("--links")
        assert left.endswith("South")
        assert len(lines("--withdraw", left.split()[0])) == 1
        assert lines("--links") == []
        assert main([*serve, "--withdraw", "South"]) == 2

    def test_a_link_to_another_port_keeps_the_certificate(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The server that is there has one, whether or not --self-signed is said again."""
        with serving(tmp_path / "server", "--self-signed") as server:
            pinned = parse_link(server.link()).fingerprint
            new = ["serve", "--new-token", "N", "--server-dir", str(server.folder)]
            for said, url in (
                (["--listen", "192.0.2.7:9000"], "https://192.0.2.7:9000"),
                (["--url", "https://gates.example.org/"], "https://gates.example.org"),
            ):
                assert main([*new, *said]) == 0
                link = parse_link(capsys.readouterr().out.splitlines()[-1])
                assert (link.url, link.fingerprint) == (url, pinned)
        assert pinned

    def test_a_link_can_be_a_picture(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """``--png``: readable by whoever asked for it only; a place that is none is a fault."""
        make_events(tmp_path / "one", "gala")
        new = ["serve", "--new-token", "N", "--server-dir", str(tmp_path / "one")]
        new, code = [*new, "--url", "https://x.example"], tmp_path / "code.png"
        assert main([*new, "--png", str(code)]) == 0
        link = capsys.readouterr().out.splitlines()[-1]
        (found,) = Decoder(("QRCode",)).read_fully(read_picture(code))
        assert found.text == link
        assert code.stat().st_mode & 0o777 == 0o600
        assert main([*new, "--png", str(tmp_path / "nowhere" / "code.png")]) != 0

    def test_a_named_event_is_made_at_the_start(self, tmp_path: Path) -> None:
        """Beside those there are, and it is said; one that is there is left as it is."""
        for arguments, made, there in (
            ((), "Event default was made.", ["default"]),
            ((), "", ["default"]),
            (("--event", "gala"), "Event gala was made.", ["default", "gala"]),
            (("--event", "gala"), "", ["default", "gala"]),
            ((), "", ["default", "gala"]),
        ):
            with serving(tmp_path / "server", *arguments) as server:
                lines = [line for line in server.told.splitlines() if "was made" in line]
            assert lines == ([made] if made else [])
            engine = open_database(f"sqlite:///{server.folder / 'central.db'}")
            assert [one["id"] for one in in_transaction(engine, events.all_events)] == there
            engine.dispose()


class TestWhere:
    """What is done at a server wants one."""

    @pytest.mark.examples(3)
    @pytest.mark.parametrize("only", ONLY, ids=lambda only: only[0])
    def test_a_wrong_folder_is_left_alone(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], only: tuple[str, ...]
    ) -> None:
        """One line and exit code 2; neither folder nor database is made."""
        (tmp_path / "empty").mkdir()
        named = ("--database", f"sqlite:///{tmp_path / 'wrong.db'}")
        for where in (
            ("--server-dir", str(tmp_path / "wrong")),
            ("--server-dir", str(tmp_path / "empty")),
            ("--server-dir", str(tmp_path / "empty"), *named),
        ):
            assert main(["serve", *only, *where]) == 2
            assert "no server's database here" in capsys.readouterr().err
        assert list(tmp_path.rglob("*")) == [tmp_path / "empty"]

    @pytest.mark.parametrize("only", ONLY, ids=lambda only: only[0])
    def test_restored_is_said_at_a_start_only(self, tmp_path: Path, only: tuple[str, ...]) -> None:
        """Beside what is no start it would do nothing, so it is refused."""
        make_events(tmp_path / "server", "gala")
        where = ("--server-dir", str(tmp_path / "server"))
        ran = run("serve", "--restored", *only, *where, timeout=60)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "--restored" in ran.stderr


@pytest.mark.timeout(180)
@pytest.mark.long
def test_after_a_restored_backup_devices_begin_anew(tmp_path: Path) -> None:
    """A new life of the feed and a new snapshot; what the server lost of the journal is told again.

    Started without the flag it goes on where it was.
    """
    server = Server(tmp_path / "server")
    gate = Device(tmp_path / "gate", server, "North")
    kept = tmp_path / "backup"
    try:
        server.issue(3)
        server.close()
        shutil.copytree(server.folder, kept)
        server.start()
        server.issue(1, first=7)
        assert gate.once().returncode == 0
        lane = gate.open()
        assert lane.admit(Scan("C000007", deliberate=True)).outcome is Outcome.ADMIT
        assert lane.admit(Scan("C000001", deliberate=True)).outcome is Outcome.ADMIT
        assert gate.once().returncode == 0
        assert gate.own() <= set(server.entries())
        before = live_replica(gate.folder)

        server.close()
        server.start()
        assert gate.once().returncode == 0
        assert live_replica(gate.folder) == before

        server.close()
        for file in server.folder.glob("central.db*"):
            file.unlink()
        shutil.copytree(kept, server.folder, dirs_exist_ok=True)
        assert not server.entries()
        server.arguments = ("--restored",)
        server.start()
        assert gate.once().returncode == 0
        after = live_replica(gate.folder)
        assert after.name.split("-")[1] != before.name.split("-")[1]
        assert gate.own() <= set(server.entries())
        assert lane.admit(Scan("C000007", deliberate=True)).outcome is Outcome.REFUSE
        assert lane.admit(Scan("C000001", deliberate=True)).outcome is Outcome.REFUSE
    finally:
        gate.close()
        server.close()


class Stranger:
    """One who guesses the organiser's token, from an address that a proxy may have named."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False)

    def __enter__(self) -> "Stranger":
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.close()

    def tries(self, forwarded: str) -> int:
        headers = {"Authorization": "Bearer wrong", "X-Forwarded-For": forwarded}
        return self._http.get("/v1/events", headers=headers).status_code

    def is_held_up(self, forwarded: str) -> bool:
        """Whether it is told to wait before long; each try may name another address."""
        return any(self.tries(forwarded.format(n=n % 250)) == 429 for n in range(500))


class TestProxies:
    """``--proxy``: a client is who a proxy says it is, and nobody else says it."""

    @pytest.mark.long
    def test_clients_of_a_proxy_are_told_apart(self, tmp_path: Path) -> None:
        """One who guesses is held up, others are not; what it forges itself changes nothing."""
        proxy = ("--proxy", "127.0.0.1")
        with serving(tmp_path / "server", *proxy) as server, Stranger(server.url) as one:
            assert one.is_held_up("203.0.113.1")
            assert [one.tries("203.0.113.2") for _n in range(15)] == [401] * 15
            assert one.is_held_up("198.51.100.{n}, 203.0.113.3")

    @pytest.mark.long
    def test_a_chain_of_proxies_is_followed_to_its_first_stranger(self, tmp_path: Path) -> None:
        """From the right; what stands left of somebody who is none is that one's own word."""
        proxy = ("--proxy", "127.0.0.0/8", "--proxy", "10.1.2.0/24")
        with serving(tmp_path / "server", *proxy) as server, Stranger(server.url) as one:
            assert one.is_held_up("198.51.100.{n}, 203.0.113.1, 10.1.2.3")
            assert [one.tries("203.0.113.2, 10.1.2.3") for _n in range(15)] == [401] * 15

    @pytest.mark.parametrize("proxies", [(), ("--proxy", "10.1.2.3/32")])
    @pytest.mark.long
    def test_nobody_else_is_believed(self, tmp_path: Path, proxies: tuple[str, ...]) -> None:
        """Whoever names another address with each try is held up all the same."""
        with serving(tmp_path / "server", *proxies) as server, Stranger(server.url) as one:
            assert one.is_held_up("203.0.113.{n}")

    @pytest.mark.parametrize(
        "wrong", ["proxy.example", "10.0.0.300", "10.0.0.1/24", "0.0.0.0/0", "::/0", ""]
    )
    def test_what_is_no_address_is_said(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
    ) -> None:
        """In a line, before anything listens."""
        folder = str(tmp_path / "server")
        said = ("--proxy", wrong, "--time-zone", "UTC", "--listen", "127.0.0.1:0")
        assert main(["serve", "--server-dir", folder, *said]) == 2
        complaint = capsys.readouterr().err
        assert f"--proxy {wrong!r} is" in complaint
        assert "--proxy 127.0.0.1" in complaint


class TestCrowds:
    """Connections that only hold a place."""

    @pytest.mark.long
    def test_gates_are_served_among_1200_idle_connections(self, tmp_path: Path) -> None:
        """Of one address, the gate's own; the oldest are hung up on, and the log says so once."""
        with serving(tmp_path / "server", "--self-signed") as server:
            at = httpx.URL(server.url)
            assert at.port is not None
            with crowd(at.host, at.port, 1200) as idle:
                assert enrol(tmp_path / "gate", server.link()) == (0, "")
                once = run("sync", "--once", "--data-dir", str(tmp_path / "gate"), timeout=60)
                assert once.returncode == 0, once.stderr
                assert still_there(idle) <= OF_EACH
            log = (server.folder / "server.log").read_text()
            assert "files may be open" in log
            assert 0 < log.count("too many connections of strangers") <= AT_FIRST + 2
            assert "Traceback" not in log


class TestTls:
    """Certificates of three kinds, and gates that look at them."""

    def test_a_gate_believes_the_certificate_of_its_link(self, tmp_path: Path) -> None:
        """``--self-signed``: enrolled over TLS and in touch; nobody else's word is needed."""
        with serving(tmp_path / "server", "--self-signed") as server:
            assert server.url.startswith("https://")
            link = server.link()
            pinned = invite.fingerprint(server.folder / "server.crt")
            assert parse_link(link).fingerprint == pinned != ""
            assert enrol(tmp_path / "gate", link) == (0, "")
            once = run("sync", "--once", "--data-dir", str(tmp_path / "gate"), timeout=60)
            assert once.returncode == 0, once.stderr
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                httpx.get(f"{server.url}/readyz", trust_env=False)

    def test_another_certificate_than_the_link_names_is_refused(self, tmp_path: Path) -> None:
        """Before the token is told: nothing is enrolled, and the link is still good."""
        with serving(tmp_path / "server", "--self-signed") as server:
            link = server.link()
            pinned = parse_link(link).fingerprint
            other = ("B" if pinned[0] == "A" else "A") + pinned[1:]
            code, told = enrol(tmp_path / "gate", link.replace(pinned, other))
            assert code == 2
            assert "another certificate" in told
            assert not Folder(tmp_path / "gate").enrolment.exists()
            assert enrol(tmp_path / "gate", link) == (0, "")

    def test_a_given_certificate_is_shown(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """``--cert`` and ``--key``: a link pins nothing, and gates check whom the system trusts."""
        authority, certificate, key = certified(tmp_path)
        given = ("--cert", str(certificate), "--key", str(key))
        with serving(tmp_path / "server", *given) as server:
            port = int(server.url.rpartition(":")[2])
            shown = ssl.get_server_certificate(("127.0.0.1", port))
            assert shown == certificate.read_text()
            link = server.link()
            assert parse_link(link).fingerprint == ""
            code, _told = enrol(tmp_path / "gate", link)
            assert code != 0
            assert not Folder(tmp_path / "gate").enrolment.exists()
            monkeypatch.setenv("SSL_CERT_FILE", str(authority))
            assert enrol(tmp_path / "gate", link) == (0, "")

    def test_one_goes_with_the_other(self, tmp_path: Path) -> None:
        """A certificate without its key, or one that is not there, is refused in one line."""
        _authority, certificate, _key = certified(tmp_path)
        for flags, code, told in (
            (("--cert", str(certificate)), 2, "go together"),
            (("--cert", str(certificate), "--key", str(tmp_path / "no")), 1, "no such file"),
        ):
            ran = run("serve", "--server-dir", str(tmp_path / "server"), *flags, timeout=60)
            assert (ran.returncode, told in ran.stderr) == (code, True), ran.stderr


def enrol(folder: Path, link: str) -> tuple[int, str]:
    """``gate enrol``: its exit code and complaints."""
    ran = run("enrol", "--data-dir", str(folder), input_=link + "\n", timeout=60)
    complaints = [line for line in ran.stderr.splitlines() if line.startswith("gate: ")]
    return ran.returncode, "\n".join(complaints)


def certified(folder: Path, host: str = "") -> tuple[Path, Path, Path]:
    """An authority's certificate, and one of it for a host with its key, as PEM files.

    Without a name it is for 127.0.0.1.
    """
    keys = [ec.generate_private_key(ec.SECP256R1()) for _n in range(2)]
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Root", "Gate")
    ]
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    here = x509.SubjectAlternativeName([x509.DNSName(host) if host else address])
    paths = [folder / "root.pem", folder / "server.pem"]
    for n, path in enumerate(paths):
        made = (
            x509.CertificateBuilder()
            .subject_name(names[n])
            .issuer_name(names[0])
            .public_key(keys[n].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=n == 0, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(keys[n].public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()),
                critical=False,
            )
            .add_extension(here, critical=False)
            .sign(keys[0], hashes.SHA256())
        )
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = folder / "server-key.pem"
    private.write_bytes(
        keys[1].private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths[0], paths[1], private
