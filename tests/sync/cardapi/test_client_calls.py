"""Every call that client libraries make for cards is answered, or refused with the API's code."""

import inspect
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from wechatpy.client.api import WeChatCard

from sync.cardapi.errcodes import Errcode
from sync.cardapi.other_kinds import REFUSED
from tests.support.cardapi import Api, card_api
from tests.support.paths import ROOT

ANSWERED = None
"""It is done, or refused for what it states; not for what it is."""
OTHER_KIND, NO_RIGHT = Errcode.NOT_THIS_CARD, Errcode.NOT_AUTHORISED
CLIENTS = {
    "wechatpy 1.8.18": """
        card/batchget card/boardingpass/checkin card/code/checkcode card/code/consume
        card/code/decrypt card/code/deposit card/code/get card/code/getdepositcount
        card/code/unavailable card/code/update card/create card/delete card/get card/getcolors
        card/landingpage/create card/location/batchadd card/location/batchget
        card/luckymoney/updateuserbalance card/membercard/activate card/membercard/activate/geturl
        card/membercard/activatetempinfo/get card/membercard/activateuserform/set
        card/membercard/updateuser card/membercard/userinfo/get card/modifystock
        card/movieticket/updateuser card/mpnews/gethtml card/paycell/set card/paygiftcard/add
        card/paygiftcard/batchget card/paygiftcard/delete card/paygiftcard/getbyid
        card/qrcode/create card/testwhitelist/set card/update card/user/getcardlist
        cgi-bin/media/uploadimg cgi-bin/ticket/getticket cgi-bin/token""",
    "WxJava (WxMpApiUrl)": """
        card/create card/get cgi-bin/ticket/getticket card/code/decrypt card/code/get
        card/code/consume card/code/mark card/testwhitelist/set card/qrcode/create
        card/landingpage/create card/code/unavailable card/delete card/code/deposit
        card/code/getdepositcount card/code/checkcode card/mpnews/gethtml card/modifystock
        card/code/update card/paycell/set card/selfconsumecell/set card/user/getcardlist
        cgi-bin/media/uploadimg card/membercard/activate card/membercard/userinfo/get
        card/membercard/updateuser card/membercard/activateuserform/set
        card/membercard/activate/geturl card/update card/membercard/activatetempinfo/get
        cgi-bin/poi/getwxcategory cgi-bin/poi/updatepoi cgi-bin/poi/getpoilist cgi-bin/poi/delpoi
        cgi-bin/poi/getpoi cgi-bin/poi/addpoi card/invoice/getauthurl card/invoice/getauthdata
        card/invoice/rejectinsert card/invoice/makeoutinvoice card/invoice/clearoutinvoice
        card/invoice/queryinvoceinfo card/invoice/setbizattr card/invoice/reimburse/getinvoiceinfo
        card/invoice/reimburse/getinvoicebatch card/invoice/reimburse/updateinvoicestatus
        card/invoice/reimburse/updatestatusbatch cgi-bin/clear_quota cgi-bin/stable_token""",
    "wechat-api 1.35.1": """
        card/batchget card/boardingpass/checkin card/code/checkcode card/code/consume
        card/code/decrypt card/code/deposit card/code/get card/code/getdepositcount
        card/code/unavailable card/code/update card/consumer/add card/create card/delete card/get
        card/getapplyprotocol card/getcolors card/location/batchadd card/location/batchget
        card/luckymonkey/updateuserbalance card/meetingticket/updateuser card/membercard/activate
        card/membercard/activateuserform/set card/membercard/updateuser
        card/membercard/userinfo/get card/modifystock card/movieticket/updateuser
        card/qrcode/create card/submerchant/batchget card/submerchant/get card/submerchant/submit
        card/submerchant/update card/testwhitelist/set card/update cgi-bin/clear_quota
        cgi-bin/media/uploadimg cgi-bin/ticket/getticket datacube/getcardbizuininfo
        datacube/getcardcardinfo""",
    "co-wechat-api 3.11.0": """
        card/batchget card/boardingpass/checkin card/code/consume card/code/decrypt card/code/get
        card/code/unavailable card/code/update card/create card/delete card/get card/getcolors
        card/location/batchadd card/location/batchget card/luckymonkey/updateuserbalance
        card/meetingticket/updateuser card/membercard/activate card/membercard/activate/geturl
        card/membercard/activatetempinfo/get card/membercard/activateuserform/set
        card/membercard/updateuser card/modifystock card/movieticket/updateuser
        card/qrcode/create card/testwhitelist/set card/update card/user/getcardlist
        cgi-bin/media/uploadimg cgi-bin/poi/addpoi cgi-bin/poi/getpoi cgi-bin/poi/getpoilist
        cgi-bin/poi/delpoi cgi-bin/poi/updatepoi cgi-bin/ticket/getticket""",
    "silenceper/wechat 2": """
        card/create card/update membercard/updateuser cgi-bin/ticket/getticket""",
}
"""Read from the packages themselves, but WxJava and the Go SDK, which were read as source."""
REFUSED_AS = {
    **dict.fromkeys(
        ("card/membercard/", "card/luckymoney/", "card/luckymonkey/", "card/generalcard/",
         "card/code/mark", "card/paycell/set", "card/selfconsumecell/set"), OTHER_KIND
    ),
    **dict.fromkeys(
        ("card/location/", "cgi-bin/poi/", "card/consumer/", "card/getapplyprotocol",
         "card/submerchant/", "card/paygiftcard/", "card/giftcard/", "card/invoice/"), NO_RIGHT
    ),
    # The Go SDK's slip of the pen: WeChat knows it with /card/ before it.
    "membercard/updateuser": Errcode.BAD_URL,
}  # fmt: skip
EVERY = sorted({path for calls in CLIENTS.values() for path in calls.split()})


