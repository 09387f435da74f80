"""What a page is made of and sent with, and what a change of somebody's wants."""

import re
from functools import partial
from pathlib import Path

import pytest
from starlette.responses import Response

from gate.core.place import Role
from sync.server import audit, events
from sync.server.database import reading
from sync.server.web import guard
from sync.server.web.level import Level
from sync.server.web.links import Kind
from sync.server.web.pages import Visit
from sync.server.web.server_numbers import ServerSource
from sync.server.web.site import Site
from tests.support.central import central, stop_limits
from tests.support.web import browser, link, signed_in
from tests.support.web_routes import ROUTES


def with_action(site: Site, level: Level) -> list[str]:
    """A page that changes something, as others are written; what was done."""
    done: list[str] = []

    async def rename(visit: Visit) -> Response:
        name, why = visit.form.text("name"), visit.form.why()
        job = partial(events.change_event, event=visit.visitor.event, name=name)
        await visit.change(job, "settings", f"name {name}", why)
        done.append(name)
        return visit.go("/web/tonight", f"Renamed: {name}")

    site.add([site.pages.action("/rename", level, rename)])
    return done


async def test_a_change_wants_form_level_and_reason(tmp_path: Path) -> None:
    """Then it is done once, with who and why in the audit log, and said on the next page."""
    async with central(tmp_path) as running:
        site = Site(running.server.access, ServerSource(running.server), needs_tls=True)
        done = with_action(site, Level.SUPERVISOR)
        running.app.router.routes[:0] = site.routes()
        async with signed_in(running) as at:
            await at.get("/web/tonight")
            foreign = await at.http.post("/web/rename", data={"name": "A", "why": "B"})
            assert (foreign.status_code, done) == (403, [])
            for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
                at.http.headers.update(headers)
                form = guard.form_token(at.http.cookies["__Host-gate-session"])
                fields = {"form": form, "name": "A", "why": "B"}
                answer = await at.http.post("/web/rename", data=fields)
                assert (answer.status_code, done) == (403, [])
                for name in headers:
                    del at.http.headers[name]
            await at.get("/web/tonight")
            assert (await at.send("/web/rename", name="A")).status_code == 422
            await at.get("/web/tonight")
            answer = await at.send("/web/rename", name="The Show", why="it is its name")
            assert "Renamed: The Show" in answer.text
            assert "Renamed" not in (await at.get("/web/tonight")).text
        assert done == ["The Show"]
        with reading(running.engine) as connection:
            row = audit.rows(connection)[-1][0]
        assert (row.act, row.about) == ("settings", "name The Show: it is its name")
        assert row.who.endswith(" Ann")


async def test_staff_changes_nothing(tmp_path: Path) -> None:
    """A page for supervisors is none for staff."""
    async with central(tmp_path) as running:
        site = Site(running.server.access, ServerSource(running.server), needs_tls=True)
        done = with_action(site, Level.SUPERVISOR)
        running.app.router.routes[:0] = site.routes()
        async with signed_in(running, Role.STAFF) as at:
            assert (await at.send("/web/rename", name="A", why="B")).status_code == 403
        assert done == []


async def test_every_answer_keeps_to_itself(tmp_path: Path) -> None:
    """Pages, refusals and files alike: nothing of others, nothing inline; pages are not kept."""
    async with central(tmp_path) as running, signed_in(running) as at:
        for path in ("/web/tonight", "/web/wall", "/web/sign-in", "/web/nothing", "/web/link/x"):
            answer = await at.get(path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["cache-control"] == "no-store"
            assert not re.search(
                r"<style|\sstyle=|<script(?! src=)|\son[a-z]+=|https?://", answer.text
            )
            for found in re.findall(r'(?:src|href)="(/web/static/[^"]+)"', answer.text):
                assert (await at.http.get(found)).status_code == 200


@pytest.mark.examples(2)
@pytest.mark.parametrize(
    "path", ["https://evil.example/", "//evil.example", "/web/\\evil.example", "/v1/x"]
)
async def test_no_way_leads_elsewhere(tmp_path: Path, path: str) -> None:
    """Where somebody goes after signing in, or for another look, is a page of ours."""
    async with central(tmp_path) as running, signed_in(running) as at:
        at.http.follow_redirects = False
        answer = await at.http.get("/web/look", params={"to": path, "language": "zh_CN"})
        assert answer.headers["location"] == "/web/tonight"
        await at.get("/web/sign-in")
        answer = await at.send("/web/sign-in", name="Ann", pin="730164", to=path)
        assert answer.headers["location"] == "/web/tonight"


async def test_languages_are_the_readers(tmp_path: Path) -> None:
    """By what the browser accepts, or by what was chosen; other visitors keep theirs."""
    async with central(tmp_path) as running, browser(running.app) as at:
        chinese = await at.get("/web/sign-in", **{"Accept-Language": "nl, zh-TW;q=0.8, en;q=0.5"})
        assert '<html lang="zh-CN"' in chinese.text
        assert '<html lang="en"' in (await at.get("/web/sign-in")).text
        await at.get("/web/look?language=zh_CN&contrast=high&to=/web/sign-in")
        assert '<html lang="zh-CN" class="high">' in (await at.get("/web/sign-in")).text


async def test_who_is_not_signed_in_may_ask_only_so_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One address is slowed down, another is not."""
    stop_limits(monkeypatch)
    async with central(tmp_path) as running:
        async with browser(running.app, "10.0.0.1") as at:
            statuses = [(await at.http.get("/web/link/x")).status_code for _n in range(60)]
        assert statuses[0] == 404
        assert statuses[-1] == 429
        async with browser(running.app, "10.0.0.2") as other:
            assert (await other.get("/web/link/x")).status_code == 404


async def test_a_form_has_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No page takes a body without end, whoever sends it, nor one that is no form."""
    # There are more routes than somebody may ask for at once.
    monkeypatch.setattr("sync.server.limits.Buckets.take", lambda _self, _who: 0.0)
    async with central(tmp_path) as running, browser(running.app) as at:
        await at.open_link(await link(running, Kind.ORGANISER))
        acts = [one.address({}) for one in ROUTES if one.method == "POST" and one.level is not None]
        # A file may be longer, and ends where ``test_lists`` says.
        acts.remove("/web/lists/upload")
        for path in [*acts, "/web/sign-in"]:
            form = {"content-type": "application/x-www-form-urlencoded"}
            body = b"form=" + b"x" * 300_000
            assert (await at.http.post(path, content=body, headers=form)).status_code == 413, path
            assert (await at.http.post(path, content=b"{}")).status_code == 415, path
            many = b"&".join(b"a=1" for _n in range(1000))
            assert (await at.http.post(path, content=many, headers=form)).status_code == 400, path
