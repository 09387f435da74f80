"""The card API's own tables, beside the server's in one database."""

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table

from sync.server.columns import number, text

metadata = MetaData()

account = Table(
    "account",
    metadata,
    text("appid", key=True),
    text("event"),
    text("secret"),
    text("key"),
    text("original_id"),
    text("review"),
    text("events"),
    text("addresses"),
    text("callback"),
    text("callback_token"),
    text("aes_key"),
    text("mode"),
    number("grace_s"),
    number("early_s"),
    number("late_s"),
    number("created_ms"),
)
access_token = Table(
    "access_token",
    metadata,
    text("hash", key=True),
    text("appid"),
    text("kind"),
    text("serial"),
    number("made_ms"),
    number("ends_ms"),
    Index("access_token_account", "appid", "kind"),
)
quota = Table(
    "quota",
    metadata,
    text("appid", key=True),
    text("name", key=True),
    number("period", key=True),
    number("used"),
)
card = Table(
    "card",
    metadata,
    text("card_id", key=True),
    text("appid"),
    text("event"),
    text("kind"),
    text("status"),
    text("body"),
    number("quantity"),
    number("total"),
    number("initial"),
    number("created_s"),
    number("updated_s"),
    number("reminded_s"),
    Index("card_account", "appid", "created_s", "card_id"),
    Index("card_event", "event"),
)
issued_code = Table(
    "issued_code",
    metadata,
    text("card_id", key=True),
    text("code", key=True),
    text("appid"),
    text("ticket"),
    text("state"),
    text("openid"),
    text("claimed_by"),
    text("outer_str"),
    number("issued_s"),
    number("claimed_s"),
    number("gifted_s"),
    number("redeemed_s"),
    number("ends_s"),
    number("gift_ends_s"),
    text("friend"),
    text("note"),
    text("said"),
    Index("issued_code_code", "appid", "code"),
    Index("issued_code_ticket", "ticket"),
    Index("issued_code_openid", "appid", "openid"),
    Index("issued_code_claimed", "card_id", "claimed_by"),
    Index("issued_code_state", "card_id", "state", "code"),
    Index("issued_code_gift", "state", "gift_ends_s"),
)
card_order = Table(
    "card_order",
    metadata,
    text("appid", key=True),
    text("order_id", key=True),
    text("digest"),
    text("openid"),
    text("codes"),
    number("made_s"),
)
card_refund = Table(
    "card_refund",
    metadata,
    text("appid", key=True),
    text("refund_id", key=True),
    text("digest"),
    text("order_id"),
    text("codes"),
    number("made_s"),
)
offer = Table(
    "offer",
    metadata,
    text("ticket", key=True),
    text("appid"),
    text("body"),
    number("ends_s"),
    Column("is_used", Integer, nullable=False),
)
tester = Table("tester", metadata, text("appid", key=True), text("openid", key=True))
card_view = Table(
    "card_view",
    metadata,
    text("card_id", key=True),
    number("day", key=True),
    text("openid", key=True),
    number("views"),
)
api_ticket = Table(
    "api_ticket",
    metadata,
    text("appid", key=True),
    text("kind", key=True),
    text("serial", key=True),
    number("ends_ms"),
)
used_card_ext = Table(
    "used_card_ext",
    metadata,
    text("appid", key=True),
    text("hash", key=True),
    number("ends_ms"),
)
card_image = Table(
    "card_image",
    metadata,
    text("name", key=True),
    text("appid"),
    text("media_type"),
    Column("content", LargeBinary, nullable=False),
    number("made_ms"),
    Index("card_image_account", "appid"),
)
landing_page = Table(
    "landing_page",
    metadata,
    text("token", key=True),
    text("appid"),
    number("page_id"),
    text("body"),
    number("ends_s"),
    Index("landing_page_account", "appid", "page_id", unique=True),
)
followed = Table("followed", metadata, text("event", key=True), number("number"))
