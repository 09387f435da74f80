"""Command cards of a venue that a folder belongs to."""

from gate.credential.command_cards import Command, CommandCard
from gate.storage.certificates import Authority, Membership, save_membership
from gate.storage.device_key import DeviceKey
from gate.storage.folder import Folder

READS_CARDS = "codes.command_cards=3"
ISSUE = 3


class Cards:
    """The authority of a venue whose member a folder's device now is."""

    def __init__(self, folder: Folder) -> None:
        self._authority = Authority.mint()
        device = folder.device_id()
        certificate = self._authority.issue(device, DeviceKey(folder).public)
        save_membership(folder, Membership(device, certificate, self._authority.certificate))

    def text(self, command: Command, name: str = "", issue: int = ISSUE) -> str:
        """What is on a card."""
        return self._authority.command_card(CommandCard(command, issue, name))
