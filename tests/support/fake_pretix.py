"""A pretix of ours that has as many orders as is wanted, and answers as the real one was seen to.

    python -m tests.support.fake_pretix PORT ORDERS [SEED]

Nothing is stored: an order is made when it is asked for, always the same by its number and the
seed. It takes check-ins and keeps their names, so that whoever told twice is found out.
"""

import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

FIRST = datetime(2026, 9, 1, tzinfo=UTC)
PAGE = 50
"""Orders of a page at most, whatever is asked for."""
ITEMS = [
    {"id": 2, "name": {"en": "Day ticket"}, "checkin_attention": False, "checkin_text": None,
     "variations": [{"id": 1, "value": {"en": "Adult"}}, {"id": 2, "value": {"en": "Child"}}]},
    {"id": 3, "name": {"en": "VIP"}, "checkin_attention": True, "checkin_text": "Gold wristband",
     "variations": []},
]  # fmt: skip
LIST = {"id": 2, "name": "Main", "all_products": True, "limit_products": []}
EVENT = {"slug": "gala", "name": {"en": "Winter Gala"}, "timezone": "Europe/Berlin"}
_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
_NOTHING_ELSE: dict[str, Any] = dict.fromkeys(
    ("phone", "custom_followup_at", "payment_date", "payment_provider", "cancellation_date")
)
_ADDRESS: dict[str, Any] = dict.fromkeys(
    ("company", "street", "zipcode", "city", "country", "state", "vat_id", "custom_field",
     "internal_reference", "transmission_info"), "",
)  # fmt: skip
_OF_POSITION: dict[str, Any] = dict.fromkeys(
    ("company", "street", "zipcode", "city", "country", "state", "discount", "attendee_email",
     "voucher", "tax_rule", "tax_code", "voucher_budget_use"),
)  # fmt: skip


class FakePretix:
    """Orders by their number, and what was told of them."""

    def __init__(self, orders: int, seed: int = 19) -> None:
        self.orders, self.seed = orders, seed
        self.told: Counter[str] = Counter()
        self.pages = 0

    def order(self, number: int, *, is_whole: bool) -> dict[str, Any]:
        """An order; ``is_whole`` with all that a device may see, as pretixSCAN asks for it."""
        by = random.Random(self.seed * 1_000_003 + number)
        code = f"{number:06X}"
        found = {
            "code": code, "status": by.choices("pnce", (90, 4, 4, 2))[0],
            "require_approval": False, "valid_if_pending": False, "checkin_attention": False,
            "checkin_text": None, "datetime": (FIRST + timedelta(seconds=number)).isoformat(),
            "positions": [
                self._position(by, 10 * number + n, is_whole=is_whole)
                for n in range(by.choice((1, 1, 1, 2)))
            ],
        }  # fmt: skip
        if is_whole:
            found |= _NOTHING_ELSE | {
                "event": "gala", "testmode": False, "secret": code * 2, "locale": "en",
                "email": f"{code.lower()}@example.org", "total": "23.00", "comment": "",
                "expires": found["datetime"], "last_modified": found["datetime"],
                "invoice_address": _ADDRESS | {"name": "Lin Family", "is_business": False},
                "sales_channel": "web", "customer": None, "url": f"https://pretix/{code}",
            }  # fmt: skip
        return found

    def _position(self, by: random.Random, id_: int, *, is_whole: bool) -> dict[str, Any]:
        item = by.choice(ITEMS)
        variations: Any = item["variations"]
        found = {
            "id": id_, "item": item["id"],
            "variation": by.choice(variations)["id"] if variations else None, "subevent": None,
            "attendee_name": f"Guest {id_}", "secret": "".join(by.choices(_SIGNS, k=32)),
            "addon_to": None, "blocked": None, "valid_from": None, "valid_until": None,
            "canceled": False, "checkins": [], "seat": None,
        }  # fmt: skip
        if is_whole:
            found |= _OF_POSITION | {
                "positionid": 1, "price": "23.00", "tax_rate": "0.00", "tax_value": "0.00",
                "attendee_name_parts": {"_scheme": "full", "full_name": f"Guest {id_}"},
                "print_logs": [], "answers": [], "pseudonymization_id": "ZDYEJDXP7G",
                "plugin_data": {},
            }  # fmt: skip
        return found

    def page(self, request: Request) -> Response:
        """A page of orders, by their moment; nothing ever changes."""
        query, first = request.query_params, 0
        if since := query.get("created_since"):
            first = max(0, round((datetime.fromisoformat(since) - FIRST).total_seconds()))
        if "modified_since" in query:
            first = self.orders
        self.pages += 1
        count, at = self.orders - first, first + PAGE * (int(query.get("page", "1")) - 1)
        upto = min(self.orders, at + PAGE)
        is_whole = "include" not in query
        body = msgspec.json.encode({
            "count": count, "next": "more" if upto < self.orders else None, "previous": None,
            "results": [self.order(n, is_whole=is_whole) for n in range(at, upto)],
        })  # fmt: skip
        made = {"X-Page-Generated": datetime.now(UTC).isoformat()}
        return Response(body, media_type="application/json", headers=made)

    async def answer(self, request: Request) -> Response:
        """Whatever is asked."""
        path = request.url.path.rstrip("/").rpartition("/")[2]
        if path == "orders":
            return self.page(request)
        if path == "-":
            return JSONResponse({"told": self.told, "pages": self.pages})
        if path == "gala":
            return JSONResponse(EVENT)
        if request.method == "POST":
            return self._take(path, await request.json())
        rows = {"items": ITEMS, "checkinlists": [LIST]}.get(path, [])
        return JSONResponse({"count": len(rows), "next": None, "results": rows})

    def _take(self, path: str, body: dict[str, Any]) -> Response:
        if path == "initialize":
            device = {"organizer": "demo", "device_id": 1, "api_token": "t", "name": "gate",
                      "security_profile": "pretixscan"}  # fmt: skip
            return JSONResponse(device)
        self.told[body["nonce"]] += 1
        return JSONResponse({"status": "ok"}, 201)


def app(orders: int, seed: int = 19) -> Starlette:
    """It, to be served."""
    fake = FakePretix(orders, seed)
    route = Route("/{path:path}", fake.answer, methods=["GET", "POST"])
    return Starlette(routes=[route])


if __name__ == "__main__":
    port, orders, *more = map(int, sys.argv[1:])
    uvicorn.run(app(orders, *more), host="127.0.0.1", port=port, log_level="warning")
