"""The configuration: read once, checked whole, frozen.

Flags beat environment beats file. ``config.toml`` at the top of the repository shows every key.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from platformdirs import user_config_path, user_data_path

from gate import question_setting, rule_setting
from gate.config_tables import (
    Alone,
    Camera,
    Codes,
    Count,
    Debounce,
    Gate,
    Lan,
    Operators,
    Output,
    Rules,
    Scanner,
    Screen,
    Sync,
    Tickets,
    Web,
)
from gate.core.anomalies.thresholds import Thresholds
from gate.core.code_formats import CodeFormats
from gate.core.place import UNNAMED, HouseRules, Place, Policy
from gate.errors import ConfigError
from gate.i18n import _

APP = "venue-gate"
AUTO = "auto"
ENVIRONMENT_PREFIX = "GATE_"
_OTHER_VARIABLES = ("GATE_ADMIN_TOKEN", "GATE_CONFIG", "GATE_TEST_")


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a user may set."""

    venue: str = ""
    event: str = ""
    time_zone: str = AUTO
    """``auto`` or empty: the event's, or else the machine's own; see ``gate.text.zones``."""
    language: str = AUTO
    data_dir: str = ""
    retention_days: Count = 30
    gate: Gate = Gate()
    camera: Camera = Camera()
    scanner: Scanner = Scanner()
    debounce: Debounce = Debounce()
    rules: Rules = Rules()
    codes: Codes = Codes()
    alone: Alone = Alone()
    anomalies: Thresholds = Thresholds()
    screen: Screen = Screen()
    output: Output = Output()
    operators: Operators = Operators()
    sync: Sync = Sync()
    lan: Lan = Lan()
    web: Web = Web()
    by_hand: tuple[str, ...] = ()
    """Keys that a flag, ``--set`` or the environment gave: these outrank what the event says."""
    in_file: tuple[str, ...] = ()
    """Keys that the file gave, ``section.key``."""

    def folder(self) -> Path:
        """Where the data folder is."""
        return Path(self.data_dir).expanduser() if self.data_dir else default_data_folder()

    def named(self, enrolled: str) -> "Config":
        """The same, with the name by enrolment where the user has set none."""
        if self.gate.name or not enrolled:
            return self
        return msgspec.structs.replace(self, gate=msgspec.structs.replace(self.gate, name=enrolled))

    def place(self, *, is_known: bool = True) -> Place:
        """The lane's place, for the rules; ``is_known``: whether somebody has said where it is."""
        gate = self.gate
        return Place(
            gate=gate.name or UNNAMED,
            rule_gate=gate.rule_gate,
            event=self.event,
            locations=tuple(str(location) for location in gate.locations),
            entrance=gate.entrance,
            zone=gate.zone,
            screening_room=gate.screening_room,
            flight=gate.flight,
            accepted_types=gate.accepted_types,
            ways=gate.ways,
            is_known=is_known,
        )

    def house_rules(self, by_type: Mapping[str, HouseRules] | None = None) -> HouseRules:
        """The venue's decisions, for the rules, and those for single ticket types."""
        rules = self.rules
        return HouseRules(
            early_s=rules.early_minutes * 60,
            late_s=rules.late_minutes * 60,
            reentry=rules.reentry,
            reentry_s=rules.reentry_minutes * 60,
            exit_all_at=rules.exit_all_at,
            pass_back=rules.pass_back,
            pass_back_s=rules.pass_back_minutes * 60,
            rescan_s=self.debounce.rescan_s,
            undo_grace_s=rules.undo_seconds,
            zone_capacity=rules.zone_capacity or None,
            alone=self.alone.policy,
            alone_by_type=self.alone.types,
            unseen=rules.unseen,
            unseen_current=rules.unseen_current,
            unpaid=rules.unpaid,
            ask=rules.ask,
            rule=rules.rule,
            questions=rules.questions,
            skip_questions=rules.skip_questions,
            stale=Policy(rules.stale),
            static_codes=rules.static_codes,
            hand_codes=rules.hand_codes,
            find_admits=rules.find_admits,
            turn_needs_pin=rules.turn_needs_pin,
            list_needs_pin=rules.list_needs_pin,
            formats=self.code_formats(),
            by_type=by_type or {},
        )

    def code_formats(self) -> CodeFormats:
        """Which formats of codes are read here."""
        codes = self.codes
        return CodeFormats(
            boarding_passes=codes.boarding_passes == "identity",
            gs1=codes.gs1 == "identity",
            urls=codes.urls,
            flight=self.gate.flight,
            command_cards=codes.command_cards,
        )


def default_config_file() -> Path:
    """Where the configuration is looked for unless it is named."""
    return user_config_path(APP) / "config.toml"


