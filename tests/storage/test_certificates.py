"""Who belongs to the venue: certificates without a date, and connections only members open."""

import os
import shutil
import ssl
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gate.core.enrolment import Enrolled
from gate.errors import DamagedError
from gate.storage import certificates
from gate.storage.certificates import (
    Authority,
    Membership,
    client_context,
    join,
    load_membership,
    member_of,
    save_membership,
    server_context,
    venue_id,
)
from gate.storage.device_key import DeviceKey
from gate.storage.folder import Folder
from tests.support.central import Central, Maker, central

SHIM = """
#include <stdlib.h>
#include <time.h>
time_t time(time_t *at) {
    time_t now = atoll(getenv("FAKED_CLOCK"));
    if (at) *at = now;
    return now;
}
"""
MEET = (
    "from tests.storage.test_certificates import meet_again; import sys; meet_again(*sys.argv[1:])"
)


def member(path: Path, authority: Authority) -> tuple[Folder, Membership]:
    """A folder whose device the authority has made a member."""
    folder = Folder(path)
    folder.create()
    device = folder.device_id()
    made = Membership(
        device, authority.issue(device, DeviceKey(folder).public), authority.certificate
    )
    save_membership(folder, made)
    return folder, made


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[bytes, bytes]:
    """A handshake in memory: the certificate (DER) each side saw. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server),
    ]
    for _turn in range(6):
        for side in sides:
            try:
                side.do_handshake()
                # A server of TLS 1.3 learns only here what the client showed, and a client
                # whether the server took it.
                side.read(1)
            except ssl.SSLWantReadError:
                continue
    seen = [side.getpeercert(binary_form=True) for side in sides]
    assert sides[0].version() == sides[1].version() == "TLSv1.3"
    assert seen[0] is not None
    assert seen[1] is not None
    return seen[0], seen[1]


def meet(one: tuple[Folder, Membership], other: tuple[Folder, Membership]) -> tuple[bytes, bytes]:
    """Two folders' devices meet: the first listens."""
    return shake_hands(server_context(*one), client_context(*other))


def meet_again(one: str, other: str) -> None:
    """The same, of folders that are kept; for another process."""
    folders = [Folder(Path(path)) for path in (one, other)]
    kept = [load_membership(folder) for folder in folders]
    assert kept[0] is not None
    assert kept[1] is not None
    meet((folders[0], kept[0]), (folders[1], kept[1]))


@pytest.fixture
def authority() -> Authority:
    """A venue."""
    return Authority.mint()


def test_two_members_know_each_other(authority: Authority, tmp_path: Path) -> None:
    """Each reads the other's device and key from the connection itself."""
    north, south = member(tmp_path / "a", authority), member(tmp_path / "b", authority)
    seen_by_north, seen_by_south = meet(north, south)
    for (folder, _made), seen in ((north, seen_by_south), (south, seen_by_north)):
        assert member_of(seen) == (folder.device_id(), DeviceKey(folder).public)


def test_a_stranger_is_turned_away(authority: Authority, tmp_path: Path) -> None:
    """A member of another venue opens nothing, whichever of the two listens."""
    ours = member(tmp_path / "a", authority)
    stranger = member(tmp_path / "b", Authority.mint())
    for one, other in ((ours, stranger), (stranger, ours)):
        with pytest.raises(ssl.SSLCertVerificationError):
            meet(one, other)
    claims = (stranger[0], Membership("", stranger[1].certificate, authority.certificate))
    with pytest.raises(ssl.SSLCertVerificationError):
        meet(ours, claims)


def test_whoever_shows_nothing_is_turned_away(authority: Authority, tmp_path: Path) -> None:
    """A caller without a certificate gets no further than the handshake."""
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare.check_hostname = False
    bare.load_verify_locations(cadata=authority.certificate)
    with pytest.raises(ssl.SSLError, match="DID_NOT_RETURN_A_CERTIFICATE"):
        shake_hands(server_context(*member(tmp_path / "a", authority)), bare)


