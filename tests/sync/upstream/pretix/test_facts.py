"""What pretix does at a door, fact by fact, and the test by which it is so here.

The facts are of pretix 2026.8.0 and its apps, in words of our own. ``SAME`` is so here;
``OTHERWISE`` is answered differently on purpose, with what for; ``LACKS`` is not here, with what is
missing. A fact names its test as ``FILE:TEST``, of a table by the line: ``book`` is the rule book of
gates, ``formula`` that of an organiser's rules.
"""

import ast
from collections import Counter
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.core.test_formula import BOOK as FORMULA
from tests.core.test_rules import BOOK


class How(StrEnum):
    """Whether a fact is so here."""

    SAME = "same"
    OTHERWISE = "otherwise"
    LACKS = "lacks"


SAME, OTHERWISE, LACKS = How
TESTS = Path(__file__).parents[3]
LEAST = 190
"""So many of the facts are to be so, here or otherwise on purpose."""
FILES = {
    "mapping": "sync/upstream/pretix/test_mapping.py",
    "pull": "sync/upstream/pretix/test_pull.py",
    "seam": "sync/upstream/test_seam.py",
    "real": "system/pretix/test_real_pretix.py",
    "evenings": "system/pretix/test_evenings.py",
    "same": "system/pretix/test_same_rules.py",
    "lane rule": "lane/test_organisers_rule.py",
    "asking": "lane/test_asking.py",
    "signed": "lane/test_signed.py",
    "sig1": "credential/test_pretix_signed.py",
    "signing": "sync/server/test_signing.py",
    "admission": "lane/test_admission.py",
    "corrections": "lane/test_corrections.py",
    "spellings": "credential/test_spellings.py",
    "lookup": "reports/test_lookup.py",
    "search": "storage/test_ticket_search.py",
    "debounce": "capture/test_debounce.py",
    "race": "system/test_race.py",
    "stale": "storage/test_stale_list.py",
    "revocation": "storage/test_revocation.py",
    "formula test": "core/test_formula.py",
    "codes": "system/pretix/test_lists_and_codes.py",
    "media": "sync/upstream/pretix/test_media.py",
    "candidates": "core/test_candidates.py",
    "sharing": "lane/test_sharing.py",
    "questions": "lane/test_questions.py",
    "answers": "core/test_answers.py",
    "guest questions": "ui/test_guest_questions.py",
    "language": "ui/test_guest_language.py",
    "lists": "ui/test_lists.py",
    "check out": "core/test_check_out.py",
}


class Fact(NamedTuple):
    """Something that pretix does."""

    group: str
    text: str
    how: How
    where: str
    """The test; of what is otherwise or lacks, what there is instead."""
    test: str = ""
    """Of what is otherwise, the test."""


def group(name: str, *facts: tuple[str, ...]) -> list[Fact]:
    """Facts of one kind: text and test; or text, how, what for and test."""
    return [
        Fact(name, one[0], SAME, one[1]) if len(one) == 2
        else Fact(name, one[0], How(one[1]), one[2], *one[3:])
        for one in facts
    ]  # fmt: skip