def default_data_folder() -> Path:
    """Where the data is kept unless a folder is named."""
    return user_data_path(APP) / "default"


def load(
    file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    settings: Sequence[str] = (),
) -> Config:
    """Read file, environment and ``section.key=value`` settings into one configuration.

    Without ``file`` the default one is read if it is there. Raises ConfigError with one line that
    has the key's path, what was found and what is allowed.
    """
    stated = _read_file(file)
    in_file = _keys_of(stated)
    by_hand = []
    for variable, value in environment.items():
        if variable.startswith(ENVIRONMENT_PREFIX) and not variable.startswith(_OTHER_VARIABLES):
            path = _path_of_variable(variable)
            _put(stated, path, value, source=variable)
            by_hand.append(".".join(path))
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(
                _("--set {setting}: not like section.key=value").format(setting=setting)
            )
        _put(stated, key.strip().split("."), value.strip(), source=f"--set {key.strip()}")
        by_hand.append(key.strip())
    _check_keys(stated, Config, [])
    try:
        config = msgspec.convert(stated, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(error, stated)) from error
    _check_values(config)
    return msgspec.structs.replace(config, by_hand=tuple(by_hand), in_file=in_file)


class _Stated(Config, frozen=True, kw_only=True):
    """Whatever an event may state."""

    tickets: Tickets = Tickets()


def typed(path: str, text: str) -> Any:
    """What the text of a key that an event states stands for; it may still be no good value."""
    return _value(text, _stated_type(path))


def is_value(path: str, value: object) -> bool:
    """Whether a key may have that value."""
    return _fits(value, _stated_type(path))


def allowed(path: str) -> str:
    """What a key may be, in words."""
    return _allowed(msgspec.inspect.type_info(_stated_type(path)))


def kind_of(path: str) -> msgspec.inspect.Type:
    """What a key may be, without what bounds it."""
    kind = msgspec.inspect.type_info(_stated_type(path))
    return kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind


def _keys_of(stated: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"{section}.{key}"
        for section, keys in stated.items()
        if isinstance(keys, Mapping)
        for key in keys
    )


def _read_file(file: Path | None) -> dict[str, Any]:
    path = file or default_config_file()
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        if file is None:
            return {}
        raise ConfigError(_("{file}: there is no such file").format(file=path)) from None
    except OSError as error:
        raise ConfigError(
            _("{file}: cannot be read: {detail}").format(file=path, detail=error.strerror)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            _("{file}: not TOML: {detail}").format(file=path, detail=str(error) or "nesting")
        ) from error


def _path_of_variable(variable: str) -> list[str]:
    name = variable.removeprefix(ENVIRONMENT_PREFIX).casefold()
    section, underscore, key = name.partition("_")
    if underscore and section in _sections():
        return [section, key]
    return [name]


def _put(stated: dict[str, Any], path: list[str], text: str, source: str) -> None:
    """Set one key from text, which is TOML where the key wants more than a string."""
    kind = _field_type(path)
    if kind is None:
        section: Any = _field_type(path[:-1]) if len(path) > 1 else Config
        if not _is_struct(section):
            section, path = Config, path[:1]
        raise ConfigError(_unknown(source, path, section))
    for part in path[:-1]:
        stated = stated.setdefault(part, {})
        if not isinstance(stated, dict):
            raise ConfigError(_wrong(part, stated, _field_type([part])))
    stated[path[-1]] = _value(text, kind)


def _value(text: str, kind: object) -> Any:
    if not _fits(text, kind):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text


def _stated_type(path: str) -> Any:
    return _field_type(path.split("."), _Stated)


def _field_type(path: list[str], kind: Any = Config) -> Any:
    for part in path:
        kind = _field_of(kind, part)
    return kind


def _field_of(kind: Any, name: str) -> Any:
    """The type of a field, or ``None`` where there is no such field."""
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    if not _is_struct(kind):
        return None
    return next((f.type for f in _settings(kind) if f.name == name), None)


def _settings(kind: type[Struct]) -> list[msgspec.structs.FieldInfo]:
    """The fields that a user may set."""
    return [f for f in msgspec.structs.fields(kind) if f.name not in ("by_hand", "in_file")]


def _sections() -> list[str]:
    return [f.name for f in _settings(Config) if _is_struct(f.type)]