def test_a_member_takes_nobody_in(authority: Authority, tmp_path: Path) -> None:
    """A certificate that a member signed, its own chain beside it, is no member's."""
    listens = member(tmp_path / "a", authority)
    folder, made = member(tmp_path / "b", authority)
    as_authority = Authority.from_pem(DeviceKey(folder).private, made.certificate)
    third, forged = member(tmp_path / "c", as_authority)
    chain = Membership(forged.device, forged.certificate + made.certificate, authority.certificate)
    with pytest.raises(ssl.SSLCertVerificationError, match="invalid CA"):
        meet(listens, (third, chain))


def test_older_tls_is_refused(authority: Authority, tmp_path: Path) -> None:
    """Below 1.3 certificates travel in the clear, where a stranger would read who is here."""
    client = client_context(*member(tmp_path / "b", authority))
    client.minimum_version = ssl.TLSVersion.TLSv1_2
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        shake_hands(server_context(*member(tmp_path / "a", authority)), client)


def test_the_key_leaves_no_file(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS reads it from a file that is gone when the context is there, and was its user's only."""
    folder, made = member(tmp_path / "a", authority)
    before = set(folder.path.iterdir())
    modes = []

    load = ssl.SSLContext.load_cert_chain

    def watched(context: ssl.SSLContext, file: Path) -> None:
        modes.append(stat.S_IMODE(file.stat().st_mode))
        load(context, file)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watched)
    server_context(folder, made)
    assert modes == [0o600]
    assert set(folder.path.iterdir()) == before


def test_another_key_is_a_fault(authority: Authority, tmp_path: Path) -> None:
    """After the device's key was made anew, its certificate is of no more use, and it is said."""
    folder, made = member(tmp_path / "a", authority)
    (folder.path / "device.key").unlink()
    for context in (server_context, client_context):
        with pytest.raises(DamagedError, match="does not fit") as fault:
            context(folder, made)
        assert "gate enrol" in fault.value.hint
    assert not list(folder.path.glob("*.part"))


@pytest.mark.parametrize("names", ["authority", "server"])
def test_other_certificates_name_no_device(authority: Authority, names: str) -> None:
    """Neither the venue's own nor somebody's web server's."""
    pem = authority.certificate
    if names == "server":
        key = authority._key
        name = certificates._name("0" * 15)
        pem = (
            certificates._certificate(name, name, key.public_key(), key.public_key())
            .sign(key, None)
            .public_bytes(Encoding.PEM)
            .decode()
        )
    with pytest.raises(ValueError, match="no certificate of a device"):
        member_of(ssl.PEM_cert_to_DER_cert(pem))
    with pytest.raises(ValueError, match="asn1"):
        member_of(b"no certificate")


@pytest.mark.parametrize("device", ["", "0" * 15, "0" * 17, "A" * 16, "venue", "0" * 16 + "\n"])
def test_only_devices_get_certificates(authority: Authority, device: str) -> None:
    """Whatever was asked for, no other name is ever signed."""
    with pytest.raises(ValueError, match="no id of a device"):
        authority.issue(device, "ab" * 32)


def test_a_certificate_names_no_real_time(authority: Authority) -> None:
    """From 1970 to the date that means no end."""
    for pem in (authority.certificate, authority.issue("0" * 16, "ab" * 32)):
        made = x509.load_pem_x509_certificate(pem.encode())
        assert made.not_valid_before_utc == datetime(1970, 1, 1, tzinfo=UTC)
        assert made.not_valid_after_utc == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that gives a process another clock."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no C compiler here to make another clock with")
    path = tmp_path_factory.mktemp("clock")
    (path / "clock.c").write_text(SHIM)
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", path / "clock.so", path / "clock.c"], check=True
    )
    return path / "clock.so"


