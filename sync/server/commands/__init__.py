"""What ``gate serve`` does at the server's database beside serving, for whoever looks after it."""

from pathlib import Path

from sqlalchemy import Engine

from sync.server.commands import devices, events, links, organisers, pages, people, webhooks
from sync.server.console import Console
from sync.server.wanted import Wanted


def do(engine: Engine, wanted: Wanted, folder: Path) -> int:  # noqa: PLR0911  one for each command
    """Do the one thing that is wanted; the answer is the exit code.

    Raises UsageError, ConfigError, StoreError.
    """
    console, chore = Console(engine, wanted.event), wanted.chore
    if wanted.take_over is not None:
        return events.take_over_venue(console, wanted.take_over, wanted.time_zone)
    if wanted.new_token:
        return links.new_link(console, wanted, folder)
    if wanted.web_link:
        return pages.new_link(console, wanted, folder)
    if wanted.is_about_pages:
        return pages.tend(console, wanted.web_end)
    if wanted.is_about_links:
        return links.tend_links(console, wanted.withdraw)
    if wanted.disown:
        return devices.disown(console, wanted)
    if wanted.is_about_devices:
        return devices.tend_devices(console, wanted.device, wanted.state)
    if chore.is_about_webhooks:
        return webhooks.tend_webhooks(console, chore, wanted.callback_to)
    if chore.audit:
        return organisers.write_audit(console, chore.audit)
    if chore.tokens or chore.new_organiser or chore.roll or chore.end:
        return organisers.tend_tokens(console, chore)
    if chore.export_person:
        return people.export(console, chore.export_person, wanted.parts)
    return people.erase(console, chore.erase_person, folder, wanted.parts)
