"""Pictures that are uploaded, pages of cards, and what embeds a card in an article."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from sync.cardapi import images, landing_pages
from sync.cardapi import tables as t
from sync.cardapi.errcodes import Errcode
from tests.support.cardapi import Api, account, card_api, meeting

PNG, JPEG = b"\x89PNG\r\n\x1a\n" + b"p" * 40, b"\xff\xd8\xff\xe0" + b"j" * 40
UPLOAD, PAGE, NEWS = "/cgi-bin/media/uploadimg", "/card/landingpage/create", "/card/mpnews/gethtml"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A server with an account."""
    async with card_api(tmp_path / "server") as api:
        yield api


async def upload(api: Api, content: bytes, field: str = "buffer", **more: Any) -> dict[str, Any]:
    """As libraries do it: one file of a form."""
    response = await api.running.http.post(
        UPLOAD,
        params={"access_token": api.token},
        files={field: ("logo.jpg", content)},
        **more,
    )
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


def path_of(url: str) -> str:
    """The way to an address of ours, without its host."""
    return "/" + url.split("/", 3)[3]


class TestPictures:
    """``media/uploadimg``."""

    @pytest.mark.examples(2)
    @pytest.mark.parametrize("field", ["buffer", "media", "file"])
    @pytest.mark.parametrize(("content", "kind"), [(PNG, "image/png"), (JPEG, "image/jpeg")])
    async def test_it_is_kept_and_served(
        self, api: Api, field: str, content: bytes, kind: str
    ) -> None:
        """As what it is, whatever it is called, to whoever has its address; a logo may be it."""
        url = (await upload(api, content, field))["url"]
        shown = await api.running.http.get(path_of(url))
        assert (shown.content, shown.headers["content-type"]) == (content, kind)
        assert shown.headers["x-content-type-options"] == "nosniff"
        await api.create(logo_url=url)

    async def test_the_same_again_is_the_same(self, api: Api) -> None:
        """One row and one address; another account has its own."""
        first = await upload(api, PNG)
        assert await upload(api, PNG) == first
        other = await account(api.running)
        assert (await upload(other, PNG))["url"] != first["url"]
        with api.running.engine.connect() as connection:
            count = connection.execute(select(func.count()).select_from(t.card_image)).scalar_one()
        assert count == 2

    @pytest.mark.examples(2)
    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"", Errcode.NO_MEDIA),
            (b"GIF89a", Errcode.BAD_FILE_TYPE),
            (b"<svg onload=alert(1)>", Errcode.BAD_FILE_TYPE),
            (PNG + bytes(images.LARGEST), Errcode.BAD_IMAGE_SIZE),
            (PNG + bytes(2 * images.LARGEST), Errcode.BAD_IMAGE_SIZE),
        ],
        ids=["nothing", "gif", "svg", "too large", "far too large"],
    )
    async def test_what_is_no_picture(self, api: Api, content: bytes, code: Errcode) -> None:
        """By its bytes and not by its name."""
        assert (await upload(api, content))["errcode"] == code

    async def test_as_large_as_may_be(self, api: Api) -> None:
        """A megabyte to the byte."""
        content = PNG + bytes(images.LARGEST - len(PNG))
        assert (await upload(api, content))["errcode"] == 0

    async def test_what_is_no_form(self, api: Api) -> None:
        """41005, also for a form without a file; and 43002 for who only asks."""
        query = {"access_token": api.token}
        http = api.running.http
        plain = await http.post(UPLOAD, params=query, content=PNG)
        empty = await http.post(UPLOAD, params=query, data={"a": "b"})
        torn = await http.post(
            UPLOAD, params=query, content=b"--x", headers={"Content-Type": "multipart/form-data"}
        )
        assert [one.json()["errcode"] for one in (plain, empty, torn)] == [Errcode.NO_MEDIA] * 3
        asked = await http.get(UPLOAD, params=query)
        assert asked.json()["errcode"] == Errcode.NEED_POST

    async def test_who_is_not_known_uploads_nothing(self, api: Api) -> None:
        """And what nobody uploaded is not there."""
        api.token = "x" * 40
        assert (await upload(api, PNG))["errcode"] == Errcode.BAD_CREDENTIAL
        assert (await api.running.http.get("/cgi-bin/mmbiz/" + "0" * 32)).status_code == 404
        assert (await api.running.http.get("/cgi-bin/mmbiz/%00")).status_code == 404

    async def test_an_account_fills_no_disk(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So many pictures and no more; one that is there already is no new one."""
        monkeypatch.setattr(images, "MOST", 1)
        assert (await upload(api, PNG))["errcode"] == 0
        assert (await upload(api, JPEG))["errcode"] == Errcode.DAILY_QUOTA
        assert (await upload(api, PNG))["errcode"] == 0


def page(*cards: str, **stated: Any) -> dict[str, Any]:
    """``card/landingpage/create`` as the documentation has it."""
    return {
        "banner": "http://mmbiz.qpic.cn/mmbiz/iaL1L",
        "page_title": "惠城优惠大派送",
        "can_share": True,
        "scene": "SCENE_NEAR_BY",
        "card_list": [{"card_id": one, "thumb_url": "http://pic/1.png"} for one in cards],
        **stated,
    }


class TestLandingPages:
    """``card/landingpage/create``."""

    async def test_a_page_offers_its_cards(self, api: Api) -> None:
        """Its address opens a page on which every card has a QR code that can be taken."""
        cards = [await api.create(title=title) for title in ("A<b>", "B&B")]
        made = await api.ok(PAGE, page(*cards))
        assert (made["page_id"], (await api.ok(PAGE, page(*cards)))["page_id"]) == (1, 2)
        shown = await api.running.http.get(path_of(made["url"]))
        assert shown.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        assert ("A&lt;b&gt;" in shown.text, "B&amp;B" in shown.text) == (True, True)
        assert "<b>" not in shown.text
        pictures = re.findall(r'src="\.\./\.\.(/cgi-bin/showqrcode\?ticket=([^"]+))"', shown.text)
        assert len(pictures) == 2
        for path, ticket in pictures:
            assert (await api.running.http.get(path)).content.startswith(b"\x89PNG")
            assert await api.ok("/v1/claims", {"ticket": ticket, "openid": "oFan"})

    async def test_what_is_deleted_or_over_is_not_on_it(self, api: Api) -> None:
        """And a page that is over is not there, and forgotten."""
        kept, gone = await api.create(title="kept"), await api.create(title="gone")
        path = path_of((await api.ok(PAGE, page(kept, gone)))["url"])
        await api.ok("/card/delete", {"card_id": gone})
        text = (await api.running.http.get(path)).text
        assert ("kept" in text, "gone" in text) == (True, False)
        with api.running.engine.begin() as connection:
            connection.execute(update(t.landing_page).values(ends_s=1))
        assert (await api.running.http.get(path)).status_code == 404
        with api.running.engine.begin() as connection:
            landing_pages.forget(connection, 2)
            assert not connection.execute(select(t.landing_page)).all()

    @pytest.mark.examples(3)
    @pytest.mark.parametrize(
        ("stated", "code"),
        [
            ({"page_title": None}, Errcode.NO_FIELD),
            ({"banner": ""}, Errcode.NO_FIELD),
            ({"can_share": None}, Errcode.NO_FIELD),
            ({"scene": "SCENE_MOON"}, Errcode.BAD_PARAMETER),
            ({"card_list": []}, Errcode.NO_FIELD),
            ({"card_list": [{"card_id": "pNone"}]}, Errcode.BAD_CARD_ID),
            ({"card_list": "both"}, Errcode.BAD_CARD_ID),
            ({"page_title": "长" * 43}, Errcode.TOO_LONG),
        ],
    )
    async def test_what_is_refused(self, api: Api, stated: Any, code: Errcode) -> None:
        """With the code of the field; nothing is kept then."""
        card = await api.create()
        if stated.get("card_list") == "both":
            stated = {"card_list": [{"card_id": card}, {"card_id": "pNone"}]}
        await api.fails(code, PAGE, page(card, **stated))
        with api.running.engine.connect() as connection:
            assert not connection.execute(select(t.landing_page)).all()
            assert not connection.execute(select(t.offer)).all()

    async def test_another_account_s_card_is_unknown(self, api: Api) -> None:
        """And so many pages has an account, and no more."""
        other = await account(api.running)
        await other.fails(Errcode.BAD_CARD_ID, PAGE, page(await api.create()))
        await other.fails(Errcode.BAD_CARD_ID, NEWS, {"card_id": await api.create()})

    async def test_so_many_pages(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        """A flood of pages fills no disk."""
        monkeypatch.setattr(landing_pages, "MOST", 1)
        card = await api.create()
        await api.ok(PAGE, page(card))
        await api.fails(Errcode.DAILY_QUOTA, PAGE, page(card))
        await api.fails(Errcode.DAILY_QUOTA, NEWS, {"card_id": card})
        with api.running.engine.connect() as connection:
            assert len(connection.execute(select(t.offer)).all()) == 1


class TestNews:
    """``card/mpnews/gethtml``."""

    async def test_it_embeds_a_page_of_the_card(self, api: Api) -> None:
        """The same one each time; a deposited card has one too, one of custom codes has none."""
        card = await api.create(title="Gala")
        content = (await api.ok(NEWS, {"card_id": card}))["content"]
        assert content == (await api.ok(NEWS, {"card_id": card}))["content"]
        found = re.search(
            r'<iframe class="res_iframe card_iframe [^"]*" data-src="([^"]+)"', content
        )
        assert found is not None
        assert "Gala" in (await api.running.http.get(path_of(found[1]))).text
        deposit = {"get_custom_code_mode": "GET_CUSTOM_CODE_MODE_DEPOSIT", "sku": {"quantity": 0}}
        await api.ok(NEWS, {"card_id": await api.create(meeting(use_custom_code=True, **deposit))})
        custom = await api.create(use_custom_code=True)
        await api.fails(Errcode.NOT_THIS_CARD, NEWS, {"card_id": custom})
        await api.fails(Errcode.NO_CARD_ID, NEWS, {})
        bound = await api.create(bind_openid=True)
        await api.fails(Errcode.NOT_THIS_CARD, NEWS, {"card_id": bound})
        await api.ok("/card/delete", {"card_id": card})
        await api.fails(Errcode.BAD_CARD_STATUS, NEWS, {"card_id": card})


async def test_quotas_are_cleared_ten_times_a_month(api: Api) -> None:
    """``clear_quota``: calls are counted from none again; the eleventh is 48006."""
    await api.fails(Errcode.BAD_APPID, "/cgi-bin/clear_quota", {"appid": "wxother"})
    for _time in range(10):
        await api.ok("/cgi-bin/clear_quota", {"appid": api.appid})
    with api.running.engine.connect() as connection:
        names = connection.execute(select(t.quota.c.name)).scalars().all()
    assert names == ["cleared"]
    await api.fails(Errcode.NO_MORE_CLEARING, "/cgi-bin/clear_quota", {"appid": api.appid})


async def test_days_of_cards_are_none(api: Api) -> None:
    """``getcardcardinfo`` counts no tickets; its dates are checked as documented."""
    path = "/datacube/getcardcardinfo"
    day = {"begin_date": "2026-01-01", "end_date": "2026-01-02", "cond_source": 0}
    assert (await api.ok(path, day))["list"] == []
    await api.fails(Errcode.BAD_DATE_RANGE, path, day | {"end_date": "2026-09-01"})
    await api.fails(Errcode.BAD_DATE, path, day | {"end_date": "1.9.2026"})
