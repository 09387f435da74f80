"""``gate sync``: the sync worker, and how it stands."""

import argparse
import sys
from typing import TYPE_CHECKING

from gate.cli.exit_codes import OK, print_fault
from gate.cli.flags import Commands
from gate.cli.options import base_of, config_of, existing_folder, worker_arguments
from gate.i18n import _

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from gate.config import Config
    from gate.storage.folder import Folder


def add(commands: Commands) -> None:
    """Add ``gate sync``."""
    sub = commands.add(
        "sync", run, _("tell and hear what happened; or: sync status"), "gate sync --once"
    )
    sub.add_argument("action", nargs="?", choices=["status"], help=_("how things stand"))
    sub.add_argument("--once", action="store_true", help=_("once, for timers; see the exit code"))
    sub.add_argument(
        "--now", action="store_true", help=_("have the worker that is running try now")
    )
    sub.add_argument("--json", action="store_true", help=_("status for programs"))
    sub.add_argument("--child", action="store_true", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    """Sync once or until stopped, wake the worker, or say how things stand."""
    from gate.cli.sync_run import ask_to_try, exit_code, sync_on
    from gate.errors import GateError

    config = config_of(options)
    folder = existing_folder(config)
    if options.action == "status":
        return _print_status(folder, config, is_json=options.json)
    if options.now:
        ask_to_try(folder)
        sys.stdout.write(_("The sync worker tries now.") + "\n")
        return OK
    try:
        if options.once:
            return _sync_once(folder, config)
        with _other_lists(options, config, folder):
            return sync_on(folder, config, is_child=options.child)
    except GateError as fault:
        return print_fault(fault, exit_code(fault))


def _other_lists(
    options: argparse.Namespace, config: "Config", folder: "Folder"
) -> "AbstractContextManager[object]":
    """The workers of the gate's other lists, for as long as this one is at work as a service."""
    from contextlib import nullcontext

    from gate.cli.list_workers import ListWorkers
    from gate.storage.gate_lists import gate_lists, list_of

    lists, own = gate_lists(base_of(config)), list_of(folder)
    if options.child or own is None or not lists:
        return nullcontext()
    return ListWorkers(lists, lambda of: worker_arguments(options, of)).beside(own.event)


def _print_status(folder: "Folder", config: "Config", *, is_json: bool) -> int:
    from gate.cli.sync_report import as_json, as_text, status

    found = status(folder, config.sync.heard_within_s)
    sys.stdout.write((as_json(found) if is_json else as_text(found)) + "\n")
    return OK


def _sync_once(folder: "Folder", config: "Config") -> int:
    from gate.cli.progress import progress
    from gate.cli.sync_run import sync_once

    with progress(_("syncing")) as show:
        return sync_once(folder, config, lambda _what, done, total: show(done, total))
