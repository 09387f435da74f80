"""Time servers and the zone, as the machine's files state them."""

import pytest

from gate.errors import UsageError
from gate.setup.answers import Answers
from gate.setup.timekeeping import machine_zone_name, time_servers
from tests.setup.conftest import Bench


@pytest.mark.parametrize(
    ("main", "more", "servers"),
    [
        ("", None, []),
        ("[Time]\n#NTP=a\n", None, []),
        ("[Time]\nNTP=a b\n", None, ["a", "b"]),
        ("[Time]\nNTP=a\n", "[Time]\nNTP=b\n", ["a", "b"]),
        ("[Time]\nNTP=a\n", "[Time]\nNTP=\nNTP=b\n", ["b"]),
        ("[Time]\nFallbackNTP=a\n", None, []),
    ],
)
def test_which_servers_are_asked(
    bench: Bench, main: str, more: str | None, servers: list[str]
) -> None:
    """As systemd reads its files: more servers are added, nothing takes away those before."""
    folder = bench.root / "etc/systemd"
    (folder / "timesyncd.conf").write_text(main)
    if more is not None:
        (folder / "timesyncd.conf.d").mkdir()
        (folder / "timesyncd.conf.d/x.conf").write_text(more)
    assert time_servers(bench.machine) == servers


def test_the_zone_by_the_link_or_by_debians_file(bench: Bench) -> None:
    """A copy instead of a link has no name, the file beside it may have."""
    assert machine_zone_name(bench.machine) == "Etc/UTC"
    place = bench.root / "etc/localtime"
    place.unlink()
    place.symlink_to("../usr/share/zoneinfo/Europe/Vienna")
    assert machine_zone_name(bench.machine) == "Europe/Vienna"
    place.unlink()
    (bench.root / "etc/timezone").write_text("Asia/Shanghai\n")
    assert machine_zone_name(bench.machine) == "Asia/Shanghai"
    (bench.root / "etc/timezone").unlink()
    assert machine_zone_name(bench.machine) == "UTC"


def test_a_zone_that_the_machine_does_not_have(bench: Bench) -> None:
    """A link to nothing would be UTC without a word."""
    assert not bench.set_up(given=Answers(time_zone="Europe/Vienna", write="yes"))
    assert "this machine has no time zone Europe/Vienna" in bench.said()
    assert machine_zone_name(bench.machine) == "Etc/UTC"


def test_a_clock_in_1970_is_a_warning(bench: Bench) -> None:
    """A Pi without a battery is set up so; what fails beside it fails the set-up as ever."""
    bench.clock.wall_ms = 86_400_000
    assert bench.set_up(given=Answers(time_server="time.example.net", write="yes"))
    assert "It is behind what has happened" in bench.said()
    assert time_servers(bench.machine) == ["time.example.net"]
    bench.enrol = broken
    assert not bench.set_up(given=Answers(enrol="link", write="yes"))


def broken(_answers: Answers) -> str:
    """The link is good no more."""
    raise UsageError("used", "")
