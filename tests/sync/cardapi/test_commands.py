"""What is done at the server itself: reviews, accounts, tickets drawn and printed; and counts."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from gate.capture.camera import read_picture
from gate.capture.decode import Decoder
from gate.cli.main import main
from gate.core.signed_ticket import Signed
from gate.credential.signed import proved
from sync.cardapi import tables as t
from sync.server.database import in_transaction
from sync.server.signing import new_key
from tests.support.cardapi import DAY_S, Api, boarding, card_api, meeting

SYMBOLOGIES = {
    "CODE_TYPE_QRCODE": "qr", "CODE_TYPE_ONLY_QRCODE": "qr", "CODE_TYPE_TEXT": "qr",
    "CODE_TYPE_BARCODE": "code128", "CODE_TYPE_ONLY_BARCODE": "code128",
}  # fmt: skip


def read(path: Path) -> list[tuple[str, str]]:
    """What the lane's own decoder reads on a picture."""
    found = Decoder().read_fully(read_picture(path))
    return [(code.symbology.casefold().replace(" ", "").replace("-", ""), code.text)
            for code in found]  # fmt: skip


async def test_cards_are_reviewed_at_the_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Gate cards lists, approves and rejects; what is not there is told in one line."""
    async with card_api(tmp_path / "server") as api:
        await api.set(review="held")
        one, two = await api.create(), await api.create()
        at = ["--server-dir", str(tmp_path / "server")]
        assert main(["cards", "approve", one, *at]) == 0
        assert main(["cards", "reject", two, "--reason", "blurred", *at]) == 0
        assert main(["cards", "list", *at]) == 0
        told = capsys.readouterr().out
        assert re.search(f"{one}  CARD_STATUS_VERIFY_OK  MEETING_TICKET  show .*XX会议", told)
        assert re.search(f"{two}  CARD_STATUS_VERIFY_FAIL", told)
        await api.claim(one)
        await api.fails(40078, "/v1/claims", {"card_id": two, "openid": "oFan"})
        assert main(["cards", "approve", "p404", *at]) == 2
        assert "there is no card p404" in capsys.readouterr().err
        assert main(["cards", "account", "--event", "show", *at]) == 0
        assert re.search("appid wx[0-9a-f]{16}, secret [0-9a-f]{32}", capsys.readouterr().out)
        assert main(["cards", "list", "--server-dir", str(tmp_path)]) == 2
        await api.ok("/card/delete", {"card_id": one})
        assert main(["cards", "approve", one, *at]) == 2


@pytest.mark.examples(3)
@pytest.mark.parametrize(("code_type", "symbology"), SYMBOLOGIES.items())
@pytest.mark.parametrize("suffix", ["png", "svg"])
async def test_a_ticket_is_drawn_as_its_card_says(
    tmp_path: Path, code_type: str, symbology: str, suffix: str
) -> None:
    """And the lane's decoder reads the code from the picture."""
    async with card_api(tmp_path / "server") as api:
        code = await api.claim(await api.create(code_type=code_type))
    out = tmp_path / f"ticket.{suffix}"
    at = ["--server-dir", str(tmp_path / "server"), "--out", str(out)]
    assert main(["tickets", "render", code, *at]) == 0
    if suffix == "png":
        assert read(out) == [({"qr": "qrcode"}.get(symbology, symbology), code)]
    else:
        assert out.read_text().startswith("<?xml")


