"""Settings: what the event says of its rules, of its ticket types and of its gates' profiles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.core.event_settings import EventSettings, Stated
from gate.errors import UsageError
from gate.i18n import N_, _
from gate.settings import OF_EVENT, OF_PROFILE, OF_TYPE, patched
from sync.server.http import Denied
from sync.server.web.authority import Authority
from sync.server.web.level import Level
from sync.server.web.pages import PREFIX, MenuLine, Pages, Visit
from sync.server.web.setting_fields import changes, fields, text_of

PATH: Final = f"{PREFIX}/settings"
_KINDS: Final = {"rules": OF_EVENT, "types": OF_TYPE, "profiles": OF_PROFILE}


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that are stated together: the event's, one type's, one profile's."""

    part: str
    name: str
    """Empty for the event's own."""

    @property
    def address(self) -> str:
        """Of the page where they are changed."""
        return f"{PATH}/change?{urlencode({'part': self.part, 'name': self.name})}"

    @property
    def text(self) -> str:
        """As the audit log has it."""
        return f"{self.part} {self.name}".strip()

    @property
    def kinds(self) -> Mapping[str, str]:
        """What may be stated."""
        return _KINDS[self.part]

    def stated(self, settings: EventSettings) -> Stated:
        """What is."""
        if self.part == "rules":
            return settings.rules
        named = settings.types if self.part == "types" else settings.profiles
        return named.get(self.name, {})

    def patch(self, changed: Mapping[str, Any] | None) -> dict[str, Any]:
        """What is to be other, as ``patched`` takes it; ``None`` takes all of it back."""
        return {self.part: changed if self.part == "rules" else {self.name: changed}}


class SettingsPages:
    """What is stated, and a form for each group of it."""

    def __init__(self, pages: Pages, authority: Authority) -> None:
        self._pages = pages
        self._authority = authority
        pages.menu.append(MenuLine(PATH, N_("Settings"), Level.SUPERVISOR))

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        page, action, level = self._pages.page, self._pages.action, Level.SUPERVISOR
        return [
            page("/settings", level, self._show),
            page("/settings/change", level, self._ask),
            action("/settings/change", level, self._change),
            action("/settings/remove", level, self._remove),
        ]

    async def _show(self, visit: Visit) -> Response:
        """What is stated now."""
        settings = visit.event.settings
        return visit.render(
            "settings.html", 200, rules=_shown(Group("rules", ""), settings),
            types=[_shown(Group("types", name), settings) for name in sorted(settings.types)],
            profiles=[
                _shown(Group("profiles", name), settings) for name in sorted(settings.profiles)
            ],
        )  # fmt: skip

    async def _ask(self, visit: Visit) -> Response:
        """A field for each setting of a group."""
        asked = visit.request.query_params
        group = _group(asked.get("part", ""), asked.get("name", ""))
        stated = group.stated(visit.event.settings)
        return visit.render(
            "setting_group.html", 200, group=group, fields=fields(group.kinds, stated),
            is_stated=bool(stated) or group.name in visit.event.settings.profiles,
        )  # fmt: skip

    async def _change(self, visit: Visit) -> Response:
        """State what was written otherwise than it was shown."""
        group, why = _group(visit.form["part"], visit.form["name"]), visit.form.why()
        try:
            changed = changes(group.kinds, visit.form)
        except UsageError as error:
            raise Denied(422, "invalid", error.message) from error
        is_new = group.part == "profiles" and group.name not in visit.event.settings.profiles
        if not changed and not is_new:
            return visit.go(PATH, _("Nothing was changed."))
        stated = " ".join(
            f"{key}={'' if value is None else text_of(value)}" for key, value in changed.items()
        )
        await self._state(visit, group.patch(changed), f"{group.text} {stated}"[:120], why)
        return visit.go(PATH, _("Said to the gates."))

    async def _remove(self, visit: Visit) -> Response:
        """Take back all that a type or a profile says."""
        group, why = _group(visit.form["part"], visit.form["name"]), visit.form.why()
        if group.part == "rules":
            raise Denied(422, "invalid", _("What the event says is taken back one by one."))
        await self._state(visit, group.patch(None), f"{group.text} removed", why)
        return visit.go(PATH, _("Said to the gates."))

    async def _state(self, visit: Visit, patch: dict[str, Any], about: str, why: str) -> None:
        await self._authority.change_settings(
            visit, lambda before: patched(before, patch), about, why
        )


def _group(part: str, name: str) -> Group:
    """The group that is named. Raises Denied when there can be none."""
    name = name.strip()[:200]
    if part not in _KINDS or (part == "rules") == bool(name) or not name.isprintable():
        raise Denied(422, "invalid", _("Name a profile or a ticket type."))
    return Group(part, name)


def _shown(group: Group, settings: EventSettings) -> tuple[Group, list[tuple[str, str]]]:
    return group, [(key, text_of(value)) for key, value in sorted(group.stated(settings).items())]
