"""What is kept of WeChat beside the links: accounts, codes, pushes, and what is to be read."""

from sqlalchemy import Index, MetaData, Table

from sync.server.columns import number, text

metadata = MetaData()

account = Table(
    "wechat_account",
    metadata,
    text("appid", key=True),
    text("url"),
    text("secret"),
    # What tickets' ids are made with, so that they tell nothing of their codes.
    text("key"),
    text("push_token"),
    text("aes_key"),
    # The organiser's backend, to which pushes are passed on; empty: to nobody.
    text("relay"),
    text("token"),
    number("token_ends_ms"),
    number("forced_ms"),
    number("pushed_ms"),
)
code = Table(
    "wechat_code",
    metadata,
    text("appid", key=True),
    text("card_id", key=True),
    text("code", key=True),
    text("event"),
    text("ticket"),
    text("state"),
    text("openid"),
    number("claimed_s"),
    number("gifted_s"),
    # By which code the ticket goes on, where it was given on or got another one.
    text("next_code"),
    # Our entry by which it is used at WeChat, and who else used it: what, when and by whom.
    text("ours"),
    text("theirs"),
    number("theirs_ms"),
    text("theirs_note"),
    # What calls have stated that cannot be read back: JSON.
    text("attributes"),
    # When the state was so, by WeChat's clock.
    number("state_s"),
    # How often it was changed, and whether the gates have it as it is.
    number("changed"),
    number("is_stated"),
    Index("wechat_code_stated", "event", "is_stated", "ticket"),
    Index("wechat_code_ticket", "event", "ticket"),
    Index("wechat_code_code", "appid", "code"),
    Index("wechat_code_openid", "event", "openid"),
)
push = Table(
    "wechat_push",
    metadata,
    text("appid", key=True),
    # Of what makes it the same push however often it comes.
    text("digest", key=True),
    # Of the parameters that signed it: in plain mode they are good for one body.
    text("nonce"),
    number("created_s"),
    number("received_ms"),
    number("is_done"),
    text("body"),
    Index("wechat_push_waiting", "appid", "is_done", "created_s", "received_ms"),
    Index("wechat_push_nonce", "appid", "nonce"),
    Index("wechat_push_received", "received_ms"),
)
# Persons and codes that are to be asked for.
reading = Table(
    "wechat_reading",
    metadata,
    text("event", key=True),
    text("kind", key=True),
    text("name", key=True),
    text("card_id", key=True),
)
