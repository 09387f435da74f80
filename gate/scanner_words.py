"""What cameras and scanners have to say, in words for guests and operators."""

from gate.scanner.guidance import Advice
from gate.words import N_

ADVICE_WORDS = {
    Advice.WHOLE: N_("The whole code in the picture, please"),
    Advice.FURTHER: N_("A little further away, please"),
    Advice.NEARER: N_("A little nearer, please"),
    Advice.TILT: N_("Tilt it, please: a lamp is mirrored in it"),
    Advice.BRIGHTER: N_("A brighter screen, please"),
    Advice.DIMMER: N_("A darker screen, please: it dazzles"),
    Advice.STILL: N_("Hold it still, please"),
}
