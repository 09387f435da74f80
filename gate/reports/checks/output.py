"""Whether what opens for a guest is there: relay and passage sensor."""

from contextlib import closing

from gate.config import Config
from gate.i18n import _
from gate.output.passage import sensor_of
from gate.output.relay import relay_of
from gate.reports.checks.finding import Finding, Status


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
