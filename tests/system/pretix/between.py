"""What lies between a server and its pretix: passes requests on, and does what networks do."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


class Between:
    """A proxy before a pretix; what happens there is set from a test's thread."""

    def __init__(self, to: str) -> None:
        self.to = to
        self.is_down = False
        self.loses_answers = 0
        """Of so many requests that change something the answer is lost, after it was done."""
        self.limits = 0
        """So many requests are answered that they come too often."""
        self.retry_after_s = 1
        self.asked: list[tuple[str, str, int]] = []
        """Method, path and status of each request; 0: nobody heard the answer."""
        self.http = httpx.Client(timeout=60)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.between = self  # type: ignore[attr-defined]
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Pass nothing on any more."""
        self._server.shutdown()
        self._server.server_close()
        self.http.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        between: Between = self.server.between  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if between.is_down:
            self._hang_up(between)
        elif between.limits > 0:
            between.limits -= 1
            headers = {"Retry-After": str(between.retry_after_s)}
            self._answer(between, httpx.Response(429, headers=headers))
        else:
            keep = ("authorization", "content-type", "user-agent", "accept")
            headers = {name: text for name, text in self.headers.items() if name.lower() in keep}
            answer = between.http.request(
                self.command, between.to + self.path, content=body, headers=headers
            )
            if between.is_down or (self.command == "POST" and between.loses_answers > 0):
                between.loses_answers -= not between.is_down
                self._hang_up(between)
            else:
                self._answer(between, answer)

    def do_POST(self) -> None:
        self.do_GET()

    def _answer(self, between: Between, answer: httpx.Response) -> None:
        between.asked.append((self.command, self.path, answer.status_code))
        self.send_response(answer.status_code)
        for name in ("Content-Type", "Retry-After", "X-Page-Generated"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def _hang_up(self, between: Between) -> None:
        between.asked.append((self.command, self.path, 0))
        self.close_connection = True

    def log_message(self, *_arguments: object) -> None:
        """Nobody reads it."""
