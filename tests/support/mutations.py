"""Faults that somebody could make in the product, each with the quick tests that must notice it.

    python tests/support/mutations.py            all of them, in some minutes
    python tests/support/mutations.py quorum     those of one subject

A test that passes whatever the product does shows nothing. Each fault is put into a copy of the tree, and the tests
that are named with it must fail there; without it they pass. `tests/unit/test_mutations.py` holds that every old text
stands in its module once and that the tests exist, so the table follows the product.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

REPOSITORY: Final = Path(__file__).parent.parent.parent
_TREE: Final = ("keys", "node", "protocol", "tests")
_FILES: Final = ("LICENSE", "README.md", "pyproject.toml")
_FAILED: Final = "FAILED "


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One fault."""

    subject: str
    module: str
    """By its import path."""
    before: str
    """What stands in the module once."""
    after: str
    killers: tuple[str, ...]
    """Tests that must fail, as pytest names them without parameters."""

    @property
    def path(self) -> Path:
        """Of the module, below the repository."""
        return Path(*self.module.split(".")).with_suffix(".py")


def _of(subject: str, module: str, before: str, after: str, *killers: str) -> Mutation:
    return Mutation(subject=subject, module=module, before=before, after=after, killers=killers)


MUTATIONS: Final = (
    # ---------------------------------------------------------------- verdicts
    _of(
        "verdicts",
        "node.hoster.lookup.examiner",
        "if survives[starts[place] : starts[place + 1]].any() or not self._is_complete(file)",
        "if survives[starts[place] : starts[place + 1]].any()",
        "tests/service/test_doors_on_a_release.py::test_what_cannot_be_looked_up_is_never_clean",
    ),
    _of(
        "verdicts",
        "node.hoster.lookup.examiner",
        "if milliseconds(self._clock.now()) >= end_ms:",
        "if milliseconds(self._clock.now()) < 0:",
        "tests/service/test_partner_release_refused.py::test_a_head_that_only_repeats_itself_grows_too_old",
    ),
    _of(
        "verdicts",
        "node.hoster.lookup.examiner",
        "if (reply.request_id, reply.epoch) != (request.request_id, request.epoch):",
        "if reply.epoch != request.epoch:",
        "tests/service/test_look_up_queue.py::test_an_answer_to_something_else_is_no_verdict",
    ),
    _of(
        "verdicts",
        "node.hoster.judge.local",
        "outcome=Outcome.TEST_FILE if hit.test_file else Outcome.HIT,",
        "outcome=Outcome.HIT,",
        "tests/service/test_look_up_queue.py::test_the_verdict_says_what_was_found_without_a_hash",
    ),
    _of(
        "verdicts",
        "protocol.subset.completeness",
        "return exact == frozenset(order[: len(exact)])",
        "return bool(exact)",
        "tests/unit/test_subset_completeness.py::test_the_new_rule_answers_from_the_weakest_on",
    ),
    # ---------------------------------------------------------------- quorum
    _of(
        "quorum",
        "protocol.judgement.quorum",
        "len(support.countries) >= self._k",
        "len(support.countries) >= self._k - 1",
        "tests/unit/test_quorum.py::test_k_distinct_countries_or_an_authority",
    ),
    _of(
        "quorum",
        "protocol.judgement.quorum",
        "countries[voice.member.country].append",
        "countries[voice.member.node].append",
        "tests/unit/test_quorum.py::test_k_distinct_countries_or_an_authority",
    ),
    _of(
        "quorum",
        "protocol.judgement.quorum",
        "return voices if key in self._previous else [voice for voice in voices if voice.fresh]",
        "return voices",
        "tests/unit/test_quorum.py::test_a_new_digest_needs_fresh_countries",
    ),
    _of(
        "quorum",
        "protocol.judgement.quorum",
        "if self._is_enough(support) and not self._is_withheld(key):",
        "if self._is_enough(support):",
        "tests/unit/test_quorum.py::test_a_block_applies_in_all_collections_and_against_all",
        "tests/unit/test_quorum.py::test_a_tombstoned_digest_is_never_effective",
    ),
    _of(
        "quorum",
        "protocol.judgement.voices",
        "if held.is_revoked(entry.index):\n            return Discount.REVOKED_KEY",
        "if held.is_revoked(entry.index) and not held.fresh:\n            return Discount.REVOKED_KEY",
        "tests/unit/test_quorum.py::test_between_last_good_and_resumes_only_withdrawals_count_and_only_for_themselves",
    ),
    _of(
        "quorum",
        "protocol.judgement.blocks",
        "- {None, group.country}",
        "- {None}",
        "tests/unit/test_quorum.py::test_the_blocking_country_does_not_overrule_through_its_second_agency",
    ),
    _of(
        "quorum",
        "protocol.judgement.blocks",
        "room -= 1",
        "room -= 0",
        "tests/unit/test_quorum.py::test_the_lowest_open_blocks_up_to_the_cap_apply",
    ),
    # ---------------------------------------------------------------- signatures
    _of(
        "signatures",
        "keys.trust.tuf.keys",
        "if signed < threshold:",
        "if not signed:",
        "tests/unit/test_keys_root.py::test_the_threshold_is_of_valid_signatures",
    ),
    _of(
        "signatures",
        "keys.trust.tuf.root",
        "for signed_by in (previous, root):",
        "for signed_by in (root,):",
        "tests/unit/test_keys_root.py::test_a_next_root_needs_both_thresholds",
    ),
    _of(
        "signatures",
        "protocol.tlog.note",
        "if len({verifier for verifier, _ in lines}) < len(lines):",
        "if not lines and note.signatures == ():",
        "tests/unit/test_tlog_note.py::test_untrusted_notes",
    ),
    _of(
        "signatures",
        "keys.trust.statement",
        "if _envelope(kind, payload, kid, signature) != data:",
        "if not data:",
        "tests/unit/test_keys_statement.py::test_another_form_is_refused",
    ),
    _of(
        "signatures",
        "protocol.witness.cosign",
        "held.size != claim.size or held.root == claim.root",
        "held.size == claim.size or held.root == claim.root",
        "tests/unit/test_witness.py::TestRefusals::test_two_roots_of_one_size_are_evidence",
    ),
    # ---------------------------------------------------------------- budgets
    _of(
        "budgets",
        "node.access.quotas",
        "if filled.used + count > _cap(per_day):",
        "if filled.used > _cap(per_day):",
        "tests/service/test_admission.py::test_the_month_is_capped_and_says_when_it_ends",
    ),
    _of(
        "budgets",
        "node.access.quotas",
        "elapsed = max(0, now_ms - since_ms)",
        "elapsed = abs(now_ms - since_ms)",
        "tests/unit/test_quotas.py::test_a_clock_that_goes_back_and_forth_fills_nothing",
    ),
    _of(
        "budgets",
        "node.access.quotas",
        "used=max(0, filled.used - count)",
        "used=filled.used",
        "tests/service/test_admission.py::test_the_month_is_capped_and_says_when_it_ends",
    ),
    _of(
        "budgets",
        "node.lists.pace",
        "guards.max_adds_per_day - before.adds",
        "guards.max_adds_per_day",
        "tests/service/test_follow.py::TestGuards::test_more_additions_than_agreed_are_set_aside",
    ),
    # ---------------------------------------------------------------- roles
    _of(
        "roles",
        "node.access.approvals",
        'Kind(words=Message("let a partner ask more often"), may_approve=_ADMITTING)',
        'Kind(words=Message("let a partner ask more often"), may_approve=_DECIDING)',
        "tests/service/test_approvals.py::test_an_analyst_decides_about_material_and_nothing_else",
    ),
    _of(
        "roles",
        "node.access.approvals",
        "_DECIDING: Final = frozenset(PersonRole) - {PersonRole.VIEWER}",
        "_DECIDING: Final = frozenset(PersonRole)",
        "tests/service/test_approvals.py::test_a_viewer_asks_for_nothing_and_decides_nothing",
    ),
    _of(
        "roles",
        "node.access.callers",
        "if partner.suspended:",
        "if partner.suspended and not kid:",
        "tests/service/test_admission.py::test_a_suspended_partner_has_no_credential_until_it_is_resumed",
    ),
    # ---------------------------------------------------------------- windows
    _of(
        "windows",
        "node.access.callers",
        "if dated is None or not dated.valid.covers(now):",
        "if dated is None:",
        "tests/service/test_credential_windows.py::test_an_agencys_key_counts_in_its_window",
    ),
    _of(
        "windows",
        "node.access.callers",
        "milliseconds(now) < partner.old_until_ms",
        "milliseconds(now) <= partner.old_until_ms",
        "tests/service/test_credential_windows.py::test_a_partners_former_key_and_its_token_end_on_their_day",
    ),
    _of(
        "windows",
        "node.web.auth",
        "if not_before > now.timestamp() + LEEWAY_SECONDS:",
        "if not_before > now.timestamp() + MAX_ASSERTION_SECONDS:",
        "tests/service/test_credential_windows.py::test_an_assertion_counts_within_what_clocks_may_differ",
    ),
    _of(
        "windows",
        "node.web.auth",
        "self._remember(name, caller, now, min(expires, now + timedelta(seconds=_CACHE_SECONDS)))",
        "self._remember(name, caller, now, now + timedelta(seconds=_CACHE_SECONDS))",
        "tests/service/test_credential_windows.py::test_a_token_lives_ten_minutes",
    ),
    _of(
        "windows",
        "node.console.sign_in.oidc",
        'and ("nbf" not in claims or time_claim(claims, "nbf") - LEEWAY_SECONDS <= now_s)',
        "and True",
        "tests/service/test_oidc_proof.py::test_a_token_counts_within_what_clocks_may_differ",
    ),
    _of(
        "windows",
        "node.access.passkeys",
        "or not now_ms < asked.expires_ms <= now_ms + _LIFE_MS",
        "or not now_ms <= asked.expires_ms <= now_ms + _LIFE_MS",
        "tests/service/test_console_passkeys.py::test_a_question_to_somebody_inside_ends",
    ),
    _of(
        "windows",
        "node.access.passkeys",
        "if not good or not now_ms < ends_ms <= now_ms + _LIFE_MS:",
        "if not good or not now_ms < ends_ms:",
        "tests/service/test_console_passkeys.py::test_a_question_asked_while_the_clock_was_ahead_is_none",
    ),
    _of(
        "windows",
        "node.access.invitations",
        "or record.made_ms - now_ms > LIFE / timedelta(milliseconds=1)",
        "or record.made_ms < 0",
        "tests/service/test_console_passkeys.py"
        "::test_a_token_made_while_the_clock_was_ahead_lives_no_longer_than_a_day_more",
    ),
    _of(
        "windows",
        "node.console.visitors",
        "return 0 <= now_ms - visitor.proved_ms <= FRESH_MS",
        "return now_ms - visitor.proved_ms <= FRESH_MS",
        "tests/unit/test_console_sessions_end.py::test_a_passkey_counts_as_shown_for_ten_minutes",
    ),
    _of(
        "windows",
        "node.access.sessions",
        "return 0 <= now_ms - opened_ms < _LONGEST_MS and",
        "return 0 <= now_ms - opened_ms and",
        "tests/unit/test_console_sessions_end.py"
        "::test_a_session_ends_by_its_age_without_use_and_where_a_clock_was_ahead",
    ),
    _of(
        "windows",
        "node.console.sign_in.provider",
        "0 <= now_ms - flow.began_ms < _LIFE_MS",
        "now_ms - flow.began_ms <= _LIFE_MS",
        "tests/service/test_oidc_proof.py::test_a_sign_in_that_is_under_way_ends",
    ),
    _of(
        "windows",
        "node.signing.process.claims",
        "abs(issued - now_s) <= _SKEW_SECONDS",
        "issued - now_s <= _SKEW_SECONDS",
        "tests/service/test_signer_process.py::test_a_token_is_of_now_and_of_ten_minutes",
    ),
    # ---------------------------------------------------------------- two persons
    _of(
        "two persons",
        "node.access.approvals",
        "if approval.requested_by == by:",
        "if not by:",
        "tests/service/test_approvals.py::test_every_kind_is_decided_once_by_another",
    ),
    _of(
        "two persons",
        "node.access.approvals",
        "return sum(person.role in _DECIDING for person in unit.persons.ls()) >= LEAST_PERSONS",
        "return any(person.role in _DECIDING for person in unit.persons.ls())",
        "tests/service/test_approvals.py::test_nothing_is_asked_for_before_two_persons_exist",
    ),
    _of(
        "two persons",
        "node.access.approvals",
        "if outcome is Outcome.APPROVED and self.is_expired(approval):",
        "if outcome is Outcome.REJECTED and self.is_expired(approval):",
        "tests/service/test_approvals.py::test_every_kind_expires",
    ),
    # ---------------------------------------------------------------- rotation
    _of(
        "rotation",
        "keys.trust.lifecycle",
        "return self.peers - self.acknowledged.get(key.kid, frozenset())",
        "return self.peers - frozenset().union(*self.acknowledged.values())",
        "tests/unit/test_lifecycle.py::test_a_peer_that_is_silent_delays_within_the_overlap_only",
    ),
    _of(
        "rotation",
        "keys.trust.lifecycle",
        "case Stage.RETIRED if facts.has_come(key.valid.end + GRACE) and key.kid not in facts.in_use:",
        "case Stage.RETIRED if facts.has_come(key.valid.end + GRACE):",
        "tests/unit/test_lifecycle.py::test_a_storage_key_is_listed_nowhere_and_kept_while_something_is_encrypted_with_it",
    ),
    _of(
        "rotation",
        "keys.trust.revocations",
        "return len(kept) == len(earlier.entries) and all(",
        "return len(kept) <= len(earlier.entries) and all(",
        "tests/unit/test_keys_revocations.py::test_nothing_that_was_said_is_taken_back",
    ),
    _of(
        "rotation",
        "keys.trust.follow",
        'held = replace(held, timestamp=b"", snapshot=b"")',
        "held = replace(held)",
        "tests/unit/test_keys_follow.py::test_a_root_counts_although_everything_after_it_is_withheld",
    ),
    _of(
        "rotation",
        "keys.trust.follow",
        "if found.version < old.version or found.names < old.names:",
        "if found.version < old.version:",
        "tests/unit/test_keys_follow.py::test_it_refuses",
    ),
    # ---------------------------------------------------------------- blinding
    _of(
        "blinding",
        "protocol.oprf.client",
        "group.reduce(entropy(UNIFORM_BYTES * len(inputs)))",
        'group.reduce(b"".join(n.to_bytes(UNIFORM_BYTES, "little") for n in range(1, len(inputs) + 1)))',
        "tests/unit/test_oprf_exchange.py::test_what_blinds_is_drawn_for_each_input",
        "tests/service/test_look_up_queue.py::test_a_file_is_another_value_whenever_it_is_looked_up",
    ),
    _of(
        "blinding",
        "protocol.oprf.client",
        "group.reduce(entropy(UNIFORM_BYTES * len(inputs)))",
        "group.reduce(entropy(UNIFORM_BYTES)) * len(inputs)",
        "tests/unit/test_oprf_exchange.py::test_equal_inputs_are_blinded_apart",
    ),
    _of(
        "blinding",
        "node.hoster.lookup.examiner",
        "[*inputs, *decoys], entropy=self._entropy)",
        "[*inputs, *decoys], entropy=lambda size: bytes(range(1, 65)) * (size // 64))",
        "tests/service/test_look_up_queue.py::test_a_file_is_another_value_whenever_it_is_looked_up",
    ),
    # ---------------------------------------------------------------- cover
    _of(
        "cover",
        "node.hoster.lookup.examiner",
        "for _ in range(elements - len(inputs))]",
        "for _ in range(elements - len(inputs) - 1)]",
        "tests/service/test_look_up_queue.py::test_callers_at_once_share_one_padded_request",
    ),
    _of(
        "cover",
        "node.hoster.cover",
        "return BATCH * max(1, ceil(min(hashes, enough) / BATCH))",
        "return BATCH * ceil(min(hashes, expected) / BATCH)",
        "tests/unit/test_cover.py::test_the_size_follows_from_the_number_of_hashes",
    ),
    _of(
        "cover",
        "node.hoster.cover",
        "(begun - asyncio.get_running_loop().time()) % TICK_SECONDS)",
        "0)",
        "tests/service/test_cover.py::test_a_batch_goes_whole_ticks_after_it_was_begun",
    ),
    # ---------------------------------------------------------------- put back
    _of(
        "put back",
        "node.identity.rollback",
        "if signed.get(log.origin, 0) > (log.pending.size if log.pending else log.head.size)",
        "if signed.get(log.origin, 0) < 0",
        "tests/service/test_starting_logs.py::test_who_goes_on_alone_signs_nothing_behind_its_own_signer",
    ),
    _of(
        "put back",
        "node.identity.rollback",
        "if one.head.size > log.head.size]",
        "if one.head.size > log.head.size + 1]",
        "tests/service/test_starting_logs.py::test_a_head_that_a_peer_holds_and_nobody_cosigned_tells_it_too",
    ),
    _of(
        "put back",
        "node.identity.outside_note",
        'if held["of"] == self.of:',
        'if held["of"]:',
        "tests/service/test_outside_note.py::test_what_is_not_of_this_folder_is_nothing",
    ),
    _of(
        "put back",
        "protocol.witness.policy",
        "return (witnesses + (witnesses - 1) // 3 + 1) // 2 if witnesses else 0",
        "return (witnesses + 1) // 2 if witnesses else 0",
        "tests/unit/test_witnesses.py::test_enough_answers_know_every_head_that_was_followed",
    ),
    _of(
        "put back",
        "node.peers.recovery",
        "broken = broken or _broken(shape, events[skip:], now_ms)",
        "broken = broken or _broken(shape, events[skip:], 2**52)",
        "tests/federation/test_having_back.py::test_what_no_member_would_follow_is_not_gone_on_from",
    ),
    # ---------------------------------------------------------------- deltas
    _of(
        "deltas",
        "protocol.subset.deltas.values",
        "_check_canonical(np.array_equal(found.removed, removed) and np.array_equal(new[found.inserted], added))",
        "_check_canonical(len(new) <= len(values) + len(added))",
        "tests/unit/test_subset_setcoding.py::test_delta_is_refused",
    ),
    _of(
        "deltas",
        "protocol.subset.deltas.values",
        "return np.flatnonzero(rank >= matches)",
        "return np.flatnonzero(rank > matches)",
        "tests/unit/test_subset_setcoding.py::test_align_keeps_the_most",
    ),
    _of(
        "deltas",
        "protocol.subset.deltas.labels",
        "np.flatnonzero((fresh != piece.labels).any(axis=1) | ~piece.settled)",
        "np.flatnonzero((fresh != piece.labels).any(axis=1))",
        "tests/unit/test_subset_release.py::test_label_delta_writes_what_changed",
    ),
    _of(
        "deltas",
        "protocol.subset.release",
        "root == manifest.labels_root,",
        "len(root) == len(manifest.labels_root),",
        "tests/unit/test_subset_release.py::test_files_that_are_not_the_manifests",
    ),
)


