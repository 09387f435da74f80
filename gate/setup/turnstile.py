"""What opens for a guest and what sees them go through, both tried without opening."""

from collections.abc import Callable, Iterator

from gate.config import Config
from gate.config_tables import Output
from gate.errors import OutputError
from gate.i18n import _
from gate.output.passage import sensor_of
from gate.output.relay import GPIO, SERIAL, relay_of
from gate.reports.checks import output as output_checks
from gate.reports.checks.finding import Finding
from gate.setup.answers import NO, Answers
from gate.setup.changes import HEAD, NOTHING, Change, Command, file
from gate.setup.configuration import configured
from gate.setup.conversation import Conversation
from gate.setup.machine import Machine
from gate.setup.serial_port import RELOAD, is_closed, is_port, opened_by_rule, port_rule
from gate.setup.step import Site

RULE = ("etc", "udev", "rules.d", "70-venue-gate-turnstile.rules")
_RELOAD: tuple[Command, ...] = (
    *RELOAD,
    ("udevadm", "trigger", "--subsystem-match=gpio", "--action=change"),
)


class TurnstileStep:
    """Whether something opens here."""

    def __init__(
        self, site: Site, try_it: Callable[[Config], Finding] = output_checks.turnstile
    ) -> None:
        """``try_it`` opens nothing."""
        self._site, self._try = site, try_it

    @property
    def name(self) -> str:
        """What it is called."""
        return _("turnstile")

    def look(self) -> Finding:
        """Whether relay and sensor answer. Raises OutputError."""
        return self._try(self._site.config)

    def ask(self, talk: Conversation) -> Finding | None:
        """Where the relay is, and the sensor. Raises OutputError for one that does not answer."""
        output = self._site.config.output
        usual = output.relay or NO
        question = _("What opens for a guest: nothing, or a relay")
        like = f"{NO}, serial:/dev/ttyUSB0, gpio:17, http://10.0.0.9/open"
        relay = talk.ask("relay", question, usual, fits=_is_relay, like=like)
        seen_by, question = NO, _("What sees a guest go through: nothing, or a sensor")
        if relay == NO:
            talk.forget("passage")
        else:
            like = f"{NO}, gpio:27, serial:/dev/ttyUSB1, http://10.0.0.9/count"
            had = output.passage or NO
            seen_by = talk.ask("passage", question, had, fits=_is_sensor, like=like)
        if (relay, seen_by) == (usual, output.passage or NO):
            return None
        try:
            return self._try(configured(self._site.config, talk.answers))
        except OutputError as fault:
            machine = self._site.machine
            if any(is_closed(machine, one) for one in _devices(machine, relay, seen_by)):
                return opened_by_rule(machine, fault.message)
            raise

    def plan(self, answers: Answers) -> tuple[Change, ...]:
        """The rule that gives the lane's user ports and pins."""
        if answers.relay is None:
            return ()
        machine = self._site.machine
        rules = "".join(
            dict.fromkeys(
                _rule(machine.user, place)
                for place in (answers.relay, answers.passage or NO)
                if place.startswith((SERIAL, GPIO))
            )
        )
        place = machine.path(*RULE)
        if not rules:
            return (Change(place, NOTHING, _RELOAD),)
        return (file(place, HEAD + rules, *_RELOAD),)


def _devices(machine: Machine, *places: str) -> Iterator[str]:
    """The files that these take: a port, or all that the kernel has of pins."""
    for place in places:
        if place.startswith(SERIAL):
            yield place.removeprefix(SERIAL)
        elif place.startswith(GPIO):
            yield from (f"/dev/{one.name}" for one in machine.path("dev").glob("gpiochip*"))


def _rule(user: str, place: str) -> str:
    if place.startswith(SERIAL):
        return port_rule(user, place.removeprefix(SERIAL))
    return f'SUBSYSTEM=="gpio", KERNEL=="gpiochip*", OWNER="{user}", MODE="0660"\n'


def _is_relay(text: str) -> bool:
    return text == NO or _is_place(text, lambda: relay_of(Output(relay=text)))


def _is_sensor(text: str) -> bool:
    return text == NO or _is_place(text, lambda: sensor_of(Output(passage=text)))


def _is_place(text: str, made: Callable[[], object]) -> bool:
    """Whether it names something behind its kind, and is of a kind that there is."""
    if text.startswith(SERIAL) and not is_port(text.removeprefix(SERIAL)):
        return False
    try:
        return bool(text.partition(":")[2].strip("/")) and made() is not None
    except OutputError:
        return False
