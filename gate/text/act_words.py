"""What was done, in a word, where it is no verdict."""

from gate.core.entry import Act
from gate.i18n import N_, _

ACT_WORDS = {
    Act.ADMISSION: N_("let in"),
    Act.EXIT: N_("went out"),
    Act.REFUSAL: N_("refused"),
    Act.HOLD: N_("held"),
    Act.CHECK: N_("checked"),
    Act.RESCAN: N_("the same ticket again"),
    Act.REPEAT: N_("the same unknown code again"),
    Act.ANNULMENT: N_("undone"),
    Act.COUNT_IN: N_("counted in, without a ticket"),
    Act.COUNT_OUT: N_("counted out, without a ticket"),
    Act.COUNT_UNDONE: N_("a count undone"),
    Act.LANE_OPENED: N_("lane opened"),
    Act.LANE_CLOSED: N_("lane closed"),
    Act.SIGN_IN: N_("signed in"),
    Act.SIGN_IN_FAILED: N_("wrong PIN"),
    Act.SIGN_OUT: N_("signed out"),
    Act.CLOCK_SET: N_("clock set"),
    Act.UNDO_REFUSED: N_("an undo refused"),
    Act.RESOLUTION: N_("looked into"),
    Act.RETIREMENT: N_("gate retired"),
    Act.REINSTATEMENT: N_("gate taken back"),
    Act.MESSAGE: N_("message"),
    Act.ACKNOWLEDGEMENT: N_("message read"),
    Act.NO_PASSAGE: N_("nobody went through"),
}


def act_word(act: str) -> str:
    """What was done; an act of a later version by its own name."""
    return _(ACT_WORDS[Act(act)]) if act in ACT_WORDS else act
