"""What of a device's word on itself is not well."""

import msgspec
import pytest

from gate.core.event_device import DeviceReport
from gate.core.health import UNTOLD, Health, Worry, worries

WELL = Health(
    disk_free_mb=512,
    battery=20,
    is_charging=False,
    heat_c=79,
    camera="live",
    scanner="on",
    turnstile="on",
    not_passed=40,
    not_passed_in_row=2,
    sound="on",
    is_clock_trusted=True,
    list_age_s=300,
)


@pytest.mark.parametrize(
    ("change", "worry"),
    [
        ({"disk_free_mb": 511}, Worry.DISK),
        ({"battery": 19}, Worry.BATTERY),
        ({"heat_c": 80}, Worry.HEAT),
        ({"camera": "lost"}, Worry.CAMERA),
        ({"camera": "still"}, Worry.CAMERA),
        ({"scanner": "lost"}, Worry.SCANNER),
        ({"turnstile": "broken"}, Worry.TURNSTILE),
        ({"not_passed_in_row": 3}, Worry.PASSAGE),
        ({"sound": "lost"}, Worry.SOUND),
        ({"is_clock_trusted": False}, Worry.CLOCK),
        ({"list_age_s": 301}, Worry.LIST),
    ],
)
def test_each_worry_begins_at_its_bound(change: dict[str, object], worry: Worry) -> None:
    """At the bound all is well; one step beyond it that one thing is not, and no other."""
    assert worries(WELL) == ()
    assert worries(msgspec.structs.replace(WELL, **change)) == (worry,)


def test_what_nobody_says_is_no_worry() -> None:
    """A machine without a battery has none that is low; one that charges needs nobody."""
    assert worries(UNTOLD) == ()
    assert worries(Health(battery=3, is_charging=True)) == ()
    assert worries(Health(battery=3)) == (Worry.BATTERY,)
    # Who has nothing that plays was told so when the gate was set up.
    assert worries(Health(sound="bell")) == ()


def test_an_older_gate_s_report_is_read_and_a_newer_one_s_too() -> None:
    """A report without it says nothing; unknown fields are passed over; a mad number is refused."""
    assert msgspec.json.decode(b'{"gate":"North"}', type=DeviceReport).health == UNTOLD
    body = b'{"health":{"battery":50,"wind":3}}'
    assert msgspec.json.decode(body, type=DeviceReport).health == Health(battery=50)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"health":{"battery":101}}', type=DeviceReport)
