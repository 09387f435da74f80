"""What the lane believes of the scanners that type into it, and what it proposes to believe.

The evidence is weighed in ``credential.scanners``; here it meets the tickets, the saved fixes, and
the person who says yes. Everything belongs to the lane's one thread.
"""

import logging
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gate.core.ticket import Ticket
from gate.core.verdict import ScannerProof
from gate.credential import FRAMING
from gate.credential.repair import Flaws
from gate.credential.scanners import Codes, Established, Proposal, Reading, Scanner
from gate.errors import GateError, OperatorError, UsageError
from gate.i18n import _
from gate.lane.post import Operator, require_supervisor
from gate.storage.code_look_up import Match
from gate.storage.folder import Folder
from gate.storage.scanner_fixes import Fix, Fixes
from gate.storage.tickets import Tickets

log = logging.getLogger(__name__)

TYPING = frozenset({"keyboard", "evdev", "serial"})
"""Sources that type: what they say may not be what they read."""
ENDS_KEPT, END_LENGTH = 8, 8
"""Of how many known codes is kept how they begin and end, and by how many characters."""
EXPLAINED_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Proposed:
    """What somebody may say yes to: a text, what it would mean, and whose ticket it would be."""

    source: str
    text: str
    meant: str
    flaws: Flaws
    ticket: Ticket
    proof: ScannerProof
    proposal: Proposal


class ScannerRepair:
    """Every input's scanner, and the fixes that are kept of them."""

    def __init__(self, folder: Folder, tickets: Tickets) -> None:
        self._tickets = tickets
        self._codes = Codes(self._find, tickets.codes.alphabet, is_spent=tickets.codes.is_spent)
        self._fixes = Fixes(folder)
        self._scanners: dict[str, Scanner] = {}
        self._devices: dict[str, str] = {}
        self._ends: deque[tuple[str, str]] = deque(maxlen=ENDS_KEPT)
        self._explained: OrderedDict[bytes, Reading] = OrderedDict()
        self._last: tuple[str, Proposal] | None = None

    def read(self, source: str, text: str, match: Match, *, is_repeat: bool = False) -> Reading:
        """What a typed text is, given whose code it is as it stands.

        A text that was looked into just now (``is_repeat``) is not looked into again.
        """
        ticket, code = match.ticket, match.credential.code
        scanner = self._scanner(source)
        if ticket is not None:
            self._ends.append((code[:END_LENGTH], code[-END_LENGTH:]))
            if scanner.established is None:
                return Reading(ticket.id)
        kept = self._explained.get(match.hashed)
        if is_repeat and kept is not None and scanner.established is None:
            reading = kept
        else:
            before = scanner.established
            heads, tails = zip(*self._ends, strict=True) if self._ends else ((), ())
            codes = replace(
                self._codes, heads=tuple(dict.fromkeys(heads)), tails=tuple(dict.fromkeys(tails))
            )
            reading = scanner.read(text.strip(FRAMING), ticket.id if ticket else "", codes)
            if reading.ended:
                self._end(source, before, scanner.established)
        self._remember(match.hashed, source, reading)
        return reading

    def peek(self, source: str, text: str) -> str:
        """The id of the ticket that what is believed makes of a text; nothing is learnt from it."""
        return self._scanner(source).peek(text.strip(FRAMING), self._codes)

    def proposed(self) -> Proposed:
        """What would explain the last typed text. Raises UsageError when nothing would."""
        source, proposal = self._last or ("", None)
        ticket = self._tickets.get(proposal.ticket) if proposal else None
        if proposal is None or ticket is None:
            raise UsageError(
                _("nothing explains the last text"),
                _("Scan with the scanner that types wrongly first."),
            )
        proof = ScannerProof.KEY if proposal.shows else ScannerProof.SUPERVISOR
        return Proposed(
            source, proposal.text, proposal.meant, proposal.flaws, ticket, proof, proposal
        )

    def believe(self, proposed: Proposed, supervisor: Operator | None) -> None:
        """Believe it, from now on and after the next start. Raises OperatorError and StoreError."""
        if supervisor is not None:
            require_supervisor(supervisor)
        elif proposed.proof is ScannerProof.SUPERVISOR:
            raise OperatorError(
                _("this takes a supervisor"), _("Or scan the test code: gate doctor --scanner")
            )
        is_sure = supervisor is not None
        believed = self._scanner(proposed.source).believe(proposed.proposal, is_sure=is_sure)
        self._save(proposed.source, believed)
        log.info(
            "scanner at %s: believed %s, by %s",
            proposed.source,
            " ".join(map(str, proposed.flaws)),
            "supervisor" if is_sure else "staff",
        )

    def tested(self, source: str, flaws: Flaws) -> None:
        """Believe what the test code has shown, which may be nothing. Raises StoreError."""
        scanner = self._scanner(source)
        scanner.forget()
        if flaws:
            scanner.established = Established((flaws,), is_sure=True)
        self._save(source, scanner.established)

    def plugged(self, source: str, device: str) -> bool:
        """Another scanner may be at an input: say whether what was believed ended with it."""
        self._devices[source] = device
        scanner, fix = self._scanner(source), self._fixes.of(source)
        believed = scanner.established
        if believed is None and fix is None:
            return False
        if fix is not None and fix.device == device:
            return False
        scanner.forget()
        self._explained.clear()
        if fix is not None:
            self._fixes.save(source, None)
        log.info("another scanner at %s: nothing is put right any more", source)
        return True

    def saved(self) -> Mapping[str, Fix]:
        """What is put right from the start, by input."""
        return self._fixes.all()

    def _find(self, text: str) -> str:
        ticket = self._tickets.codes.ticket_of(text)
        return "" if ticket is None else ticket.id

    def _scanner(self, source: str) -> Scanner:
        if source not in self._scanners:
            fix = self._fixes.of(source)
            self._scanners[source] = Scanner(fix.established if fix else None)
        return self._scanners[source]

    def _remember(self, hashed: bytes, source: str, reading: Reading) -> None:
        self._last = (source, reading.proposal) if reading.proposal else None
        if not reading.ticket:
            self._explained[hashed] = reading
            self._explained.move_to_end(hashed)
            if len(self._explained) > EXPLAINED_KEPT:
                self._explained.popitem(last=False)

    def _save(self, source: str, believed: Established | None) -> None:
        self._explained.clear()
        self._last = None
        device = self._devices.get(source, "")
        self._fixes.save(source, Fix(believed, device) if believed else None)

    def _end(self, source: str, before: Established | None, now: Established | None) -> None:
        log.info("a ticket's code as it stands ends what was believed of the scanner at %s", source)
        fix = self._fixes.of(source)
        if fix is None or fix.established != before:
            return
        try:
            self._save(source, now)
        except GateError as fault:
            # The guest is not to wait for it; it ends again at the next start.
            log.warning("fixes of scanners: %s", fault.message)