# fmt: off
FACTS = [
    *group("verdict",
        ("a good ticket is let in", "book:a good ticket is admitted"),
        ("a code that nobody issued is invalid", "core/test_rules.py:test_an_unknown_code_is_refused_in_every_direction"),
        ("a cancelled order is cancelled", "mapping:test_how_a_ticket_stands"),
        ("an expired order counts as cancelled", "mapping:test_how_a_ticket_stands"),
        ("a position cancelled by itself is cancelled", "mapping:test_how_a_ticket_stands"),
        ("cancelled comes before blocked", "mapping:test_how_a_ticket_stands"),
        ("cancelled comes before used", "book:a refund outranks a re-scan"),
        ("an order that waits for approval is unapproved", "book:an order that waits for a yes is refused"),
        ("unapproved comes before unpaid", "mapping:test_how_a_ticket_stands"),
        ("a product that is not on the list is 'product', and known", "book:a type this gate does not take is refused"),
        ("another date of a series is not let in", "real:test_a_date_of_a_series"),
        ("before valid_from is invalid_time", "book:one second before it begins is too early"),
        ("the second of valid_from is in time", "book:the second it begins is in time"),
        ("the last second of valid_until is in time", "book:the last second is in time"),
        ("the second after it is invalid_time", "book:the second after is too late"),
        ("a used ticket is already_redeemed", "book:a used ticket is refused"),
        ("used is told with when it was let in", "admission:test_a_duplicate_says_when_where_and_by_whom"),
        ("used is the last refusal of all", "book:it is told before that a ticket was used"),
        ("rules come before used", "book:it is told before that a ticket was used"),
        ("requires attention is told with the verdict", "book:a type's note calls for a look"),
        ("attention may be the order's, the item's or the variation's", "mapping:test_what_is_said_at_the_door"),
        ("the texts for check-in are shown, the order's first", "mapping:test_what_is_said_at_the_door"),
        ("an error of the device is told as one, and lets nobody in", "admission:test_an_unforeseen_fault_is_a_hold"),
        ("a changed secret ends the old one", "evenings:test_split_cancel_and_a_new_code"),
        ("an old random secret is unknown", OTHERWISE, "it is told as replaced: the guest has an old ticket, not a false one", "book:a replaced code is refused"),
        ("the date of a series is 'invalid' offline and 'product' online", OTHERWISE, "one answer everywhere: the wrong kind", "real:test_a_date_of_a_series"),
        ("a refusal names the list that was meant", OTHERWISE, "a lane is of one list, and its title says which", "mapping:test_types_are_items_variations_and_dates"),
    ),
    *group("exit",
        ("an exit is recorded", "book:going out is recorded"),
        ("an exit without an entry is recorded", "book:an exit nobody saw enter is recorded"),
        ("a second exit is recorded", "book:a second exit is recorded"),
        ("no rule keeps anybody in", "book:nobody is kept from going out by it"),
        ("no question keeps anybody in", "book:whoever leaves is asked nothing"),
        ("no time keeps anybody in", "book:nobody is kept in by the clock"),
        ("an exit of a cancelled ticket is refused", OTHERWISE, "whoever is inside gets out: safety", "book:nobody is kept in for a refund"),
        ("an exit of a blocked ticket is refused", OTHERWISE, "the same", "book:nobody is kept in by a block"),
        ("the number inside is derived from entries and exits", "core/test_history.py:test_in_out_and_in_again"),
    ),
    *group("several entries",
        ("a list may allow several entries", "mapping:test_what_a_list_says_of_the_event"),
        ("then a ticket inside comes in again", "book:pass-back may be ignored"),
        ("after an exit one comes in again", "book:going out and coming back is a re-entry"),
        ("unless the list says no", "book:re-entry can be switched off"),
        ("a list states both to every gate", "mapping:test_what_a_list_says_of_the_event"),
        ("the last scan by its own time decides, not by arrival", OTHERWISE, "by causality: clocks order nothing", "core/test_history.py:test_times_do_not_depend_on_the_order_of_arrival"),
        ("an undone entry leaves the ticket free", "core/test_history.py:test_an_annulment_frees_the_use_and_keeps_the_count"),
        ("an undone exit never was", "core/test_history.py:test_an_annulled_exit_never_happened"),
        ("each person of a group is a check-in", "pull:test_a_party_is_as_many_entries"),
    ),
    *group("unpaid",
        ("a pending order is unpaid", "book:what is not paid for is refused"),
        ("the list may include pending ones: staff are asked", "book:or asked about"),
        ("let in anyway, they come in", "book:paid at the door it is good"),
        ("else they do not", "book:not paid there either it is refused"),
        ("a list without pending ones asks nobody", "mapping:test_what_a_list_says_of_the_event"),
        ("valid if pending is good", "mapping:test_how_a_ticket_stands"),
        ("valid if pending makes no unapproved order good", "mapping:test_how_a_ticket_stands"),
        ("paid meanwhile it is good within the next look", "real:test_tickets_come_and_go_as_pretix_has_them"),
        ("used and unpaid is told as unpaid", OTHERWISE, "nobody is asked for money on a used ticket", "book:nobody is asked for money on a used ticket"),
    ),
    *group("blocked",
        ("a blocked position is blocked", "book:a blocked ticket is refused"),
        ("whatever the order is", "mapping:test_how_a_ticket_stands"),
        ("no reasons are no block", "mapping:test_how_a_ticket_stands"),
    ),
    *group("rules",
        ("no rules let in", "formula:no rule lets in"),
        ("all of 'and'", "formula:all have to be met"),
        ("one of 'or'", "formula:one is enough"),
        ("a product in a list", "formula:a product in the list"),
        ("a variation in a list", "formula:a variation"),
        ("the gate of the device in a list", "formula:a gate by its name"),
        ("a device without a gate meets no rule about gates", "formula:a gate without a name"),
        ("entries", "formula:three times in"),
        ("entries today", "formula:once today"),
        ("days with entries", "formula:on three days"),
        ("a day begins by the event's zone", "formula:a day begins by the clock of the zone"),
        ("entries since a moment", "formula:entries since a time of day"),
        ("entries before a moment", "formula:entries before it"),
        ("days since a moment", "formula:days since a day"),
        ("days before a moment", "formula:days before it"),
        ("minutes since the last entry", "formula:minutes since the last"),
        ("minutes since the first entry", "formula:minutes since the first"),
        ("-1 where there was none", "formula:none is -1"),
        ("present and absent", "formula:present"),
        ("the weekday of the event's zone", "formula:by the clock of the zone"),
        ("before and after a moment, with tolerance", "formula:but with a minute's grace"),
        ("begin, end and admission of the date", "formula:admission"),
        ("admission falls back to the beginning", "formula:falls back to the beginning"),
        ("a time of day", "formula:a time of day"),
        ("exits count for none of them", "same:test_no_rule_comes_to_something_else"),
        ("undone entries count for none", "lane rule:test_what_was_undone_does_not_count"),
        ("entries at other gates count", "lane rule:test_what_another_gate_did_counts"),
        ("the refusal names what is in the way", "formula test:test_the_nearest_way_in_is_told"),
        ("of two times the nearer one", "formula test:test_of_two_times_the_nearer_is_told"),
        ("rules that cannot be worked out refuse", OTHERWISE, "they wait for a person: WAIT with a hint", "book:what it does not know waits"),
        ("a rule about time goes by the device's clock", OTHERWISE, "a clock that is not trusted refuses nobody: CHECK", "book:a rule about time refuses nobody by a doubtful clock"),
    ),
    *group("lists",
        ("all products or some", "mapping:test_what_a_list_says_of_the_event"),
        ("none is none, not all", "mapping:test_what_a_list_says_of_the_event"),
        ("all dates or one", "mapping:test_types_are_items_variations_and_dates"),
        ("used on one list is good on another", "mapping:test_what_others_did_and_not_what_we_did"),
        ("a list that was changed is so at the gates", "pull:test_a_list_states_its_rule"),
        ("a list that is gone stops the link and says so", "pull:test_a_list_that_is_gone_is_for_a_person"),
        ("the list is a parameter of each scan", OTHERWISE, "a lane has one list open, and a key changes to another", "lists:test_f2_and_f7_change_to_another_list"),
        ("several lists of several events in one scan", LACKS, "is not offered: one list is one event"),
    ),
    *group("add-ons",
        ("the main ticket opens for its one add-on on the list", "mapping:test_a_main_ticket_opens_for_its_one_addon"),
        ("no add-on on the list: not let in", "mapping:test_a_main_ticket_opens_for_its_one_addon"),
        ("a cancelled one does not count", "mapping:test_a_main_ticket_opens_for_its_one_addon"),
        ("without matching each has its own code", "mapping:test_a_main_ticket_opens_for_its_one_addon"),
        ("several are ambiguous", OTHERWISE, "the main ticket is the wrong kind there, and each add-on has its own code", "mapping:test_a_main_ticket_opens_for_its_one_addon"),
        ("an add-on without a name has its main ticket's", "mapping:test_a_position_is_a_ticket_by_its_own_id"),
    ),
    *group("media",
        ("a medium with one ticket opens for it", "mapping:test_a_medium_is_another_code"),
        ("an inactive medium is invalid", "pull:test_a_wristband_opens_for_its_one_ticket"),
        ("an expired medium is invalid", "media:test_a_medium_is_one_positions_or_is_shared"),
        ("of several tickets those on the list count", "candidates:test_it_is_the_one_that_is_good_here_and_now"),
        ("of those the ones that are valid now", "sharing:test_the_ticket_that_is_good_now_is_used"),
        ("two that remain are ambiguous", OTHERWISE, "a person chooses: WAIT, and both are offered", "sharing:test_where_two_are_good_a_person_chooses_of_those_that_were_seen"),
        ("none valid: the one that is valid next is named", "candidates:test_it_is_the_one_that_is_good_here_and_now"),
        ("a medium that has to be used replaces the code", LACKS, "the printed code opens as well"),
        ("an exchange of a code for a medium", LACKS, "is not offered: pretix does it online only"),
    ),
    *group("questions",
        ("a question of the list's products is asked before anybody is in", "book:a type asks before anybody goes in"),
        ("nothing is redeemed before the answer", "asking:test_nothing_is_redeemed_before_the_answer"),
        ("a yes lets in", "book:yes lets in"),
        ("a required yes that is a no does not", "book:no is a refusal"),
        ("exits are asked nothing", "book:whoever leaves is asked nothing"),
        ("a used ticket is not asked", "book:a yes makes no used ticket good"),
        ("an unanswered optional one is asked once", "questions:test_an_admission_comes_with_its_answers"),
        ("what was answered before is not asked", "book:what was answered before is not asked"),
        ("a bad answer is asked again", "questions:test_what_is_no_answer_leaves_the_question_open"),
        ("numbers with bounds", "answers:test_what_is_no_answer"),
        ("dates and times with bounds", "answers:test_what_is_no_answer"),
        ("one choice", "answers:test_what_is_an_answer"),
        ("several choices", "answers:test_what_is_an_answer"),
        ("text", "answers:test_what_is_an_answer"),
        ("a question that depends on another's answer", "book:and comes with it"),
        ("answers are kept with the order", "real:test_questions_are_asked_here_and_answered_there"),
        ("answers to be shown are shown", "guest questions:test_what_was_answered_before_is_beside_the_verdict"),
        ("files and photographs", LACKS, "is not offered: pretix takes them online only"),
    ),
    *group("signed codes",
        ("a code that its key has signed is read", "sig1:test_a_code_of_pretix_itself_is_read"),
        ("item, variation, date and validity are in it", "sig1:test_what_pretix_says_is_read"),
        ("nothing that was not signed is believed", "sig1:test_nothing_that_was_not_signed_is_believed"),
        ("each key of the event is tried", "signing:test_pretix_codes_by_its_keys_and_lists"),
        ("a code sold after the last download is let in", "signed:test_a_ticket_sold_since_comes_in_at_once"),
        ("twice at one lane it is used", "signed:test_twice_at_this_lane_is_known_at_once"),
        ("a revoked secret is revoked", "signing:test_pretix_codes_by_its_keys_and_lists"),
        ("a blocked secret is blocked", "signing:test_pretix_codes_by_its_keys_and_lists"),
        ("its validity counts", "signed:test_times_and_places_count_as_signed"),
        ("its product has to be on the list", "signed:test_pretix_codes_are_tickets_of_their_types"),
        ("a changed text of the same bytes is taken too", OTHERWISE, "a copy would pass what goes by text: it proves nothing", "sig1:test_another_text_of_the_same_bytes_proves_nothing"),
        ("what was let in unseen is used once its order is there", "signed:test_what_came_in_unseen_on_pretix_code_is_its_tickets_use_whatever_its_id"),
        ("it is told to pretix once the position is known", "codes:test_a_signed_code_sold_since_is_told_once_its_ticket_is_known"),
    ),
    *group("names and retries",
        ("a check-in with a name that is there already is no second one", "evenings:test_answers_that_are_lost"),
        ("names are of all devices together", "pull:test_how_an_entry_is_told"),
        ("a lost answer and a second scan by hand are 'used'", OTHERWISE, "the entry is on disk before anybody sees green", "admission:test_what_was_shown_is_in_the_journal"),
        ("409, 429 and 5xx are tried again", "pull:test_what_its_answers_mean"),
        ("Retry-After is kept to", "evenings:test_too_often"),
        ("a rate limit costs nothing but time", "evenings:test_too_often"),
    ),
    *group("undo",
        ("an entry is annulled by its name", "evenings:test_two_gates_of_one_server"),
        ("annulled twice is annulled", "pull:test_what_is_not_taken"),
        ("after a quarter of an hour it is refused", "evenings:test_an_undo_that_comes_too_late"),
        ("by another device it is refused", "pull:test_what_is_not_taken"),
        ("an annulled name that is sent again is a second entry", "seam:test_an_undo_that_overtakes_withdraws"),
        ("the record stays, and does not count", "real:test_what_we_do_is_there_entry_for_entry"),
        ("what pretixSCAN undoes is free again", "evenings:test_a_mixed_fleet"),
    ),
    *group("upload",
        ("force takes an entry whatever pretix would say", "evenings:test_an_evening_without_network_and_back"),
        ("with its own time", "evenings:test_two_gates_of_one_server"),
        ("a cancelled order takes it", "evenings:test_an_evening_without_network_and_back"),
        ("a cancelled position does not: 404", "evenings:test_a_position_cancelled_by_itself"),
        ("a code nobody issued is a failed scan", OTHERWISE, "it is not told: only a hash of it is kept", "admission:test_no_code_is_ever_written_down"),
        ("refusals are told with their reason", "pull:test_how_an_entry_is_told"),
        ("an unknown reason is 400", "pull:test_how_an_entry_is_told"),
        ("two of one ticket offline are both taken, the second is forced", "evenings:test_a_mixed_fleet"),
        ("no device is told of such a conflict", OTHERWISE, "it is shown: server, F3 and report", "evenings:test_a_mixed_fleet"),
        ("an upload that pretix refuses is dropped", OTHERWISE, "it is counted and shown", "seam:test_what_is_not_taken_is_counted_and_not_repeated"),
        ("a scan between upload and download may be forgotten", OTHERWISE, "a history is a fold of entries; nothing is deleted", "core/test_history.py:test_same_entries_same_history"),
    ),
    *group("download",
        ("pages of 50", "pull:test_the_full_pull_has_every_order"),
        ("orders of one moment fill pages", "real:test_many_orders_of_one_moment"),
        ("an interrupted first run goes on", "pull:test_a_pull_goes_on_where_it_was"),
        ("changes since a moment of pretix's clock", "pull:test_changes_are_asked_for_from_a_minute_before"),
        ("a late commit is dated before the page", "pull:test_changes_are_asked_for_from_a_minute_before"),
        ("the same again is skipped", "real:test_the_same_again_is_no_change"),
        ("a page is one transaction with its cursor", "seam:test_a_page_is_stored_with_its_cursor"),
        ("a split position keeps its id and secret", "evenings:test_split_cancel_and_a_new_code"),
        ("a position that moved is missing from its order", "evenings:test_split_cancel_and_a_new_code"),
        ("test orders are left out", "pull:test_only_what_is_needed_is_asked_for"),
        ("deleted orders stay on devices", OTHERWISE, "the nightly comparison voids them, a few at a time", "seam:test_a_comparison_voids_only_a_few"),
        ("redeeming touches the order", "real:test_what_pretixscan_does_is_here"),
        ("exits and entries of all devices come with the order", "mapping:test_what_others_did_and_not_what_we_did"),
        ("what was annulled is not among them any more", "real:test_what_pretixscan_does_is_here"),
    ),
    *group("device",
        ("a code of a newer handshake is refused", "pull:test_codes_that_are_no_invitation"),
        ("a used code is refused, with words", "real:test_devices_that_cannot_work_are_refused"),
        ("a profile without orders cannot work", "real:test_devices_that_cannot_work_are_refused"),
        ("a revoked device is shut out", "evenings:test_a_device_that_was_revoked"),
        ("it can be paired anew", "evenings:test_a_device_that_was_revoked"),
        ("a device may revoke itself", "real:test_devices_that_cannot_work_are_refused"),
        ("on revocation the app forgets its tickets", OTHERWISE, "an evening goes on with what the gates hold", "evenings:test_a_device_that_was_revoked"),
        ("a gate is assigned to a device", "real:test_pretix_says_which_gate_it_was"),
        ("messages follow the order's language", OTHERWISE, "where the screen faces the guest; else staff read their own", "language:test_the_verdict_is_told_to_the_guest"),
    ),
    *group("check-out",
        ("a list checks everybody out at a time", "codes:test_everybody_is_checked_out_once_on_both_sides"),
        ("what pretix checked out by itself is an exit here", "mapping:test_what_others_did_and_not_what_we_did"),
        ("it moves on by a day of the event's zone", "check out:test_the_last_check_out_is_by_the_clocks_of_the_zone"),
    ),
    *group("search and input",
        ("by name", "search:test_by_name_seat_and_both"),
        ("by order", "search:test_an_order_is_searched_once_tickets_have_one"),
        ("by the beginning of a code", "lookup:test_by_what_a_guest_shows_or_says"),
        ("control characters of scanners are left out", "spellings:test_framing_goes"),
        ("the same code in view is one scan", "debounce:test_a_code_in_view_is_one_scan"),
        ("two scans at once may both pass", OTHERWISE, "one transaction and a unique index: exactly one", "race:test_eight_threads_at_one_lane"),
    ),
]
# fmt: on