async def test_boarding_passes_are_drawn_by_what_the_phone_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """PDF417 or Aztec of qrcode_data; another symbology if asked; one that cannot hold it fails."""
    text = "M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 226F001A0025 100"
    async with card_api(tmp_path / "server") as api:
        codes: dict[str, str] = {}
        for code_type in ("CODE_TYPE_BARCODE", "CODE_TYPE_QRCODE", "CODE_TYPE_NONE"):
            code = await api.claim(await api.create(boarding(code_type=code_type)))
            stated = {"code": code, "class": "Y", "etkt_bnr": "1",
                      "qrcode_data": f"{text}{len(codes)}"}  # fmt: skip
            await api.ok("/card/boardingpass/checkin", stated)
            codes[code_type] = code
    at = ["--server-dir", str(tmp_path / "server")]
    pdf, aztec, qr = (tmp_path / f"{n}.png" for n in ("pdf", "aztec", "qr"))
    assert main(["tickets", "render", codes["CODE_TYPE_BARCODE"], "--out", str(pdf), *at]) == 0
    assert main(["tickets", "render", codes["CODE_TYPE_QRCODE"], "--out", str(aztec), *at]) == 0
    none = codes["CODE_TYPE_NONE"]
    assert main(["tickets", "render", none, "--out", str(qr), *at]) == 2
    assert main(["tickets", "render", none, "--symbology", "qr", "--out", str(qr), *at]) == 0
    assert read(pdf) == [("pdf417", f"{text}0")]
    assert read(aztec) == [("aztec", f"{text}1")]
    assert read(qr)[0][1] == f"{text}2"
    capsys.readouterr()
    assert main(["tickets", "render", "no-such-code", "--out", str(qr), *at]) == 2
    assert "there are no such tickets" in capsys.readouterr().err


async def test_an_order_is_printed_on_a_sheet(tmp_path: Path) -> None:
    """Every ticket with its code, seat and title, strangers' text escaped; or a folder of them."""
    async with card_api(tmp_path / "server") as api:
        card_id = await api.create(meeting(title="<b>&\u202e", get_limit=9))
        items = [{"card_id": card_id, "count": 3}]
        order = {"order_id": "A", "openid": "oFan", "items": items}
        codes = (await api.ok("/v1/orders", order))["codes"]
        seat = {"code": codes[0], "seat_number": "2排15号", "entrance": "North"}
        await api.ok("/card/meetingticket/updateuser", seat)
    sheet, folder = tmp_path / "sheet.html", tmp_path / "all"
    at = ["--server-dir", str(tmp_path / "server")]
    assert main(["tickets", "render", "--order", "A", "--out", str(sheet), *at]) == 0
    told = sheet.read_text(encoding="utf-8")
    assert told.count("<section>") == told.count("<svg viewBox=") == 3
    assert all(code in told for code in codes)
    assert "North · 2排15号" in told
    assert "<b>" not in told
    assert "\u202e" not in told
    assert main(["tickets", "render", "--card", card_id, "--out", str(folder), *at]) == 0
    assert sorted(read(p)[0][1] for p in folder.iterdir()) == sorted(codes)
    one = tmp_path / "x.png"
    assert main(["tickets", "render", "--card", card_id, "--out", str(one), *at]) == 2


async def test_a_signed_ticket_is_drawn_and_ends_with_its_gift(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Read by the lane's decoder off the picture; whoever gave it on has one that was replaced."""
    out, at = tmp_path / "ticket.png", ["--server-dir", str(tmp_path / "server")]

    def drawn(code: str) -> Signed:
        assert main(["tickets", "render", code, "--signed", "--out", str(out), *at]) == 0
        ((symbology, text),) = read(out)
        found = proved(text, keys)
        assert found is not None
        assert (symbology, found[0].type) == ("qrcode", card_id)
        return found[0]

    async with card_api(tmp_path / "server") as api:
        card_id = await api.create(meeting(can_give_friend=True))
        code = await api.claim(card_id)
        assert main(["tickets", "render", code, "--signed", "--out", str(out), *at]) == 2
        assert "no key signs" in capsys.readouterr().err
        keys = [in_transaction(api.running.engine, lambda c: new_key(c, "show"))]
        before = drawn(code)
        gift = {"code": code, "from": "oFan", "to": "oB"}
        await api.ok("/v1/gifts", gift | {"action": "start"})
        taken = await api.ok("/v1/gifts", gift | {"action": "accept"})
        after = drawn(str(taken["code"]))
    assert (before.ticket, before.issue, after.issue) == (after.ticket, 0, 1)


def day(days_ago: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600 - days_ago * DAY_S))


