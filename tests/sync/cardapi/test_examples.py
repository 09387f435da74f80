"""The reference's own examples are accepted as they stand, and what comes back has its types.

Bodies are JSON texts, as another language's client sends them; words and numbers are of the shapes
that the reference shows. Only times that have passed are moved.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.cardapi import (
    BEGIN,
    END,
    MAKERS,
    Api,
    boarding,
    card_api,
    meeting,
    movie,
    scenic,
)

BASE = """{
 "logo_url": "http://img.example.org/logo/0", "brand_name": "城市票务",
 "code_type": "%(code_type)s",
 "title": "春季会议", "color": "Color010", "notice": "入场时请出示此票",
 "service_phone": "020-12345678",
 "description": "请提前到场\\n谢谢",
 "date_info": %(date_info)s,
 "sku": {"quantity": %(quantity)s}, "get_limit": %(get_limit)s,
 "use_custom_code": false, "bind_openid": false, "can_share": true, "can_give_friend": true,
 "location_id_list" : %(locations)s, "source": "旅行网",
 "custom_url_name": "查看详情", "custom_url": "http://www.example.org",
 "custom_url_sub_title": "6个汉字tips",
 "promotion_url_name": "更多活动", "promotion_url": "http://www.example.org/more",
 "promotion_url_sub_title": "优惠多多"
}"""
SHAPES: dict[str, dict[str, str]] = {
    "as in the example": {},
    "type and times as text": {
        "date_info": f'{{"type": "1", "begin_timestamp": "{BEGIN}", "end_timestamp": "{END}"}}',
    },
    "type by name": {
        "date_info": '{"type": "DATE_TYPE_FIX_TIME_RANGE", '
        f'"begin_timestamp": {BEGIN}, "end_timestamp": {END}}}',
    },
    "a term": {"date_info": '{"type": 2, "fixed_term": 15, "fixed_begin_term": 0}'},
    "a term of the day itself": {
        "date_info": '{"type": "DATE_TYPE_FIX_TERM", "fixed_term": "0", "fixed_begin_term": "15"}',
    },
    "numbers as text": {"quantity": '"100000"', "get_limit": '"1"'},
    "places as a text": {"locations": '"1234,2312"'},
    "places as texts": {"locations": '["1234", "2312"]'},
    "a two-dimensional code alone": {"code_type": "CODE_TYPE_ONLY_QRCODE"},
    "a one-dimensional code alone": {"code_type": "CODE_TYPE_ONLY_BARCODE"},
}
OWN = {
    "MEETING_TICKET": '"meeting_detail": "时间:某日;地点:某处 ", "map_url": "http://map.example.org"',
    "SCENIC_TICKET": '"ticket_class": "全日票", "guide_url": "http://map.example.org"',
    "MOVIE_TICKET": '"detail": "片名:某片,简介:某事"',
    # Times as the create table has them: text, and they may have passed.
    "BOARDING_PASS": '"from": "成都", "to": "广州", "flight": "CE123", "gate": "A11", '
    '"check_in_url": "http://air.example.org", "departure_time": "1434507901", '
    '"landing_time": "1434909901", "air_model": "空客A320"',
}
ADVANCED = """{
 "use_condition": {"accept_category": "鞋类", "reject_category": "某牌", "least_cost": "51",
  "object_use_for": "某物", "can_use_with_other_discount": true},
 "abstract": {"abstract": "春天里的许多新节目，欢迎大家都来看看", "icon_url_list": %(icons)s},
 "text_image_list": [{"image_url": "http://img.example.org/1/0", "text": "好看"}],
 "time_limit": [{"type": "MONDAY", "begin_hour": 0, "end_hour": 10, "begin_minute": 10,
  "end_minute": 59}, {"type": "HOLIDAY"}],
 "business_service": ["BIZ_SERVICE_FREE_WIFI", "BIZ_SERVICE_WITH_PET"], "share_friends": false
}"""
TYPES: dict[str, Any] = {
    "id": str, "status": str, "create_time": int, "update_time": int,
    "logo_url": str, "code_type": str, "brand_name": str, "title": str, "color": str,
    "notice": str, "description": str, "service_phone": str, "source": str,
    "sku": {"quantity": int, "total_quantity": int},
    "date_info": {"type": str, "begin_timestamp": int, "end_timestamp": int, "fixed_term": int,
                  "fixed_begin_term": int},
    "use_custom_code": bool, "bind_openid": bool, "can_share": bool, "can_give_friend": bool,
    "use_all_locations": bool, "get_limit": int, "use_limit": int, "location_id_list": [int],
    "custom_url_name": str, "custom_url": str, "custom_url_sub_title": str,
    "promotion_url_name": str, "promotion_url": str, "promotion_url_sub_title": str,
    "meeting_detail": str, "map_url": str, "ticket_class": str, "guide_url": str, "detail": str,
    "from": str, "to": str, "flight": str, "gate": str, "check_in_url": str, "air_model": str,
    "departure_time": int, "landing_time": int, "boarding_time": int,
    "use_condition": {"accept_category": str, "reject_category": str, "least_cost": int,
                      "object_use_for": str, "can_use_with_other_discount": bool},
    "abstract": {"abstract": str, "icon_url_list": [str]},
    "text_image_list": [{"image_url": str, "text": str}],
    "time_limit": [{"type": str, "begin_hour": int, "begin_minute": int, "end_hour": int,
                    "end_minute": int}],
    "business_service": [str], "share_friends": bool,
}  # fmt: skip
"""Of every field of ``card/get`` the type that clients with fixed types decode it into."""
ANSWERS: dict[str, Any] = {
    "/card/create": {"card_id": str},
    "/card/update": {"send_check": bool},
    "/card/batchget": {"card_id_list": [str], "total_num": int, "card_list": [dict]},
    "/card/qrcode/create": {"ticket": str, "expire_seconds": int, "url": str,
                            "show_qrcode_url": str},
    "/card/code/get": {"card": {"card_id": str, "code": str, "begin_time": int, "end_time": int},
                       "openid": str, "can_consume": bool, "outer_str": str,
                       "user_card_status": str},
    "/card/user/getcardlist": {"card_list": [{"code": str, "card_id": str}],
                               "has_share_card": bool},
    "/card/testwhitelist/set": {"white_list_size": int, "success_openid": [str],
                                "success_username": [str]},
    "/card/code/consume": {"card": {"card_id": str}, "openid": str},
}  # fmt: skip


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with card_api(tmp_path / "server") as api:
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """An account for all who have a card of their own there."""
    path = tmp_path_factory.mktemp("shared") / "server"
    async with card_api(path, account_per_s=1e6, account_burst=1e6) as api:
        yield api


def body_of(kind: str, *, icons: str = "[]", **said: str) -> bytes:
    """``card/create`` as text."""
    date_info = f'{{"type": 1, "begin_timestamp": {BEGIN} , "end_timestamp": {END}}}'
    base = BASE % {"code_type": "CODE_TYPE_TEXT", "date_info": date_info, "quantity": "50000000",
                   "get_limit": "3", "locations": "[123, 12321, 345345]", **said}  # fmt: skip
    advanced = ADVANCED % {"icons": icons}
    return (
        f'{{ "card": {{ "card_type": "{kind}", "{kind.lower()}": {{ "base_info": {base},'
        f' "advanced_info": {advanced}, {OWN[kind]}}} }} }}'
    ).encode()


def wrong_types(value: Any, wanted: Any, path: str = "$") -> list[str]:
    """Where a value is not of the type that is wanted, or not expected at all."""
    if isinstance(wanted, dict):
        if not isinstance(value, dict):
            return [path]
        return [
            where
            for name, inner in value.items()
            for where in wrong_types(inner, wanted.get(name), f"{path}.{name}")
        ]
    if isinstance(wanted, list):
        if not isinstance(value, list):
            return [path]
        return [where for one in value for where in wrong_types(one, wanted[0], f"{path}[]")]
    return [] if type(value) is wanted else [path]


async def shown(api: Api, card_id: str, kind: str) -> dict[str, Any]:
    """What ``card/get`` says in the card's node."""
    card = (await api.ok("/card/get", {"card_id": card_id}))["card"]
    assert card["card_type"] == kind
    return dict(card[kind.lower()])


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", MAKERS)
async def test_every_kind_in_every_documented_shape(shared: Api, kind: str, shape: str) -> None:
    """Created, and told back in one shape: that of the reference, whatever it was stated in."""
    answer = await shared.post("/card/create", body_of(kind, **SHAPES[shape]))
    assert answer["errcode"] == 0, answer
    told = await shown(shared, answer["card_id"], kind)
    base, advanced = told.pop("base_info"), told.pop("advanced_info")
    assert wrong_types({**base, **advanced, **told}, TYPES) == []
    assert base["location_id_list"] in ([123, 12321, 345345], [1234, 2312])
    assert advanced["abstract"]["icon_url_list"] == []
    again = {"card_id": answer["card_id"], kind.lower(): {"base_info": base, **told}}
    assert (await shared.ok("/card/update", again))["send_check"] is False


