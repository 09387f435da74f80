"""The card API's error codes: what each is called, and a refusal that carries one.

The API answers HTTP 200 always; what happened is in ``errcode`` (WeChat card pages and global code
list). ``docs/card-api.md`` says which codes this server gives and when.
"""

from enum import IntEnum


class Errcode(IntEnum):
    """Error codes of the card API; 0 is success."""

    BUSY = -1
    OK = 0
    BAD_CREDENTIAL = 40001
    BAD_GRANT_TYPE = 40002
    BAD_OPENID = 40003
    BAD_FILE_TYPE = 40005
    BAD_IMAGE_SIZE = 40009
    BAD_APPID = 40013
    BAD_TOKEN = 40014
    BAD_ACTION_INFO = 40053
    BAD_CODE = 40056
    BAD_URL = 40066
    BAD_SKU = 40070
    BAD_CARD_TYPE = 40071
    BAD_LOCATION = 40072
    BAD_CARD_ID = 40073
    BAD_ENCRYPT_CODE = 40075
    BAD_COLOR = 40076
    BAD_CARD_STATUS = 40078
    BAD_TIME = 40079
    BAD_CARD_EXT = 40080
    BAD_ARGUMENTS = 40097
    CONSUMED = 40099
    ONLY_WIDER = 40100
    TOO_MANY_CODES = 40109
    EMPTY_CODE = 40110
    SAME_CODE = 40111
    NO_BIND_OPENID = 40112
    CODE_NOT_FREE = 40116
    BAD_STOCK = 40122
    BAD_SECRET = 40125
    NOT_USABLE = 40127
    STOCK_OVER_CODES = 40136
    USE_LIMIT = 40149
    BAD_PARAMETER = 40150
    NO_CUSTOM_CODE = 40158
    NOT_THIS_ADDRESS = 40164
    NO_TOKEN = 41001
    NO_SECRET = 41004
    NO_APPID = 41002
    NO_MEDIA = 41005
    NO_OPENID = 41009
    NO_FIELD = 41011
    NO_CARD_ID = 41012
    NO_CODE = 41013
    NO_TICKET_CLASS = 41014
    NO_SHOW_TIME = 41015
    NO_SCREENING_ROOM = 41016
    NO_SEAT = 41017
    TOKEN_EXPIRED = 42001
    NEED_GET = 43001
    NEED_POST = 43002
    NOT_CUSTOM = 43009
    EMPTY_BODY = 44002
    DAILY_QUOTA = 45009
    TOO_OFTEN = 45011
    TOO_LONG = 45021
    NOT_THIS_CARD = 45030
    NO_STOCK = 45031
    GET_LIMIT = 45033
    TOTAL_STOCK = 45041
    NOT_AUTHORISED = 48001
    NO_MORE_CLEARING = 48006
    NOT_JSON = 47001
    ESCAPED = 47002
    BAD_DATE = 61500
    BAD_DATE_RANGE = 61501