def _is_struct(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _check_keys(stated: Mapping[str, Any], kind: type[Struct], path: list[str]) -> None:
    fields = {f.name: f.type for f in _settings(kind)}
    for key, value in stated.items():
        here = [*path, key]
        if key not in fields:
            raise ConfigError(_unknown(".".join(here), here, kind))
        if _is_struct(fields[key]) and isinstance(value, Mapping):
            _check_keys(value, fields[key], here)


def _unknown(source: str, path: list[str], kind: type[Struct]) -> str:
    allowed = [f.name for f in _settings(kind)]
    close = difflib.get_close_matches(path[-1], allowed, n=1)
    if close:
        return _("{key}: there is no such setting; did you mean {close}?").format(
            key=source, close=".".join([*path[:-1], close[0]])
        )
    return _("{key}: there is no such setting; allowed: {allowed}").format(
        key=source, allowed=", ".join(allowed)
    )


def _explain(error: msgspec.ValidationError, stated: Mapping[str, Any]) -> str:
    """Say what msgspec objects to as we say everything else: path, found, allowed."""
    _complaint, _at, where = str(error).partition(" - at `$")
    kind: Any = Config
    found: Any = stated
    path = ""
    for key, index in re.findall(r"\.([^.\[`]+)|\[(\d+|\.\.\.)\]", where):
        if key:
            path, kind, found = f"{path}.{key}", _field_of(kind, key), found[key]
        elif isinstance(found, Mapping):
            kind = get_args(kind)[1]
            wrong = next(name for name, value in found.items() if not _fits(value, kind))
            path, found = f"{path}.{wrong}", found[wrong]
        else:
            kind = get_args(kind)[0]
            path, found = f"{path}[{index}]", found[int(index)]
    return _wrong(path.removeprefix("."), found, kind)


def _wrong(path: str, found: object, kind: object) -> str:
    return _("{key}: found {found!r}; allowed: {allowed}").format(
        key=path, found=found, allowed=_allowed(msgspec.inspect.type_info(kind))
    )


def _fits(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _allowed(info: msgspec.inspect.Type) -> str:  # noqa: PLR0911  one line a type
    """What a setting may be, in words."""
    match info:
        case msgspec.inspect.Metadata():
            return _allowed(info.type)
        case msgspec.inspect.EnumType():
            return ", ".join(info.cls)
        case msgspec.inspect.LiteralType():
            return ", ".join(str(value) for value in info.values)
        case msgspec.inspect.BoolType():
            return "true, false"
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            return _allowed_number(info)
        case msgspec.inspect.StrType(pattern=str(pattern)):
            if "code" in pattern:
                return _(
                    "an address with {code} in it, such as https://tickets.example/t/{code}"
                ).format(code="{code}")
            return _("hours like 'Mon-Fri 09:00-18:00; Sat 10:00-16:00'")
        case msgspec.inspect.StrType():
            return _("text")
        case msgspec.inspect.UnionType():
            return _(" or ").join(_allowed(one) for one in info.types)
        case msgspec.inspect.VarTupleType():
            return _("a list of: {item}").format(item=_allowed(info.item_type))
        case msgspec.inspect.DictType():
            return _("a table of: {item}").format(item=_allowed(info.value_type))
        case _:
            return _("a section")


def _allowed_number(info: msgspec.inspect.IntType | msgspec.inspect.FloatType) -> str:
    is_whole = isinstance(info, msgspec.inspect.IntType)
    kind = _("a whole number") if is_whole else _("a number")
    least, above, most = info.ge, info.gt, info.le
    if most is not None:
        low = least if least is not None else above
        return _("{kind} from {least} to {most}").format(kind=kind, least=low, most=most)
    if least is not None:
        return _("{kind}, at least {least}").format(kind=kind, least=least)
    return kind


def _check_values(config: Config) -> None:
    try:
        ZoneInfo("UTC" if config.time_zone in ("", AUTO) else config.time_zone)
    except (ValueError, KeyError, OSError) as error:
        raise ConfigError(
            _("{key}: found {found!r}; allowed: {allowed}").format(
                key="time_zone",
                found=config.time_zone,
                allowed=_("auto, or a name like Europe/Berlin"),
            )
        ) from error
    try:
        rule_setting.checked(config.rules.rule)
    except rule_setting.BadRuleError as bad:
        message = f"rules.{bad}"
        raise ConfigError(message) from bad
    try:
        question_setting.checked(config.rules.questions)
    except question_setting.BadQuestionsSettingError as bad:
        message = f"rules.{bad}"
        raise ConfigError(message) from bad
    for key in ("serial_on", "serial_off"):
        if not _is_hex(found := getattr(config.output, key)):
            raise ConfigError(
                _("{key}: found {found!r}; allowed: {allowed}").format(
                    key=f"output.{key}", found=found, allowed=_("bytes in hexadecimal: A00101A2")
                )
            )
    if config.camera.fourcc and len(config.camera.fourcc) != 4:
        raise ConfigError(
            _("{key}: found {found!r}; allowed: {allowed}").format(
                key="camera.fourcc", found=config.camera.fourcc, allowed=_("four letters")
            )
        )


def _is_hex(text: str) -> bool:
    try:
        return bool(bytes.fromhex(text))
    except ValueError:
        return False