def met_in(year: int, shim: Path, *folders: Folder) -> subprocess.CompletedProcess[str]:
    """Two members meet in a process whose clock is of another year."""
    moment = str(int(datetime(year, 6, 1, tzinfo=UTC).timestamp()))
    return subprocess.run(
        [sys.executable, "-c", MEET, *(str(folder.path) for folder in folders)],
        env={**os.environ, "LD_PRELOAD": str(shim), "FAKED_CLOCK": moment},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("year", [1971, 1980, 2040, 2107, 9998])
@pytest.mark.long
@pytest.mark.system
def test_members_meet_whatever_the_year(
    authority: Authority, tmp_path: Path, shim: Path, year: int
) -> None:
    """A clock that is decades off keeps no gate out."""
    north, south = member(tmp_path / "a", authority), member(tmp_path / "b", authority)
    met = met_in(year, shim, north[0], south[0])
    assert met.returncode == 0, met.stderr


@pytest.mark.long
@pytest.mark.system
def test_a_certificate_with_dates_would_keep_gates_out(
    tmp_path: Path, shim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation of the test before: good for this decade only, a gate in 1980 stands alone."""
    monkeypatch.setattr(certificates, "_BEGIN", datetime(2020, 1, 1, tzinfo=UTC))
    authority = Authority.mint()
    north, south = member(tmp_path / "a", authority), member(tmp_path / "b", authority)
    assert met_in(2030, shim, north[0], south[0]).returncode == 0
    assert "not yet valid" in met_in(1980, shim, north[0], south[0]).stderr


def test_a_membership_is_kept(authority: Authority, folder: Folder) -> None:
    """For this user only; none and a damaged one are told apart."""
    assert load_membership(folder) is None
    _folder, made = member(folder.path, authority)
    assert load_membership(folder) == made
    path = folder.path / certificates.MEMBER
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"{")
    with pytest.raises(DamagedError, match=r"member\.json"):
        load_membership(folder)


def test_venues_have_different_names(authority: Authority, tmp_path: Path) -> None:
    """16 hex digits, the same for all members of one venue."""
    ours = {venue_id(member(tmp_path / name, authority)[1]) for name in "ab"}
    other = venue_id(member(tmp_path / "c", Authority.mint())[1])
    (one,) = ours
    assert len(one) == 16
    assert int(one, 16) != int(other, 16)


def test_whoever_enrols_without_a_certificate_is_no_member(
    authority: Authority, folder: Folder
) -> None:
    """Also when the folder was a member before: the new enrolment is what counts."""
    device = folder.device_id()
    issued = authority.issue(device, DeviceKey(folder).public)
    join(folder, Enrolled("c", "e", "E", "North", "UTC", authority.certificate, issued))
    kept = load_membership(folder)
    assert kept == Membership(device, issued, authority.certificate)
    join(folder, Enrolled("c", "e", "E", "North", "UTC"))
    assert load_membership(folder) is None


async def enrolled(running: Central, maker: Maker, event: str = "show") -> Enrolled:
    """What a device is told when it enrols."""
    asked = {
        "token": await running.token(event=event), "device": maker.device, "key": maker.public,
    }  # fmt: skip
    answer = await running.http.post("/v1/enrol", json=asked)
    assert answer.status_code == 200, answer.text
    return Enrolled(**answer.json())


async def test_central_makes_members_of_one_venue(tmp_path: Path) -> None:
    """All devices of an event get certificates of one authority, another event's of another."""
    async with central(tmp_path / "server") as running:
        await running.admin("POST", "/events", json={"id": "second", "time_zone": "UTC"})
        makers = [Maker(f"{n:016x}", "aa") for n in range(3)]
        told = [await enrolled(running, maker) for maker in makers[:2]]
        other = await enrolled(running, makers[2], "second")
    assert told[0].authority == told[1].authority != other.authority
    for maker, one in zip(makers, [*told, other], strict=True):
        der = ssl.PEM_cert_to_DER_cert(one.certificate)
        assert member_of(der) == (maker.device, maker.public)
        signed = x509.load_pem_x509_certificate(one.certificate.encode())
        signed.verify_directly_issued_by(x509.load_pem_x509_certificate(one.authority.encode()))