@contextmanager
def copied() -> Iterator[Path]:
    """The product and its tests in a folder of their own."""
    with TemporaryDirectory(prefix="sigfed-mutations-") as name:
        for part in _TREE:
            shutil.copytree(REPOSITORY / part, Path(name, part), ignore=shutil.ignore_patterns("__pycache__"))
        for file in _FILES:
            shutil.copy(REPOSITORY / file, name)
        yield Path(name)


@contextmanager
def mutated(tree: Path, mutation: Mutation) -> Iterator[None]:
    """The fault stands in the copy."""
    file = tree / mutation.path
    text = file.read_text(encoding="utf-8")
    assert text.count(mutation.before) == 1, f"{mutation.module}: {mutation.before!r} is not there once"
    _write(file, text.replace(mutation.before, mutation.after))
    try:
        yield
    finally:
        _write(file, text)


def _say(*words: str) -> None:
    sys.stdout.write(f"{' '.join(words)}\n")
    sys.stdout.flush()


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    # By its time and length compiled code would pass for that of the other text.
    for compiled in file.parent.glob(f"__pycache__/{file.stem}.*.pyc"):
        compiled.unlink()


def failing(tree: Path, tests: Sequence[str]) -> tuple[int, frozenset[str]]:
    """Exit code of pytest in the copy, and the tests that failed, without parameters."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "-rf",
        "--tb=no",
        *tests,
    ]
    environment = os.environ | {"PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    lines = (line for line in done.stdout.splitlines() if line.startswith(_FAILED))
    return done.returncode, frozenset(
        line.removeprefix(_FAILED).split(" - ")[0].split("[")[0] for line in lines
    )


def survivors(mutations: Sequence[Mutation], tree: Path) -> Iterator[tuple[Mutation, frozenset[str]]]:
    """Faults that a test named with them does not notice, with those tests."""
    for mutation in mutations:
        with mutated(tree, mutation):
            _, failed = failing(tree, mutation.killers)
        _say(
            "killed  " if failed.issuperset(mutation.killers) else "SURVIVES", mutation.module, mutation.after
        )
        if silent := frozenset(mutation.killers) - failed:
            yield mutation, silent


def main(subjects: Sequence[str]) -> int:
    """0 where every fault of the subjects (all, when none is named) is noticed."""
    chosen = [mutation for mutation in MUTATIONS if not subjects or mutation.subject in subjects]
    with copied() as tree:
        code, failed = failing(tree, sorted({test for mutation in chosen for test in mutation.killers}))
        if code:
            _say(f"without any fault these fail: {' '.join(sorted(failed)) or 'none was found'}")
            return 1
        found = list(survivors(chosen, tree))
    for mutation, silent in found:
        _say(
            f"{mutation.module}: {mutation.before!r} can be {mutation.after!r}, and {', '.join(silent)} passes"
        )
    _say(f"{len(chosen) - len(found)} of {len(chosen)} faults are noticed")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
