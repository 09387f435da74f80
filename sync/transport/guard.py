"""Who is let onto this gate's LAN: revoked devices and strangers are turned away, and counted."""

import logging
import ssl
from collections.abc import Callable

from gate.i18n import _
from sync.session.twins import THIS_RUN, Twins

log = logging.getLogger(__name__)

WARN_EVERY_S = 1.0

WhyNot = Callable[[str, str], str]
"""From a device and its public key (hex) to why it is turned away; empty: it is welcome."""


class Guard:
    """For one gate; its numbers may be read from any thread."""

    def __init__(
        self,
        device: str,
        now_s: Callable[[], float],
        why_not: WhyNot,
        proof_of: Callable[[str], str] = lambda _device: "",
        run: str = THIS_RUN,
    ) -> None:
        """``proof_of`` a device: the authority's word that it was revoked, or empty."""
        self._device = device
        self._now_s = now_s
        self.why_not = why_not
        self.proof_of = proof_of
        self.run = run
        """The name of this run of this gate's worker."""
        self._twins = Twins()
        self.twins: set[str] = set()
        """Devices of which two machines were heard here; this one, if another is called so."""
        self._warned_s = float("-inf")
        self.unauthorised = 0
        """How often a stranger or a revoked device called."""
        self.last_unauthorised = ""

    def turns_away(self, member: tuple[str, str] | None, host: str) -> bool:
        """Whether whoever shows that certificate (device, key) from there is, which then counts."""
        why = self.why_not(*member) if member is not None else _("no certificate")
        if why:
            self.turn_away(f"{member[0]} ({host})" if member is not None else host, why)
        return bool(why)

    def turn_away(self, who: str, why: str) -> None:
        """Somebody, or what came of it, was turned away."""
        self.unauthorised += 1
        self.last_unauthorised = f"{who}: {why}"
        # A flood of strangers must not become a flood of lines.
        if self._now_s() - self._warned_s > WARN_EVERY_S:
            self._warned_s = self._now_s()
            log.warning("lan: turned away %s", self.last_unauthorised)

    def note_run(self, device: str, run: str) -> None:
        """A machine has shown that it is a device: not another one than the one that is heard."""
        is_other = run != self.run
        if self._twins.seen(device, run, self._now_s()) or (device == self._device and is_other):
            if device not in self.twins:
                log.warning("lan: another machine uses the credential of device %s", device)
            self.twins = self.twins | {device}

    def watch_handshakes(self) -> type[ssl.SSLObject]:
        """TLS objects that count whose handshake fails, which nobody else does."""
        note = self._note_stranger

        class Watched(ssl.SSLObject):
            def do_handshake(self) -> None:
                try:
                    super().do_handshake()
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    raise
                except ssl.SSLError as error:
                    note(error)
                    raise

        return Watched

    def _note_stranger(self, error: ssl.SSLError) -> None:
        self.turn_away(_("a stranger"), error.reason or str(error))
