"""Whether what opens for a guest is there: relay and passage sensor."""

from contextlib import closing

from gate.config import Config
from gate.core.health import MOST_NOT_PASSED, Health
from gate.i18n import _
from gate.output.passage import sensor_of
from gate.output.relay import relay_of
from gate.reports.checks.finding import Finding, Status
from gate.storage.lane_status import LaneStatus
from gate.text.health_words import health_parts


def turnstile_at_lane(lane: LaneStatus) -> Finding:
    """How it is by the word of the lane that has it to itself."""
    if lane.turnstile_trouble:
        return Finding(Status.FAIL, lane.turnstile_trouble)
    health = Health(turnstile=lane.turnstile, not_passed=lane.not_passed,
                    not_passed_in_row=lane.not_passed_in_row)  # fmt: skip
    words = ", ".join(health_parts(health).values())
    return passage(words, lane.not_passed_in_row or 0)


def passage(words: str, not_passed_in_row: int) -> Finding:
    """Whether so many in a row may be a chance."""
    if not_passed_in_row <= MOST_NOT_PASSED:
        return Finding(Status.OK, words)
    return Finding(Status.WARN, words, _("Does it open? Does the sensor see who goes through?"))


def turnstile(config: Config) -> Finding:
    """Whether both answer; nothing is opened. Raises OutputError."""
    output = config.output
    if not output.relay:
        return Finding(Status.SKIP, _("nothing opens here"))
    with closing(relay_of(output)) as relay:
        relay.check()
    sensor = sensor_of(output)
    if sensor is not None:
        with closing(sensor):
            sensor.arm()
    seen = output.passage or _("nobody sees who goes through")
    return Finding(Status.OK, f"{output.relay}; {seen}")