@pytest.mark.parametrize(
    "icons", ['["http://img.example.org/1/0"]', '"http://img.example.org/1/0"']
)
async def test_advanced_info_as_wechat_s_own_example_has_it(api: Api, icons: str) -> None:
    """A summary of 54 bytes, its picture in a list or by itself, a day of hours and a holiday."""
    answer = await api.post("/card/create", body_of("SCENIC_TICKET", icons=icons))
    assert answer["errcode"] == 0, answer
    advanced = (await shown(api, answer["card_id"], "SCENIC_TICKET"))["advanced_info"]
    assert wrong_types(advanced, TYPES) == []
    assert advanced["abstract"]["icon_url_list"] == ["http://img.example.org/1/0"]
    assert advanced["use_condition"]["least_cost"] == 51


ZONES = """{"code": "%s", "card_id": "%s",
 "zone" : "C区", "entrance" : "东北门", "seat_number" : "2排15号"}"""
TIMES = """{"code": "%s", "card_id": "%s", "begin_time": 1433432201, "end_time": 1433432401,
 "zone": "Zone C", "entrance": "Door 3", "seat_number": ["2 rows 15"]}"""
SEATS = """{"code" : "%s", "card_id": "%s", "ticket_class": "4D", "show_time": 1408493192,
 "duration":120, "screening_room": "5号影厅", "seat_number": [ "5 排14 号" , "5排15号" ]}"""