@cache
def names_in(path: str) -> frozenset[str]:
    """The names of a file's tests."""
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = (one.name for one in ast.walk(tree) if isinstance(one, functions))
    return frozenset(name for name in names if name.startswith("test_"))


def is_there(test: str) -> bool:
    """Whether a test that a fact names exists."""
    file, _, name = test.partition(":")
    if file == "book":
        return name in {line[0] for line in BOOK}
    if file == "formula":
        return name in {line[0] for line in FORMULA}
    return name in names_in(FILES.get(file, file))


@pytest.mark.parametrize("fact", FACTS, ids=lambda one: f"{one.group}: {one.text}")
def test_each_fact_has_its_test(fact: Fact) -> None:
    """What is so, or otherwise on purpose, is held by a test that exists; what lacks says what."""
    if fact.how is LACKS:
        assert fact.where
        assert not fact.test
    else:
        test = fact.where if fact.how is SAME else fact.test
        assert is_there(test), test


def test_so_many_are_so() -> None:
    """Most of the facts; and nobody has written one down twice."""
    counts = Counter(fact.how for fact in FACTS)
    texts = [(fact.group, fact.text) for fact in FACTS]
    assert len(texts) == len(set(texts))
    assert len(FACTS) >= 176, dict(counts)
    assert counts[SAME] + counts[OTHERWISE] >= LEAST, dict(counts)


def test_a_test_that_is_not_there_is_noticed() -> None:
    """The mutation: of a made-up test or line nobody would believe anything."""
    assert not is_there("book:a good ticket is eaten")
    assert not is_there("evenings:test_nothing")
    assert not is_there("evenings:agrees")
