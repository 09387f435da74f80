"""Which settings are the event's, and what they come to at one gate.

``config.toml`` belongs to a machine, and says everything for a gate on its own. At a gate that was
taken in by a server or a venue these settings come with the tickets, and the file is not read for
them. What wins, in this order: flags and ``GATE_…``, the gate's profile, the ticket type, the
event, the default.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gate import config, question_setting, rule_setting
from gate.config import Config
from gate.core.event_settings import EventSettings, Stated, Value
from gate.core.place import HouseRules, Place
from gate.errors import UsageError
from gate.i18n import _

_RULES = {
    "alone": "alone.policy",
    "ask": "rules.ask",
    "early_minutes": "rules.early_minutes",
    "late_minutes": "rules.late_minutes",
    "pass_back": "rules.pass_back",
    "pass_back_minutes": "rules.pass_back_minutes",
    "reentry": "rules.reentry",
    "rule": "rules.rule",
    "reentry_minutes": "rules.reentry_minutes",
    "static_codes": "rules.static_codes",
    "unpaid": "rules.unpaid",
    "unseen": "rules.unseen",
    "unseen_current": "rules.unseen_current",
}
RULE = "rule"
"""By which people are let in; it may be stated as JSON or as its text."""
_OF_TICKETS = {"use_limit": "tickets.use_limit"}
"""What is so of a ticket whatever gate it is shown at; ``config.toml`` has no such keys."""
OF_TYPE = _RULES | _OF_TICKETS
"""What a ticket type may state, and which key of the configuration that is."""
OF_FORMATS = {
    "boarding_passes": "codes.boarding_passes",
    "command_cards": "codes.command_cards",
    "gs1": "codes.gs1",
    "urls": "codes.urls",
}
"""Which formats of codes an event reads."""
_OF_GATES = OF_FORMATS | {
    "accepted_types": "gate.accepted_types",
    "find_admits": "rules.find_admits",
    "hand_codes": "rules.hand_codes",
    "lockout_minutes": "operators.lockout_minutes",
    "rescan_s": "debounce.rescan_s",
    "show_names": "screen.show_names",
    "skip_questions": "rules.skip_questions",
    "sign_in": "operators.sign_in",
    "stale": "rules.stale",
    "turn_needs_pin": "rules.turn_needs_pin",
    "list_needs_pin": "rules.list_needs_pin",
    "undo_seconds": "rules.undo_seconds",
}
QUESTIONS = "questions"
"""What is asked at the door; it may be stated as JSON or as its text."""
_OF_THE_WHOLE = {
    "anomalies_off": "anomalies.anomalies_off",
    "near_misses": "anomalies.near_misses",
    "opening_hours": "anomalies.opening_hours",
    "order_parties": "anomalies.order_parties",
    QUESTIONS: "rules.questions",
    "scans_a_minute": "anomalies.scans_a_minute",
    "unknown_codes": "anomalies.unknown_codes",
    "walk_seconds": "anomalies.walk_seconds",
    "walks": "anomalies.walks",
}
OF_EVENT = OF_TYPE | _OF_GATES | _OF_THE_WHOLE
"""What the event may state for all: some of it is no single gate's."""
OF_PROFILE = (
    _RULES
    | _OF_GATES
    | {
        "direction": "gate.direction",
        "entrance": "gate.entrance",
        "flight": "gate.flight",
        "locations": "gate.locations",
        "rule_gate": "gate.rule_gate",
        "screening_room": "gate.screening_room",
        "ways": "gate.ways",
        "zone": "gate.zone",
        "zone_capacity": "rules.zone_capacity",
    }
)
_PLACES = ("gate.entrance", "gate.flight", "gate.locations", "gate.screening_room", "gate.zone")
"""What says where a gate is."""
_EVENTS_OWN = frozenset((_OF_THE_WHOLE | OF_PROFILE).values()) | {"alone.types", "gate.name"}
"""Keys of the configuration that ``config.toml`` does not say at a gate that was taken in."""
MOST_BYTES = 128 * 1024
"""As JSON, so that they go into one page of the feed with room to spare."""
NAME_LENGTH = 200
_DEFAULTS = msgspec.to_builtins(Config())


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What a gate goes by."""

    config: Config
    place: Place
    rules: HouseRules
    profile: str = ""
    """The name of its profile; empty: it has none."""
    overrides: tuple[str, ...] = ()
    """Keys that a flag or a ``GATE_…`` variable sets otherwise than event or profile do."""
    unread: tuple[str, ...] = ()
    """Keys of ``config.toml`` that are not read here."""

    @property
    def is_placed(self) -> bool:
        """Whether somebody has said where the gate is, be it that any place will do."""
        here = self.place
        named = (here.entrance, here.zone, here.screening_room, here.flight, *here.locations)
        return bool(self.profile) or any(named)


def own_settings(own: Config) -> GateSettings:
    """Of a gate on its own: what flags, variables and the file say."""
    return GateSettings(own, own.place(), own.house_rules())


def settings_of(own: Config, stated: EventSettings, device: str, name: str) -> GateSettings:
    """Of a gate that was taken in as ``name``.

    What this program does not know, or knows no such value of, a newer one has stated: it is left
    out.
    """
    profile_name = stated.profile_of(device, name)
    profile = _by_path(stated.profiles.get(profile_name, {}), OF_PROFILE)
    event = _by_path(stated.rules, OF_EVENT)
    of_gate = event | profile | {"gate.name": profile_name or name}
    config = _overlaid(own, of_gate)
    by_type = {
        id_: _overlaid(own, event | _by_path(one, OF_TYPE) | profile).house_rules()
        for id_, one in stated.types.items()
    }
    is_stated = bool(profile_name) or any(_is_by_hand(own, path) for path in _PLACES)
    return GateSettings(
        config,
        config.place(is_known=is_stated or not stated.profiles),
        config.house_rules(by_type),
        profile_name,
        tuple(path for path in event | profile if _is_by_hand(own, path)),
        tuple(sorted(_EVENTS_OWN.intersection(own.in_file))),
    )


def parse(kinds: Mapping[str, str], pairs: Iterable[str]) -> dict[str, Value | None]:
    """``key=value`` as a command line has them; ``key=`` takes back what was stated.

    Raises UsageError with one line that says what is allowed.
    """
    changes: dict[str, object] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key, text = key.strip().casefold(), text.strip()
        if not equals:
            raise UsageError(_("{setting}: not like key=value").format(setting=pair[:80]))
        changes[key] = config.typed(kinds[key], text) if text and key in kinds else text or None
    return checked(kinds, changes)


def checked(
    kinds: Mapping[str, str], stated: Mapping[str, Any], *, may_be_newer: bool = False
) -> dict[str, Value | None]:
    """Settings with the values they are to have; ``None`` takes one back. Raises UsageError."""
    values = dict(stated)
    for key, value in stated.items():
        if key not in kinds:
            raise UsageError(_unknown(kinds, key))
        if key == RULE and isinstance(value, str | Mapping):
            values[key] = _rule(value, may_be_newer=may_be_newer)
            continue
        if key == QUESTIONS and value is not None:
            values[key] = _questions(value)
            continue
        if value is not None and not config.is_value(kinds[key], value):
            raise UsageError(
                _("{key}: found {found!r}; allowed: {allowed}").format(
                    key=key, found=value, allowed=config.allowed(kinds[key])
                )
            )
    return values


def _rule(stated: str | Mapping[str, Any], *, may_be_newer: bool) -> str:
    try:
        return rule_setting.checked(stated, may_be_newer=may_be_newer)
    except rule_setting.BadRuleError as bad:
        raise UsageError(str(bad)) from bad


def _questions(stated: object) -> str:
    try:
        return question_setting.checked(stated)
    except question_setting.BadQuestionsSettingError as bad:
        raise UsageError(str(bad)) from bad


def _unknown(kinds: Mapping[str, str], key: str) -> str:
    close = difflib.get_close_matches(key, kinds, n=1)
    if close:
        return _("{key}: there is no such setting; did you mean {close}?").format(
            key=key[:80], close=close[0]
        )
    return _("{key}: there is no such setting; allowed: {allowed}").format(
        key=key[:80], allowed=", ".join(kinds)
    )


def _by_path(stated: Stated, kinds: Mapping[str, str]) -> dict[str, Value]:
    return {
        kinds[key]: value
        for key, value in stated.items()
        if key in kinds and config.is_value(kinds[key], value)
    }


def _overlaid(own: Config, stated: Mapping[str, Value]) -> Config:
    """The configuration with what the event says in the place of what the file says."""
    merged = msgspec.to_builtins(own)
    for path in _EVENTS_OWN:
        if not _is_by_hand(own, path):
            section, key = path.split(".")
            merged[section][key] = stated.get(path, _DEFAULTS[section][key])
    return msgspec.convert(merged, Config)


def _is_by_hand(own: Config, path: str) -> bool:
    return any(key == path or key.startswith(f"{path}.") for key in own.by_hand)


def patched(
    before: EventSettings, patch: Mapping[str, Any], *, may_be_newer: bool = False
) -> EventSettings:
    """The settings after a JSON Merge Patch (RFC 7396); ``null`` takes back what was stated.

    Operators are not among it: their PINs are. ``may_be_newer``: another system states it for the
    event, whose rule may have words that are not known here. Raises UsageError, and nothing has
    changed.
    """
    allowed_ = ("rules", "types", "profiles", "assigned")
    for part, value in patch.items():
        if part not in allowed_:
            raise UsageError(_unknown(dict.fromkeys(allowed_, ""), part))
        if not isinstance(value, Mapping):
            raise UsageError(_("{key}: an object is wanted").format(key=part))
    profiles = _each(before.profiles, patch.get("profiles", {}), OF_PROFILE, "profiles")
    after = msgspec.structs.replace(
        before,
        rules=_merged(before.rules, patch.get("rules", {}), OF_EVENT, may_be_newer=may_be_newer),
        types=_each(before.types, patch.get("types", {}), OF_TYPE, "types"),
        profiles=profiles,
        assigned=_assigned(before.assigned, patch.get("assigned", {}), profiles),
    )
    if len(msgspec.json.encode(after)) > MOST_BYTES:
        raise UsageError(_("settings of an event: at most {n} KiB").format(n=MOST_BYTES // 1024))
    return after


def _merged(
    before: Stated,
    changes: Mapping[str, Any],
    kinds: Mapping[str, str],
    *,
    may_be_newer: bool = False,
) -> Stated:
    merged = before | checked(kinds, changes, may_be_newer=may_be_newer)
    return {key: value for key, value in merged.items() if value is not None}


def _each(
    before: Mapping[str, Stated], changes: Mapping[str, Any], kinds: Mapping[str, str], part: str
) -> dict[str, Stated]:
    """Of several that are stated by their names."""
    after = dict(before)
    for name, one in changes.items():
        if not name.strip() or not name.isprintable() or len(name) > NAME_LENGTH:
            raise UsageError(
                _("{part}: {name!r} cannot be a name").format(part=part, name=name[:80])
            )
        if one is None:
            after.pop(name, None)
        elif isinstance(one, Mapping):
            after[name] = _merged(before.get(name, {}), one, kinds)
        else:
            raise UsageError(_("{key}: an object is wanted").format(key=f"{part}.{name[:80]}"))
    return after


def _assigned(
    before: Mapping[str, str], changes: Mapping[str, Any], profiles: Mapping[str, Stated]
) -> dict[str, str]:
    after = {device: name for device, name in before.items() if name in profiles}
    for device, name in changes.items():
        if name is None:
            after.pop(device, None)
        elif name in profiles:
            after[device] = name
        else:
            raise UsageError(
                _("there is no profile {name!r}; there is: {profiles}").format(
                    name=str(name)[:80], profiles=", ".join(profiles) or "–"
                )
            )
    return after