SEAT = """{"code": "%s", "card_id": "%s", "ticket_class": "2D", "show_time": "14300000",
 "duration": "120", "screening_room": "Hall A", "seat_number": "5排10座"}"""
PASSENGER = """{"code": "%s", "card_id":"%s", "passenger_name": "乘客姓名", "class": "舱等",
 "seat": "座位号", "etkt_bnr": "电子客票号", "qrcode_data": "二维码数据", "is_cancel ": false}"""
NUMBERS = """{"code": "%s", "card_id": "%s", "etkt_bnr": 1234567, "class": "Economy class.",
 "qrcode_data": 12345, "seat": "5 Row C", "is_cancel": "false"}"""
CANCEL = """{"code": "%s", "card_id": "%s", "is_cancel": true}"""
CHECK = """{"code": "%s", "card_id": "%s", "check_consume": true}"""
CODE = """{"code": "%s", "card_id": "%s"}"""
REASON = """{"code": "%s", "card_id": "%s", "reason": "退款"}"""
PERSON = """{"code": "%s", "card_id": "%s", "openid": "oFan"}"""
UPDATES = [
    ("/card/meetingticket/updateuser", meeting(), ZONES),
    ("/card/meetingticket/updateuser", meeting(), TIMES),
    ("/card/movieticket/updateuser", movie(), SEATS),
    ("/card/movieticket/updateuser", movie(), SEAT),
    ("/card/boardingpass/checkin", boarding(), PASSENGER),
    ("/card/boardingpass/checkin", boarding(), NUMBERS),
    ("/card/boardingpass/checkin", boarding(), CANCEL),
    ("/card/code/get", scenic(), CHECK),
    ("/card/code/consume", scenic(), CODE),
    ("/card/code/unavailable", scenic(), REASON),
    ("/card/user/getcardlist", scenic(), PERSON),
]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("path", "card", "text"), UPDATES)
async def test_what_is_said_of_a_ticket(
    shared: Api, path: str, card: dict[str, Any], text: str
) -> None:
    """Each example of the update interfaces, seats as text and as a list, also with no card_id."""
    card_id = await shared.create(card)
    for with_card in (True, False):
        code = await shared.claim(card_id)
        body = json.loads(text % (code, card_id))
        if not with_card:
            del body["card_id"]
        answer = await shared.post(path, json.dumps(body, ensure_ascii=False).encode())
        assert answer["errcode"] == 0, answer
        if path in ANSWERS:
            told = {k: v for k, v in answer.items() if k not in ("errcode", "errmsg")}
            assert wrong_types(told, ANSWERS[path]) == []
            assert told.keys() == ANSWERS[path].keys()
        if path.endswith("checkin"):
            await shared.ok(path, {"code": code, "is_cancel": True})
            await shared.ok("/card/code/unavailable", {"code": code})


async def test_other_answers_have_the_types_of_their_fields(api: Api) -> None:
    """Of the calls about cards; none of the documented fields is missing."""
    card_id = await api.create()
    card = {"card_id": card_id}
    for path, body in (
        ("/card/create", meeting()),
        ("/card/update", {**card, "meeting_ticket": {"map_url": "http://a"}}),
        ("/card/batchget", {"offset": "0", "count": "10", "status_list": "CARD_STATUS_VERIFY_OK"}),
        ("/card/qrcode/create", {"action_name": "QR_CARD", "expire_seconds": 1800, "action_info": {
            "card": {**card, "code": "", "openid": "", "is_unique_code": False, "outer_id": 1}}}),
        ("/card/testwhitelist/set", {"openid": ["oA", "oB"], "username": "afdvvf"}),
    ):  # fmt: skip
        answer = await api.ok(path, body)
        told = {k: v for k, v in answer.items() if k not in ("errcode", "errmsg")}
        assert wrong_types(told, ANSWERS[path]) == []
        assert told.keys() == ANSWERS[path].keys()