async def counted(api: Api, begin: int, end: int, **more: Any) -> dict[str, dict[str, int]]:
    asked = {"begin_date": day(begin), "end_date": day(end), "cond_source": 1, **more}
    listed = (await api.ok("/datacube/getcardbizuininfo", asked))["list"]
    return {line.pop("ref_date"): line for line in listed}


async def test_what_is_widened_expires_later(tmp_path: Path) -> None:
    """A ticket is counted as expired by its card's end as it is now, not as it was claimed."""
    async with card_api(tmp_path / "server") as api:
        card_id = await api.create()
        await api.claim(card_id)
        info = meeting()["card"]["meeting_ticket"]["base_info"]["date_info"]
        later = {"date_info": info | {"end_timestamp": info["end_timestamp"] + DAY_S}}
        await api.ok("/card/update", {"card_id": card_id, "meeting_ticket": {"base_info": later}})
        with api.running.engine.begin() as connection:
            (end,) = connection.execute(select(t.issued_code.c.ends_s)).scalars()
            assert end == info["end_timestamp"] + DAY_S


async def test_counts_by_day(tmp_path: Path) -> None:
    """Received, given, verified, expired and viewed, with how many people that was."""
    path = "/datacube/getcardbizuininfo"
    async with card_api(tmp_path / "server") as api:
        card_id = await api.create(get_limit=9, use_custom_code=True)
        who = {"c1": "oA", "c2": "oA", "c3": "oB", "c4": "oC"}
        codes = [await api.claim(card_id, openid, code=code) for code, openid in who.items()]
        give = {"card_id": card_id, "code": codes[0], "from": "oA", "to": "oD"}
        await api.ok("/v1/gifts", give | {"action": "start"})
        new = (await api.ok("/v1/gifts", give | {"action": "accept"}))["code"]
        await api.ok("/card/code/update", {"card_id": card_id, "code": new, "new_code": "NEW"})
        await api.ok("/card/code/consume", {"card_id": card_id, "code": codes[1]})
        for _n in range(3):
            view = {"card_id": card_id, "code": codes[2], "action": "view"}
            await api.ok("/v1/actions", view)
        assert await counted(api, 3, 1) == {}
        with api.running.engine.begin() as connection:
            c = t.issued_code.c
            for column in (c.claimed_s, c.gifted_s, c.redeemed_s):
                connection.execute(
                    update(t.issued_code).where(column > 0).values({column: column - 2 * DAY_S})
                )
            connection.execute(
                update(t.issued_code).where(c.code == codes[3]).values(ends_s=time.time() - DAY_S)
            )
            connection.execute(update(t.card_view).values(day=t.card_view.c.day - 2))
        assert await counted(api, 3, 1) == {
            day(2): {
                "view_cnt": 3, "view_user": 1, "receive_cnt": 4, "receive_user": 3,
                "verify_cnt": 1, "verify_user": 1, "given_cnt": 1, "given_user": 1,
                "expire_cnt": 0, "expire_user": 0,
            },
            day(1): {
                "view_cnt": 0, "view_user": 0, "receive_cnt": 0, "receive_user": 0,
                "verify_cnt": 0, "verify_user": 0, "given_cnt": 0, "given_user": 0,
                "expire_cnt": 1, "expire_user": 1,
            },
        }  # fmt: skip
        assert await counted(api, 3, 1, cond_source=0) == {}
        for begin, end, errcode in (
            (day(1), day(0), 61501), (day(1), day(2), 61501), (day(63), day(1), 61501),
            ("2015/06/15", day(1), 61500), ("2015-13-01", day(1), 61500), (None, None, 61500),
        ):  # fmt: skip
            await api.fails(errcode, path, {"begin_date": begin, "end_date": end})
        await counted(api, 62, 1)
