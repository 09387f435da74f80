"""Whose ticket a scan is: as it stands, spelled otherwise, or as its scanner means it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gate.core.boarding import Leg
from gate.core.code_formats import CodeFormats
from gate.core.outcome import Flag, Reason
from gate.core.rotation import Rotation, Shown
from gate.core.ticket import Ticket
from gate.core.verdict import Scan, ScannerProof, Verdict
from gate.credential.identities import legs_of
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
    legs: tuple[Leg, ...] = ()
    """Of the boarding pass that it is."""
    rotating: Rotating | None = None
    """What else it says, where it is a rotating code as its phone shows it."""
    is_by_code: bool = False
    """Whether a code was scanned, and not a ticket named by a person."""

    def rotation(self, now_ms: int, newest_ms: Callable[[str], int | None]) -> Rotation | None:
        """What was shown of a ticket whose code rotates; ``None``: it does not, or none was shown.

        ``newest_ms`` tells the newest code of a ticket that has passed.
        """
        ticket = self.ticket
        if ticket is None or not self.is_by_code:
            return None
        # Of a ticket that only its code tells of the list has no key yet.
        rotates = ticket.signed is not None and bool(ticket.type.rotating)
        if not (ticket.rotating_keys or rotates):
            return None
        if self.rotating is None:
            return Rotation(Shown.STATIC)
        found = prove(self.rotating.pattern, self.rotating.parts, self.rotating.keys, now_ms)
        return replace(found, newest_ms=newest_ms(ticket.id))

    def explain(self, verdict: Verdict) -> Verdict:
        """The verdict with what was undone, would explain the text, or is in its way."""
        reading, proposal = self.reading, self.reading.proposal
        if not (reading.flaws or proposal or reading.ended or self.rivals or self.legs):
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
            legs=self.legs,
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
    if identity.ticket is None and (proved := _by_signature(scan, tickets)) is not None:
        return proved
    reading = repair.read(scan.source, scan.text, match, is_repeat=is_repeat)
    if reading.rival:
        both = (tickets.get(reading.ticket), tickets.get(reading.rival))
        rivals = tuple(ticket for ticket in both if ticket is not None)
        return Identity(problem=Reason.TWO_TICKETS, rivals=rivals)
    codes, meant = tickets.codes, reading.meant
    ticket = codes.ticket_of(meant) if meant else match.ticket
    rotating = codes.rotating_of(meant) if meant and ticket else match.rotating
    legs = legs_of(reading.meant) or match.legs
    return Identity(ticket, reading=reading, legs=legs, rotating=rotating, is_by_code=True)


def peek(scan: Scan, tickets: Tickets, repair: ScannerRepair, formats: CodeFormats) -> Identity:
    """Whose ticket a scan is, without learning anything of its scanner."""
    match = tickets.codes.match(scan.text, scan.raw, scan.symbology, formats)
    identity = _as_it_stands(match)
    if identity.ticket or identity.problem is not None or scan.source not in TYPING:
        return identity
    if (meant := _by_signature(scan, tickets)) is not None:
        return meant
    believed = repair.peek(scan.source, scan.text)
    return Identity(tickets.get(believed) if believed else None, is_by_code=True)


def _by_signature(scan: Scan, tickets: Tickets) -> Identity | None:
    """Whose ticket a scanner meant that types wrongly; a signature needs nothing established."""
    found = tickets.codes.meant_by_signature(scan.text)
    if found is None:
        return None
    ticket, problem = found.proof
    reading = Reading("" if ticket is None else ticket.id, found.meant, found.flaws)
    return Identity(ticket, problem, reading=reading, is_by_code=True)


def _as_it_stands(match: Match) -> Identity:
    """Whose ticket a text is in its lossless spellings, whatever its scanner may mean."""
    problem = match.problem
    if problem is None and len(match.tickets) > 1:
        return Identity(problem=Reason.AMBIGUOUS, rivals=match.tickets)
    return Identity(
        match.ticket, problem, legs=match.legs, rotating=match.rotating, is_by_code=True
    )
