"""Partners on a real store: invitations, enrolment, quotas, credentials, replays."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keys.key import AuthPrivateKey, AuthPublicKey, TargetsPrivateKey
from keys.signer import Signer
from keys.trust.node_parts import Endpoint
from node.access.callers import KEPT_AT_LEAST, StoredCallers, StoredReplays
from node.access.grants import PartnerTerms
from node.access.quotas import COVER_PER_DAY, DAYS_A_MONTH, MIN_EVALUATIONS_PER_DAY, Quotas, evaluations_for
from node.access.stored_grant import INVITATION_DAYS
from node.clock import system_entropy
from node.errors import (
    AlreadyExistsError,
    GoneError,
    NotFoundError,
    OverQuotaError,
    RateLimitedError,
    ReplayedError,
    UnauthenticatedError,
    UsageError,
    VerificationError,
)
from node.hoster.cover import evaluations
from node.objects.folder import FolderObjects
from node.partners.admission import GRACE_DAYS, Admission, ServedEnrolment
from node.ports.callers import CallerKind
from node.ports.replay import MAX_LIVE_PER_ISSUER
from node.store.store import Store
from node.store.subsets.records import SubsetRecord
from node.trust.foundation import found
from node.trust.own import OwnTrust
from protocol.digest import Algorithm
from protocol.enrolment import Invitation, enrolment_mac, enrolment_string
from protocol.errors import MalformedError
from protocol.messages import EnrolmentReply, EnrolmentRequest
from protocol.subset.filter import SubsetFilter
from support.cheap_node import follow
from support.founding import MemoryKeys, founding_of
from support.irregular import IRREGULAR, REGULAR, IrregularSigner
from support.new_stores import new_store
from support.records import partner_record
from support.times import SettableClock

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
PIN = b"\x07" * 32
BASELINE = SubsetRecord(
    name="baseline",
    origin="fr.example/subsets/baseline",
    filter=SubsetFilter(
        collections=frozenset({1}), algorithms=frozenset({Algorithm.SHA256}), screen_bits=12, labels=True
    ),
    epoch=1,
    pk=b"\x01" * 32,
    created_ms=0,
    sealed_salt=b"",
)


class Agency:
    """A founded node that admits partners."""

    def __init__(self, folder: Path) -> None:
        self.clock = SettableClock(NOW)
        self.files = FolderObjects(folder / "trust")
        founding = founding_of(url="https://fr.example:8443/", pin=PIN)
        keys, root_keys = MemoryKeys(), MemoryKeys()
        founded = found(founding, keychain=keys, root_keychain=root_keys, files=self.files, clock=self.clock)
        self.signers = [root_keys.key(TargetsPrivateKey, "1")]
        self.trust = OwnTrust(
            self.files, self.clock, root_sha256=founded.root_sha256, freshness=keys.freshness
        )
        dsn = f"sqlite:///{folder / 'sigfed.db'}"
        self.store = new_store(dsn, storage_key=bytes(32), objects=FolderObjects(folder / "objects"))
        with self.store.write() as unit:
            unit.subsets.create(BASELINE)
        self.admission = Admission(self.store, self.trust, clock=self.clock, entropy=system_entropy)
        self.quotas = Quotas(self.store)
        self.callers = StoredCallers(self.store, self.clock)

    def invite(self, name: str = "acme") -> Invitation:
        invited = self.admission.invite(name, "baseline", files_per_day=1000, screen_bits=12)
        return Invitation.from_text(invited.text)

    def request(
        self,
        invitation: Invitation,
        key: Signer,
        *,
        secret: bytes | None = None,
        spki: bytes = PIN,
        signer: Signer | None = None,
    ) -> EnrolmentRequest:
        string = enrolment_string(
            root_sha256=self.trust.root().sha256, spki_sha256=spki, auth_key=key.public.raw
        )
        return EnrolmentRequest(
            invite_id=invitation.invite_id,
            auth_key=key.public.raw,
            mac=enrolment_mac(secret or invitation.secret, string),
            auth_signature=(signer or key).sign(string),
        )


@pytest.fixture
def agency(tmp_path: Path) -> Iterator[Agency]:
    made = Agency(tmp_path)
    yield made
    made.store.dispose()


def new_key() -> AuthPrivateKey:
    return AuthPrivateKey.from_seed(system_entropy(32))


def test_an_invitation_enrols_one_partner_once(agency: Agency) -> None:
    invitation, key = agency.invite(), new_key()
    assert invitation.url == "https://fr.example:8443/"
    assert agency.trust.root().sha256.startswith(invitation.pin)
    reply = agency.admission.enrol(agency.request(invitation, key))
    assert reply == EnrolmentReply(
        partner="acme",
        subset="baseline",
        origin="fr.example/subsets/baseline",
        evaluations_per_day=MIN_EVALUATIONS_PER_DAY,
        grace_days=GRACE_DAYS,
    )
    with pytest.raises(GoneError):
        agency.admission.enrol(agency.request(invitation, new_key()))
    credential = agency.callers.credential("acme", key.public.kid)
    assert credential is not None
    assert (credential.kind, credential.scopes) == (CallerKind.PARTNER, frozenset({"query:baseline"}))
    assert agency.callers.credential("acme", "0" * 16) is None
    assert agency.callers.credential("nobody", key.public.kid) is None


def test_who_lost_the_reply_is_answered_again(agency: Agency) -> None:
    invitation, key = agency.invite(), new_key()
    request = agency.request(invitation, key)
    assert agency.admission.enrol(request) == agency.admission.enrol(request)
    with pytest.raises(GoneError):
        agency.admission.enrol(agency.request(invitation, key, secret=bytes(16)))
    with agency.store.write() as unit:
        unit.partners.set_suspended("acme", suspended=True)
    with pytest.raises(GoneError):
        agency.admission.enrol(request)
    with agency.store.write() as unit:
        unit.partners.set_suspended("acme", suspended=False)
    agency.clock.advance(timedelta(days=INVITATION_DAYS))
    with pytest.raises(GoneError):
        agency.admission.enrol(request)


@pytest.mark.threat("somebody else's access")
def test_of_two_at_once_one_enrols(agency: Agency) -> None:
    invitation = agency.invite()
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def enrol() -> None:
        request = agency.request(invitation, new_key())
        barrier.wait()
        try:
            agency.admission.enrol(request)
        except GoneError:
            outcomes.append("gone")
        else:
            outcomes.append("enrolled")

    threads = [threading.Thread(target=enrol) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["enrolled", "gone"]


def test_an_expired_invitation_is_like_an_unknown_one(agency: Agency) -> None:
    invitation = agency.invite()
    agency.clock.advance(timedelta(days=INVITATION_DAYS))
    with pytest.raises(GoneError) as expired:
        agency.admission.enrol(agency.request(invitation, new_key()))
    unknown = Invitation(url=invitation.url, pin=invitation.pin, secret=bytes(16))
    with pytest.raises(GoneError) as never:
        agency.admission.enrol(agency.request(unknown, new_key()))
    assert str(expired.value) == str(never.value)


@pytest.mark.parametrize("fault", ["another secret", "another connection", "another signer"])
def test_a_wrong_enrolment_leaves_the_invitation_usable(agency: Agency, fault: str) -> None:
    invitation, key = agency.invite(), new_key()
    wrong = {
        "another secret": agency.request(invitation, key, secret=b"\x01" * 16),
        "another connection": agency.request(invitation, key, spki=bytes(32)),
        "another signer": agency.request(invitation, key, signer=new_key()),
    }[fault]
    with pytest.raises(VerificationError):
        agency.admission.enrol(wrong)
    assert agency.admission.enrol(agency.request(invitation, key)).partner == "acme"


def test_no_irregular_key_or_signature_enrols(agency: Agency) -> None:
    """Whoever was invited chooses the key and makes the signature: neither may be one that libraries disagree about."""
    invitation = agency.invite()
    for how in IRREGULAR:
        if how.signs_everything:
            with pytest.raises(VerificationError):
                agency.admission.enrol(agency.request(invitation, IrregularSigner(AuthPublicKey, how)))
    regular = agency.request(invitation, IrregularSigner(AuthPublicKey, REGULAR))
    assert agency.admission.enrol(regular).partner == "acme"


def test_what_enrols_nobody_takes_no_write_lock(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    invitation, key = agency.invite(), new_key()
    good = agency.request(invitation, key)
    unknown = Invitation(url=invitation.url, pin=invitation.pin, secret=bytes(16))

    def locked(*_: object) -> None:
        raise AssertionError("the write lock was taken")

    monkeypatch.setattr(Store, "write", locked)
    with pytest.raises(VerificationError):
        agency.admission.enrol(agency.request(invitation, key, signer=new_key()))
    with pytest.raises(GoneError):
        agency.admission.enrol(agency.request(unknown, key))
    with pytest.raises(AssertionError, match="lock"):
        agency.admission.enrol(good)
    agency.clock.advance(timedelta(days=INVITATION_DAYS))
    with pytest.raises(GoneError):
        agency.admission.enrol(good)


@pytest.mark.parametrize("name", ["", "two words", "x" * 65, "a\n"], ids=repr)
def test_names_that_cannot_be_one(agency: Agency, name: str) -> None:
    with pytest.raises(UsageError):
        agency.invite(name)


def test_a_partner_cannot_have_the_name_of_an_agency(agency: Agency) -> None:
    follow(agency.store, "nl.example")
    for name in ("fr.example", "nl.example"):
        with pytest.raises(UsageError, match="agency"):
            agency.invite(name)


def test_a_damaged_key_is_no_credential(agency: Agency) -> None:
    with agency.store.write() as unit:
        unit.partners.add(partner_record(name="acme", auth_key=bytes(32)))
    assert agency.callers.credential("acme", "0" * 16) is None


@pytest.mark.threat("a stolen partner's machine")
def test_a_suspended_partner_has_no_credential_until_it_is_resumed(agency: Agency) -> None:
    key = new_key()
    agency.admission.enrol(agency.request(agency.invite(), key))
    for suspended in (True, False):
        with agency.store.write() as unit:
            unit.partners.set_suspended("acme", suspended=suspended)
        assert (agency.callers.credential("acme", key.public.kid) is None) is suspended
    with pytest.raises(NotFoundError), agency.store.write() as unit:
        unit.partners.set_suspended("nobody", suspended=True)


def test_an_invitation_that_went_astray_is_void_and_replaced_by_another(agency: Agency) -> None:
    terms, astray = PartnerTerms(agency.store), agency.invite()
    assert terms.suspend("acme")
    with pytest.raises(GoneError):
        agency.admission.enrol(agency.request(astray, new_key()))
    with pytest.raises(NotFoundError):
        terms.suspend("acme")
    agency.admission.enrol(agency.request(agency.invite(), new_key()))
    assert not terms.suspend("acme"), "who has enrolled is suspended, and the used invitation stays used"
    terms.resume("acme")
    with pytest.raises(AlreadyExistsError):
        agency.invite()


@pytest.mark.threat("a removed member")
def test_a_removed_peer_is_not_known_any_more(agency: Agency) -> None:
    follow(agency.store, "nl.example")
    with agency.store.write() as unit:
        unit.peers.remove("nl.example")
        assert unit.peers.ls() == []
    with pytest.raises(NotFoundError), agency.store.write() as unit:
        unit.peers.remove("nl.example")


def test_a_partner_is_invited_once(agency: Agency) -> None:
    agency.invite()
    agency.clock.advance(timedelta(days=INVITATION_DAYS, seconds=-1))
    with pytest.raises(AlreadyExistsError):
        agency.invite()


def test_one_person_gives_no_quota_without_end(agency: Agency) -> None:
    """Raising one takes two, and an invitation would be the way round."""
    with pytest.raises(UsageError, match="at most 1,000,000 files a day"):
        agency.admission.invite("hoster-2", "baseline", files_per_day=1_000_001, screen_bits=12)
    agency.admission.invite("hoster-2", "baseline", files_per_day=1_000_000, screen_bits=12)


def test_an_invitation_that_ended_unused_is_replaced(agency: Agency) -> None:
    lost = agency.invite()
    agency.clock.advance(timedelta(days=INVITATION_DAYS))
    found_again = agency.invite()
    with pytest.raises(GoneError):
        agency.admission.enrol(agency.request(lost, new_key()))
    agency.admission.enrol(agency.request(found_again, new_key()))
    agency.clock.advance(timedelta(days=2 * INVITATION_DAYS))
    with pytest.raises(AlreadyExistsError, match="is enrolled already") as refused:
        agency.invite()
    assert "invite it under another name" in refused.value.hint


@pytest.mark.parametrize("url", ["https://fr.example/sigfed/", "https://[2001:db8::1]:8443/"])
def test_an_invitation_leads_to_wherever_the_node_is(agency: Agency, url: str) -> None:
    endpoint = Endpoint(url=url, tls_spki_sha256=(PIN,))
    agency.trust.revise_document(lambda old: replace(old, endpoints=(endpoint,)), signers=agency.signers)
    assert agency.invite().url == url


def test_an_address_that_no_invitation_can_carry_uses_up_no_name(agency: Agency) -> None:
    endpoint = Endpoint(url="https://fr.example/?a=b", tls_spki_sha256=(PIN,))
    agency.trust.revise_document(lambda old: replace(old, endpoints=(endpoint,)), signers=agency.signers)
    with pytest.raises(MalformedError):
        agency.invite()
    with agency.store.read() as unit:
        assert not unit.partners.open_invitations()


async def test_served_enrolment_registers_the_partner(agency: Agency) -> None:
    served = ServedEnrolment(agency.admission)
    invitation, key = agency.invite(), new_key()
    assert (await served.enrol(agency.request(invitation, key))).partner == "acme"


@pytest.fixture
def enrolled(agency: Agency) -> Agency:
    agency.admission.enrol(agency.request(agency.invite(), new_key()))
    return agency


def test_the_bucket_empties_and_fills_over_a_day(enrolled: Agency) -> None:
    full = MIN_EVALUATIONS_PER_DAY
    enrolled.quotas.spend("acme", full, now=NOW)
    with pytest.raises(OverQuotaError) as refused:
        enrolled.quotas.spend("acme", full // 2, now=NOW)
    assert refused.value.retry_after_seconds == 12 * 60 * 60
    assert enrolled.quotas.left("acme", now=NOW) == 0
    enrolled.quotas.spend("acme", full // 2, now=NOW + timedelta(hours=12))
    assert enrolled.quotas.left("acme", now=NOW + timedelta(days=3)) == full


def test_a_suspended_partner_evaluates_nothing_whatever_its_token_says(enrolled: Agency) -> None:
    full = enrolled.quotas.left("acme", now=NOW)
    with enrolled.store.write() as unit:
        unit.partners.set_suspended("acme", suspended=True)
    with pytest.raises(UnauthenticatedError):
        enrolled.quotas.spend("acme", 64, now=NOW)
    assert enrolled.quotas.left("acme", now=NOW) == full


def test_what_was_not_evaluated_is_given_back_and_no_more(enrolled: Agency) -> None:
    full = MIN_EVALUATIONS_PER_DAY
    enrolled.quotas.spend("acme", full, now=NOW)
    enrolled.quotas.refund("acme", full // 2, now=NOW)
    assert enrolled.quotas.left("acme", now=NOW) == full // 2
    enrolled.quotas.refund("acme", full, now=NOW)
    assert enrolled.quotas.left("acme", now=NOW) == full


def test_being_asked_often_does_not_stop_the_bucket_from_filling(enrolled: Agency) -> None:
    enrolled.quotas.spend("acme", MIN_EVALUATIONS_PER_DAY, now=NOW)
    for tenth in range(1, 60):
        with pytest.raises(OverQuotaError):
            enrolled.quotas.spend("acme", 64, now=NOW + timedelta(seconds=tenth / 10))
    assert enrolled.quotas.left("acme", now=NOW + timedelta(hours=1)) == MIN_EVALUATIONS_PER_DAY // 24


@pytest.mark.threat("enumeration")
def test_the_month_is_capped_and_says_when_it_ends(enrolled: Agency) -> None:
    first = datetime(2026, 12, 1, tzinfo=UTC)
    for day in range(DAYS_A_MONTH - 1):
        enrolled.quotas.spend("acme", MIN_EVALUATIONS_PER_DAY, now=first + timedelta(days=day))
    late = first + timedelta(days=30, hours=23)
    enrolled.quotas.spend("acme", MIN_EVALUATIONS_PER_DAY, now=late)
    with pytest.raises(OverQuotaError) as refused:
        enrolled.quotas.spend("acme", 1, now=late)
    assert refused.value.retry_after_seconds == 60 * 60
    enrolled.quotas.refund("acme", 64, now=late)
    enrolled.quotas.spend("acme", 64, now=late)  # what is given back counts for the month, too
    enrolled.quotas.spend("acme", 64, now=datetime(2027, 1, 1, tzinfo=UTC))


def test_a_clock_that_goes_back_gives_nothing(enrolled: Agency) -> None:
    enrolled.quotas.spend("acme", MIN_EVALUATIONS_PER_DAY, now=NOW)
    with pytest.raises(OverQuotaError):
        enrolled.quotas.spend("acme", 64, now=NOW - timedelta(days=2))
    assert enrolled.quotas.left("acme", now=NOW) == 0


def test_a_clock_that_was_years_ahead_does_not_stop_a_partner_for_years(enrolled: Agency) -> None:
    enrolled.quotas.spend("acme", MIN_EVALUATIONS_PER_DAY, now=NOW + timedelta(days=2000))
    enrolled.quotas.spend("acme", MIN_EVALUATIONS_PER_DAY, now=NOW)
    with pytest.raises(OverQuotaError) as refused:
        enrolled.quotas.spend("acme", 64, now=NOW)
    assert refused.value.retry_after_seconds < 24 * 3600


@pytest.mark.parametrize(
    ("files", "bits", "expected"),
    [(1000, 12, MIN_EVALUATIONS_PER_DAY), (10_000_000, 12, 95_570), (1_000_000, 0, 6_007_680)],
    ids=["a small partner has room", "ten million files", "no screen: every file is asked"],
)
def test_the_default_quota_follows_from_declared_files(files: int, bits: int, expected: int) -> None:
    assert evaluations_for(files, bits) == expected


def test_the_quota_has_room_for_the_cover_that_a_partner_sends() -> None:
    assert evaluations(MIN_EVALUATIONS_PER_DAY) == COVER_PER_DAY


def test_an_assertion_id_is_used_once(agency: Agency) -> None:
    replays = StoredReplays(agency.store)
    soon = NOW + timedelta(seconds=60)
    replays.spend("nl.example", "a", expires=soon, now=NOW)
    with pytest.raises(ReplayedError):
        replays.spend("nl.example", "a", expires=soon, now=NOW)
    replays.spend("be.example", "a", expires=soon, now=NOW)
    replays.spend("nl.example", "a", expires=soon, now=NOW + KEPT_AT_LEAST + timedelta(seconds=1))


@pytest.mark.threat("a wrong clock")
def test_a_clock_that_was_ahead_makes_no_used_assertion_good_again(agency: Agency) -> None:
    replays = StoredReplays(agency.store)
    soon = NOW + timedelta(seconds=60)
    replays.spend("nl.example", "a", expires=soon, now=NOW)
    ahead = NOW + timedelta(minutes=9)
    replays.spend("nl.example", "b", expires=ahead + timedelta(seconds=60), now=ahead)
    with pytest.raises(ReplayedError):
        replays.spend("nl.example", "a", expires=soon, now=NOW + timedelta(seconds=1))


def test_one_issuer_cannot_fill_the_table(agency: Agency) -> None:
    with agency.store.write() as unit:
        for number in range(MAX_LIVE_PER_ISSUER):
            unit.replays.spend("nl.example", str(number), expires_ms=2**52)
    with pytest.raises(RateLimitedError):
        StoredReplays(agency.store).spend("nl.example", "x", expires=NOW + timedelta(days=1), now=NOW)
