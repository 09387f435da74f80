"""What is made of a picture of the lane's screen."""

from tests.system.machine.watched_screen import answer

PICTURE = """\
 Gate · IN · only lane · no server
+=  Gate - >>> IN >>>  =======================+
|                  Good ticket                |
|            Winter Gala · Guest 0002         |
+=============================================+
 --+           last scans
  -+           + 04:26 Good ticket Winter Gala
 --+           X 04:26 Too early Summer Ball
"""


def test_an_answer_has_sign_reason_and_guest() -> None:
    """The panel names the guest, the newest of the last scans has the sign."""
    assert answer(PICTURE.splitlines()) == ("+", "Good ticket", 2)
    assert answer([]) is None


def test_a_picture_that_is_half_drawn_says_nothing() -> None:
    """The panel has the next guest already, the last scans the one before."""
    panel, last = PICTURE.split(" --+", 1)
    half = panel.replace("Good ticket", "Too early").replace("0002", "0401") + " --+" + last
    assert answer(half.splitlines()) is None
