"""Where callbacks may lead: to the internet by https, and to what the server was told of."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from gate.errors import UsageError
from sync.server.webhooks import delivery
from sync.server.webhooks.delivery import NotAllowed, WebhookDelivery, hosts, is_public
from tests.support.cardapi import card_api
from tests.sync.server.test_serve import certified

PUBLIC, OTHER_PUBLIC = "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"


@pytest.mark.parametrize(
    "address", [PUBLIC, OTHER_PUBLIC, f"::ffff:{PUBLIC}", f"64:ff9b::{PUBLIC}"]
)
def test_a_host_of_the_internet_is_public(address: str) -> None:
    """By either kind of address, and one written as the other."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1",
        "203.0.113.1", "224.0.0.251", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254",
        "ff02::1", "2001:db8::1", "2001::1", "2002:7f00:1::", "100::1", "fec0::1", "4000::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1", "64:ff9b:1::1", "localhost", "",
    ],
)  # fmt: skip
def test_whatever_else_there_is_is_not(address: str) -> None:
    """Of this machine, of its network, of many, of nobody; also written in the other kind."""
    assert not is_public(address)


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: Sequence[str]) -> list[str]:
    """Let names resolve to these, one answer after the other; which were asked for."""
    asked: list[str] = []
    left = list(answers)

    async def getaddrinfo(host: str, port: int, **_how: object) -> list[object]:
        asked.append(host)
        return [(0, 0, 0, "", (address, port)) for address in left.pop(0)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


def watched(transport: WebhookDelivery, *, away: Sequence[str] = ()) -> list[httpx.Request]:
    """What the transport sends, instead of sending it; some addresses cannot be reached."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        if request.url.host in away:
            raise httpx.ConnectError("away")
        return httpx.Response(200)

    transport._http = httpx.MockTransport(answer)
    return sent


async def get(transport: WebhookDelivery, url: str) -> int:
    async with httpx.AsyncClient(transport=transport) as http:
        return (await http.get(url)).status_code


async def test_a_name_is_resolved_once_and_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is connected to is the address that was checked; the name stays the host's."""
    asked = resolving(monkeypatch, [PUBLIC], ["127.0.0.1"])
    transport = WebhookDelivery()
    sent = watched(transport)
    assert await get(transport, "https://hook.test:8443/x?y=1") == 200
    assert asked == ["hook.test"]
    (request,) = sent
    assert str(request.url) == f"https://{PUBLIC}:8443/x?y=1"
    assert request.headers["host"] == "hook.test:8443"
    assert request.extensions["sni_hostname"] == "hook.test"
    with pytest.raises(NotAllowed):
        await get(transport, "https://hook.test:8443/x?y=1")
    assert len(sent) == 1


async def test_only_its_public_addresses_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, until one answers."""
    resolving(monkeypatch, ["10.0.0.1", OTHER_PUBLIC, "::1", PUBLIC])
    transport = WebhookDelivery()
    sent = watched(transport, away=[OTHER_PUBLIC])
    assert await get(transport, "https://hook.test/") == 200
    assert [request.url.host for request in sent] == [OTHER_PUBLIC, PUBLIC]


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://[::1]/", "https://localhost/", "https://127.1/",
        "https://2130706433/", "https://0x7f000001/", "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data", "https://0/", "http://example.org/",
        "https://user:secret@127.0.0.1/",
    ],
)  # fmt: skip
async def test_what_is_not_on_the_internet_is_not_called(url: str) -> None:
    """However it is written; this is asked of the system itself."""
    transport = WebhookDelivery()
    sent = watched(transport)
    with pytest.raises((NotAllowed, httpx.ConnectError)):
        await get(transport, url)
    assert sent == []


async def test_the_tests_see_an_address_that_is_not_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Were every address public, this machine would be called."""
    monkeypatch.setattr(delivery, "is_public", lambda _address: True)
    with pytest.raises(pytest.fail.Exception):
        await test_what_is_not_on_the_internet_is_not_called("https://127.0.0.1/")


@pytest.mark.parametrize("name", ["127.0.0.1", "127.0.0.1:{port}", "LOCALHOST", "localhost:{port}"])
async def test_what_is_named_is_called(name: str) -> None:
    """Without TLS too, if that is how it is reached; another port only if none was named."""
    async with answering() as port:
        named = name.format(port=port)
        host = named.partition(":")[0].lower()
        assert await get(WebhookDelivery([named]), f"http://{host}:{port}/") == 200
        if ":" in named:
            with pytest.raises(NotAllowed):
                await get(WebhookDelivery([named]), f"http://{host}:{port + 1}/")
        with pytest.raises(NotAllowed):
            await get(WebhookDelivery(["other.test"]), f"https://{host}:{port}/")


@asynccontextmanager
async def answering(tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


async def test_the_certificate_is_checked_for_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though an address is connected to: one of another name does not do."""
    root, certificate, key = certified(tmp_path, "hook.test")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    shown: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: shown.append(name)
    ours = ssl.create_default_context(cafile=str(root))
    resolving(monkeypatch, ["127.0.0.1"], ["127.0.0.1"])
    async with answering(tls) as port:
        for host, is_good in (("hook.test", True), ("other.test", False)):
            transport = WebhookDelivery([host], tls=ours)
            if is_good:
                assert await get(transport, f"https://{host}:{port}/") == 200
            else:
                with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                    await get(transport, f"https://{host}:{port}/")
    assert shown == ["hook.test", "other.test"]


async def test_the_organiser_is_told_why(tmp_path: Path) -> None:
    """When a callback is set that the server does not call, and what could be done."""
    async with card_api(tmp_path / "server", runs_jobs=False) as api:
        for url, why in (
            ("http://93.184.215.14/hook", "it is not https"),
            ("https://169.254.169.254/", "it is not on the internet"),
            ("nowhere", "https://"),
        ):
            answer = await api.set(callback=url, callback_token="AAAAA")
            assert answer.status_code == 422
            assert answer.json()["error"] == "callback"
            assert why in answer.json()["reason"]
            assert "--callback-to" in answer.json()["reason"]


@pytest.mark.parametrize(
    "good", ["backend", "backend.internal:8080", "10.0.0.1", "[fd00::1]", "[fd00::1]:80"]
)
def test_a_host_is_named_as_it_is_written(good: str) -> None:
    """With its port or without."""
    assert hosts([good]) == (good,)


@pytest.mark.parametrize("bad", ["", "http://x", "x/y", "a b", "x:port", "u@x", "x:99999", " x"])
def test_what_is_no_host_is_said(bad: str) -> None:
    """In a line with an example."""
    with pytest.raises(UsageError, match="--callback-to"):
        hosts([bad])
