"""Sends a person an e-mail when somebody has to look into something: a consumer of webhooks.

An example that is whole: it checks the signature, takes every message once, and says 503 when the
mail could not be sent, so that the server comes again. Python's own library is all it needs.

    export WEBHOOK_SECRET=whsec_…            # as it was shown when the webhook was made
    export SMTP=mail.example.org:25 MAIL_FROM=gate@example.org MAIL_TO=ann@example.org
    python webhook_consumer.py 127.0.0.1:8600    # behind a proxy that adds TLS
"""

import base64
import hashlib
import hmac
import json
import os
import smtplib
import sys
import time
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

WORDS = {
    "conflict": "Ticket {ticket}: {excess} more went in than it is good for.",
    "refund": "Refund {refund}: tickets {tickets} are void.",
    "irregular": "Ticket {ticket} was used though it is void ({kind}).",
    "capacity": "Zone {zone} is full: {inside} of {capacity}.",
    "gate_silent": "Gate {device_name} is silent, and its lane was open.",
    "gate_back": "Gate {device_name} is heard again, or has closed.",
    "device_revoked": "Gate {device_name} was shut out.",
    "upstream_rejected": "{upstream} does not take what was done on ticket {ticket}: {reason}",
    "ping": "Webhook {webhook} arrives.",
}
"""Of which kinds the person hears, and in which words."""
TOLERANCE_S = 300
LONGEST = 1024 * 1024
KEPT = 10_000
"""Ids of messages that are remembered; a consumer with a database keeps them there."""


def is_signed(secret: str, headers: Any, body: bytes) -> bool:
    """Whether the server has signed that body, a short while ago."""
    id_, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256)
    good = "v1," + base64.b64encode(digest).decode()
    signatures = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(good.encode(), one.encode()) for one in signatures)


def send_mail(event: str, text: str) -> None:
    """Have it delivered. Raises OSError, smtplib.SMTPException."""
    mail = EmailMessage()
    mail["From"], mail["To"] = os.environ["MAIL_FROM"], os.environ["MAIL_TO"]
    # A line's end in a header would be another header.
    mail["Subject"] = " ".join(f"{event}: {text}".split())
    mail.set_content(text)
    host, _colon, port = os.environ["SMTP"].partition(":")
    with smtplib.SMTP(host, int(port or 25), timeout=4) as smtp:
        smtp.send_message(mail)


class Consumer(BaseHTTPRequestHandler):
    """Takes what the server posts."""

    seen: dict[str, None] = {}  # noqa: RUF012  of the whole process
    one_at_a_time = Lock()

    def do_POST(self) -> None:
        """Answer 2xx for what is done with, anything else to be told again."""
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(min(length, LONGEST))
        if not is_signed(os.environ["WEBHOOK_SECRET"], self.headers, body):
            self.send_error(401)
            return
        with self.one_at_a_time:
            status = self.take(json.loads(body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def take(self, message: dict[str, Any]) -> int:
        """Tell the person, once; the answer is the status."""
        words = WORDS.get(message["type"], "")
        if words and message["id"] not in self.seen:
            try:
                send_mail(message["event"], words.format(**message["data"]))
            except (OSError, smtplib.SMTPException):
                return 503
        self.seen[message["id"]] = None
        while len(self.seen) > KEPT:
            del self.seen[next(iter(self.seen))]
        return 204


def main() -> None:
    """Listen where the first argument says, until interrupted."""
    host, _colon, port = sys.argv[1].rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), Consumer)
    sys.stdout.write(f"listening on {server.server_address[0]}:{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
