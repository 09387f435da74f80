"""Whose ticket a scan is: as it stands, spelled otherwise, or as its scanner means it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gate.core.outcome import Flag, Reason
from gate.core.rotation import Rotation, Shown
from gate.core.ticket import Ticket
from gate.core.verdict import Scan, ScannerProof, Verdict
from gate.credential.rotating import prove
from gate.credential.scanners import NO_READING, Reading
from gate.lane.scanner_repair import TYPING, ScannerRepair
from gate.storage.code_look_up import Match, Rotating
from gate.storage.tickets import Tickets


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose ticket a scan is, and how that is known."""

    ticket: Ticket | None = None
    problem: Reason | None = None
    rivals: tuple[Ticket, ...] = ()
    reading: Reading = NO_READING
    rotating: Rotating | None = None
    """What else it says, where it is a rotating code as its phone shows it."""
    is_by_code: bool = False
    """Whether a code was scanned, and not a ticket named by a person."""

    def rotation(self, now_ms: int, newest_ms: Callable[[str], int | None]) -> Rotation | None:
        """What was shown of a ticket whose code rotates; ``None``: it does not, or none was shown.

        ``newest_ms`` tells the newest code of a ticket that has passed.
        """
        ticket = self.ticket
        if ticket is None or not ticket.rotating_keys or not self.is_by_code:
            return None
        if self.rotating is None:
            return Rotation(Shown.STATIC)
        found = prove(self.rotating.pattern, self.rotating.parts, self.rotating.keys, now_ms)
        return replace(found, newest_ms=newest_ms(ticket.id))

    def explain(self, verdict: Verdict) -> Verdict:
        """The verdict with what was undone, would explain the text, or is in its way."""
        reading, proposal = self.reading, self.reading.proposal
        if not (reading.flaws or proposal or reading.ended or self.rivals):
            return verdict
        proof = None
        flaws = reading.flaws if reading.is_new else ()
        if proposal is not None:
            flaws = proposal.flaws
            proof = ScannerProof.KEY if proposal.shows else ScannerProof.SUPERVISOR
        return replace(
            verdict,
            flags=(*verdict.flags, Flag.REPAIRED) if reading.flaws else verdict.flags,
            rivals=self.rivals,
            scanner_flaws=tuple(map(str, flaws)),
            scanner_proof=proof,
            ended_flaws=tuple(map(str, reading.ended)),
        )


def identify(
    scan: Scan, match: Match, tickets: Tickets, repair: ScannerRepair, *, is_repeat: bool
) -> Identity:
    """Whose ticket a scan is that is about to be decided; its scanner is learnt from.

    A text that was looked into just now (``is_repeat``) is not looked into again.
    """
    identity = _as_it_stands(match)
    if identity.problem is not None or scan.source not in TYPING:
        return identity
    reading = repair.read(scan.source, scan.text, match, is_repeat=is_repeat)
    if reading.rival:
        both = (tickets.get(reading.ticket), tickets.get(reading.rival))
        rivals = tuple(ticket for ticket in both if ticket is not None)
        return Identity(problem=Reason.TWO_TICKETS, rivals=rivals)
    ticket = tickets.codes.ticket_of(reading.meant) if reading.meant else match.ticket
    # What a scanner's flaw was undone of is the part that does not change.
    rotating = None if reading.meant else match.rotating
    return Identity(ticket, reading=reading, rotating=rotating, is_by_code=True)


def peek(scan: Scan, tickets: Tickets, repair: ScannerRepair) -> Identity:
    """Whose ticket a scan is, without learning anything of its scanner."""
    identity = _as_it_stands(tickets.codes.match(scan.text, scan.raw, scan.symbology))
    if identity.ticket or identity.problem is not None or scan.source not in TYPING:
        return identity
    believed = repair.peek(scan.source, scan.text)
    return Identity(tickets.get(believed) if believed else None, is_by_code=True)


def _as_it_stands(match: Match) -> Identity:
    """Whose ticket a text is in its lossless spellings, whatever its scanner may mean."""
    problem = match.credential.problem
    if problem is None and len(match.tickets) > 1:
        return Identity(problem=Reason.AMBIGUOUS, rivals=match.tickets)
    return Identity(match.ticket, problem, rotating=match.rotating, is_by_code=True)