TEXTS = {
    Errcode.BUSY: "system error",
    Errcode.OK: "ok",
    Errcode.BAD_CREDENTIAL: "invalid credential, access_token is invalid or not latest",
    Errcode.BAD_GRANT_TYPE: "invalid grant_type",
    Errcode.BAD_OPENID: "invalid openid",
    Errcode.BAD_FILE_TYPE: "invalid file type",
    Errcode.BAD_IMAGE_SIZE: "invalid image size",
    Errcode.BAD_APPID: "invalid appid",
    Errcode.BAD_TOKEN: "invalid access_token",
    Errcode.BAD_ACTION_INFO: "invalid action info",
    Errcode.BAD_CODE: "invalid serial code",
    Errcode.BAD_URL: "invalid url",
    Errcode.BAD_SKU: "invalid sku info",
    Errcode.BAD_CARD_TYPE: "invalid card type",
    Errcode.BAD_LOCATION: "invalid location id or code type",
    Errcode.BAD_CARD_ID: "invalid card id",
    Errcode.BAD_ENCRYPT_CODE: "invalid encrypt code",
    Errcode.BAD_COLOR: "invalid color id",
    Errcode.BAD_CARD_STATUS: "invalid card status",
    Errcode.BAD_TIME: "invalid time",
    Errcode.BAD_CARD_EXT: "invalid CardExt",
    Errcode.BAD_ARGUMENTS: "invalid args",
    Errcode.CONSUMED: "invalid code, this code has consumed.",
    Errcode.ONLY_WIDER: (
        "invalid DateInfo, Make Sure OldDateInfoType==NewDateInfoType && "
        "NewBeginTime<=OldBeginTime && OldEndTime<= NewEndTime"
    ),
    Errcode.TOO_MANY_CODES: "code size over limit",
    Errcode.EMPTY_CODE: "empty code",
    Errcode.SAME_CODE: "same code",
    Errcode.NO_BIND_OPENID: "can not set bind openid",
    Errcode.CODE_NOT_FREE: "invalid code",
    Errcode.BAD_STOCK: "invalid quantity",
    Errcode.BAD_SECRET: "invalid appsecret",
    Errcode.NOT_USABLE: (
        "code has been given to user, but may be deleted or expired or set unavailable or gifting"
    ),
    Errcode.STOCK_OVER_CODES: "quantity is more than the deposited codes",
    Errcode.USE_LIMIT: "use limit reached",
    Errcode.BAD_PARAMETER: "invalid card parameter",
    Errcode.NO_CUSTOM_CODE: "use_custom_code must be false",
    Errcode.NOT_THIS_ADDRESS: "invalid ip, not in whitelist",
    Errcode.NO_TOKEN: "access_token missing",
    Errcode.NO_SECRET: "appsecret missing",
    Errcode.NO_APPID: "appid missing",
    Errcode.NO_MEDIA: "media data missing",
    Errcode.NO_OPENID: "openid missing",
    Errcode.NO_FIELD: "required fields missing",
    Errcode.NO_CARD_ID: "card id missing",
    Errcode.NO_CODE: "code missing",
    Errcode.NO_TICKET_CLASS: "ticket class missing",
    Errcode.NO_SHOW_TIME: "show time missing",
    Errcode.NO_SCREENING_ROOM: "screening room missing",
    Errcode.NO_SEAT: "seat number missing",
    Errcode.TOKEN_EXPIRED: "access_token expired",
    Errcode.NEED_GET: "require GET method",
    Errcode.NEED_POST: "require POST method",
    Errcode.NOT_CUSTOM: "no right to use a custom code",
    Errcode.EMPTY_BODY: "empty post data",
    Errcode.DAILY_QUOTA: "reach max api daily quota limit",
    Errcode.TOO_OFTEN: "api minute-quota reach limit, must slower, retry next minute",
    Errcode.TOO_LONG: "field too long",
    Errcode.NOT_THIS_CARD: "this cardid can not use this interface",
    Errcode.NO_STOCK: "the card quantity is 0",
    Errcode.GET_LIMIT: "the user has reached the get limit",
    Errcode.TOTAL_STOCK: "total quantity over limit",
    Errcode.NOT_AUTHORISED: "api unauthorized",
    Errcode.NO_MORE_CLEARING: "api forbid clear quota because of reaching the limit",
    Errcode.NOT_JSON: "data format error",
    Errcode.ESCAPED: "data must be UTF-8, not escaped",
    Errcode.BAD_DATE: "date format error",
    Errcode.BAD_DATE_RANGE: "date range error",
}


class Refused(Exception):
    """A call that is not done: its error code, and which field or fact is meant."""

    def __init__(self, code: Errcode, detail: str = "") -> None:
        super().__init__(f"{code.value} {detail}".rstrip())
        self.code = code
        self.detail = detail

    @property
    def text(self) -> str:
        """What ``errmsg`` says."""
        return f"{TEXTS[self.code]} hint: [{self.detail}]" if self.detail else TEXTS[self.code]