def expected(path: str) -> Errcode | None:
    """The code that a call is refused with, whatever it states."""
    found = {code for start, code in REFUSED_AS.items() if path.startswith(start)}
    return found.pop() if found else ANSWERED


@pytest.fixture(scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """A server with an account."""
    async with card_api(tmp_path_factory.mktemp("calls") / "server", address_burst=1e6) as api:
        yield api


async def answered(http: httpx.AsyncClient, method: str, path: str, token: str) -> int:
    """The errcode of a call that states next to nothing."""
    body = {"content": b'{"appid":"wx"}'} if method == "POST" else {}
    response = await http.request(
        method,
        f"/{path}",
        params={"access_token": token},
        **body,  # type: ignore[arg-type]
    )
    assert response.status_code == 200, path
    return int(response.json().get("errcode", 0))


@pytest.mark.parametrize("path", EVERY)
async def test_it_is_answered_or_refused_as_documented(api: Api, path: str) -> None:
    """Never as a call that is unknown, but for the one that WeChat does not know either."""
    codes = {
        await answered(api.running.http, method, path, api.token) for method in ("POST", "GET")
    }
    refused = expected(path)
    if refused is not ANSWERED:
        assert codes == {refused}
    else:
        assert not codes & {Errcode.BAD_URL, Errcode.BUSY, OTHER_KIND, NO_RIGHT}


@pytest.mark.parametrize("path", ["card/membercard/activate", "card/invoice/seturl"])
async def test_whose_it_is_comes_first(api: Api, path: str) -> None:
    """A call that is refused anyway tells nobody so who has no token."""
    assert await answered(api.running.http, "POST", path, "") == Errcode.NO_TOKEN
    assert await answered(api.running.http, "POST", path, "x" * 40) == Errcode.BAD_CREDENTIAL


async def test_a_call_that_nobody_makes_is_unknown(api: Api) -> None:
    """The mutation: a path that is on no list is 40066, and so would be one that is forgotten."""
    assert await answered(api.running.http, "POST", "card/nothing/at/all", api.token) == 40066


def test_the_list_has_all_that_the_library_at_hand_calls() -> None:
    """Of wechatpy, whose source is installed: a newer one that calls more is noticed."""
    source = Path(inspect.getfile(WeChatCard)).read_text(encoding="utf-8")
    called = set(re.findall(r"'(card/[a-z/]+)'", source))
    assert len(called) > 30
    assert called <= set(CLIENTS["wechatpy 1.8.18"].split())


def test_the_manual_says_which() -> None:
    """Every call by its path; of what is refused its family."""
    manual = (ROOT / "docs" / "card-api.md").read_text(encoding="utf-8")
    for path in EVERY:
        if expected(path) is ANSWERED:
            assert path.rpartition("/")[2] in manual, path
    for path in REFUSED:
        assert f"`{path.replace('{rest:path}', '…')}`" in manual, path
    for client in CLIENTS:
        assert client.split()[0] in manual, client
