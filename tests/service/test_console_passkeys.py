"""Passkeys: registered with a token and a passphrase, shown to sign in, and refused in every other way."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest

from node.access.invitations import LIFE, MOST_TRIES, Invitations, Recognised
from node.access.passkeys import CHALLENGE_LIFE, MOST_PASSKEYS, Passkeys
from node.access.persons import Persons
from node.access.sessions import Sessions
from node.audit.log import start_audit
from node.clock import system_entropy
from node.errors import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    GoneError,
    NotFoundError,
    RateLimitedError,
    UnauthenticatedError,
    UsageError,
)
from node.objects.person_requests import change_payload
from node.signing.passkeys import MAX_ANSWER, Site, WebAuthnCeremonies
from node.store.accounts.records import PersonRole
from node.store.store import Store
from protocol.audit import AuditRecord
from support.authenticator import HOST, ORIGIN, PRESENT, VERIFIED, Authenticator, decode, encode
from support.persons import NOW, PASS, add_two, all_of, join, made, make_persons
from support.times import SettableClock


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
def nobody(store: Store, clock: SettableClock) -> Persons:
    return make_persons(store, clock)


@pytest.fixture
def persons(nobody: Persons) -> Persons:
    """Alice and Bruno."""
    add_two(nobody)
    return nobody


class SignedIn(Passkeys):
    """Passkeys of people who sign in as often as they are asked to."""

    def __init__(self, store: Store, clock: SettableClock) -> None:
        super().__init__(store, clock, WebAuthnCeremonies(Site(HOST, ORIGIN)))
        self.sessions = Sessions(store, clock, system_entropy)

    def session(self, person: str) -> int:
        """The number of a new session."""
        found = self.sessions.find(self.sessions.open(person).token)
        assert found is not None
        return found.session


@pytest.fixture
def passkeys(store: Store, clock: SettableClock) -> SignedIn:
    return SignedIn(store, clock)


@pytest.fixture
def invitations(store: Store, clock: SettableClock, nobody: Persons) -> Invitations:
    return Invitations(store, clock, system_entropy, nobody)


def register(passkeys: SignedIn, person: str, authenticator: Authenticator | None = None) -> Authenticator:
    """A passkey of somebody who is signed in."""
    used = authenticator or Authenticator()
    answer = used.make(passkeys.ask_new(Recognised(person, b"")))
    assert passkeys.register(answer, "a key", session=passkeys.session(person)) == person
    return used


def records(store: Store) -> list[tuple[str, str, str, str]]:
    """Who, what, about what, how, of the queued audit records."""
    with store.write() as unit:
        kept = [AuditRecord.from_bytes(each) for each in unit.audit.place(0, most=100)]
    return [(each.actor, each.action, each.subject, each.outcome) for each in kept]


# ------------------------------------------------------------------------------------------------ signing in


@pytest.mark.parametrize("count", [0, 1])
def test_a_person_is_known_by_his_passkey_alone(persons: Persons, passkeys: SignedIn, count: int) -> None:
    hers, his = register(passkeys, "alice", Authenticator(count=count)), register(passkeys, "bruno")
    for _ in range(2):
        assert passkeys.sign_in(hers.show(passkeys.ask_sign_in())) == "alice"
        assert passkeys.sign_in(his.show(passkeys.ask_sign_in())) == "bruno"
    (row,) = passkeys.ls("alice")
    assert (row.name, row.sign_count, row.used_ms > 0) == ("a key", hers.count, True)


def test_an_answer_counts_once(persons: Persons, passkeys: SignedIn) -> None:
    hers = register(passkeys, "alice")
    answer = hers.show(passkeys.ask_sign_in())
    passkeys.sign_in(answer)
    with pytest.raises(UnauthenticatedError, match="answered before"):
        passkeys.sign_in(answer)


@pytest.mark.threat("a false sign-in")
def test_of_two_that_show_one_answer_at_once_one_comes_in(persons: Persons, passkeys: SignedIn) -> None:
    hers = register(passkeys, "alice")

    def come(answer: str) -> bool:
        try:
            return passkeys.sign_in(answer) == "alice"
        except UnauthenticatedError:
            return False

    for _ in range(4):
        answer = hers.show(passkeys.ask_sign_in())
        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(come, [answer, answer])) == [False, True]


def test_an_answer_that_fails_uses_the_question_of_somebody_inside_up(
    persons: Persons, passkeys: SignedIn
) -> None:
    hers = register(passkeys, "alice")
    asked = passkeys.ask_proof("alice")
    with pytest.raises(UnauthenticatedError):
        passkeys.prove(hers.show(asked, signature=encode(b"no signature")), "alice")
    with pytest.raises(UnauthenticatedError):
        passkeys.prove(hers.show(asked), "alice")


def test_what_strangers_are_asked_is_kept_nowhere_and_cannot_be_made_up(
    persons: Persons, passkeys: SignedIn, store: Store
) -> None:
    hers = register(passkeys, "alice")
    asked = ""
    for _ in range(100):
        asked = passkeys.ask_sign_in()
        with pytest.raises(UnauthenticatedError):
            passkeys.sign_in(hers.show(asked, signature=encode(b"no signature")))
    assert passkeys.sign_in(hers.show(asked)) == "alice"
    with pytest.raises(UnauthenticatedError, match="answered before"):
        passkeys.sign_in(hers.show(asked))
    for made_up in (bytes(32), bytes(60), b""):
        own = json.loads(asked) | {"challenge": encode(made_up)}
        with pytest.raises(UnauthenticatedError):
            passkeys.sign_in(hers.show(json.dumps(own)))


def test_what_strangers_are_asked_spends_nothing_of_the_keys_that_seal(
    passkeys: SignedIn, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nonces of one key are few enough that a flood could bring two of them together."""
    sealed: list[str] = []
    monkeypatch.setattr(type(store.vault), "seal", lambda _, name, __: sealed.append(name))
    asked = {passkeys.ask_sign_in() for _ in range(100)}
    assert (len(asked), sealed) == (100, [])


@pytest.mark.parametrize("byte", [0, 16, 23, 24, 55])
def test_an_altered_question_is_none(persons: Persons, passkeys: SignedIn, byte: int) -> None:
    hers = register(passkeys, "alice")
    fields = json.loads(passkeys.ask_sign_in())
    challenge = bytearray(decode(fields["challenge"]))
    challenge[byte] ^= 1
    with pytest.raises(UnauthenticatedError, match="too long"):
        passkeys.sign_in(hers.show(json.dumps(fields | {"challenge": encode(bytes(challenge))})))


@pytest.mark.parametrize(
    ("before", "meanwhile"),
    [
        pytest.param(timedelta(), -timedelta(hours=1), id="set back"),
        pytest.param(timedelta(), timedelta(hours=1), id="ahead for a moment"),
        pytest.param(timedelta(days=30), timedelta(), id="ahead before"),
    ],
)
def test_an_answer_counts_once_whatever_the_clock_does(
    persons: Persons, passkeys: SignedIn, clock: SettableClock, before: timedelta, meanwhile: timedelta
) -> None:
    hers, his = register(passkeys, "alice"), register(passkeys, "bruno")
    clock.advance(before)
    answer = hers.show(passkeys.ask_sign_in())
    assert passkeys.sign_in(answer) == "alice"
    clock.advance(meanwhile - before)
    assert passkeys.sign_in(his.show(passkeys.ask_sign_in())) == "bruno"
    passkeys.ask_proof("bruno")
    clock.advance(before - meanwhile)
    with pytest.raises(UnauthenticatedError, match="answered before"):
        passkeys.sign_in(answer)


def test_what_was_answered_is_not_kept_for_ever(
    persons: Persons, passkeys: SignedIn, clock: SettableClock, store: Store
) -> None:
    hers, asked = register(passkeys, "alice"), []
    for _ in range(3):
        asked.append(passkeys.ask_sign_in())
        passkeys.sign_in(hers.show(asked[-1]))
        clock.advance(timedelta(days=2))
    with store.write() as unit:
        kept = [unit.challenges.take(sha256(decode(json.loads(one)["challenge"])).digest()) for one in asked]
    assert [one is not None for one in kept] == [False, False, True]


def test_a_question_ends(persons: Persons, passkeys: SignedIn, clock: SettableClock) -> None:
    hers = register(passkeys, "alice")
    late, in_time = passkeys.ask_sign_in(), passkeys.ask_sign_in()
    clock.advance(CHALLENGE_LIFE - timedelta(milliseconds=1))
    assert passkeys.sign_in(hers.show(in_time)) == "alice"
    clock.advance(timedelta(milliseconds=1))
    with pytest.raises(UnauthenticatedError, match="too long"):
        passkeys.sign_in(hers.show(late))


def test_a_question_asked_while_the_clock_was_ahead_is_none(
    persons: Persons, passkeys: SignedIn, clock: SettableClock
) -> None:
    """Else it is good until the clock gets there."""
    hers = register(passkeys, "alice")
    clock.advance(timedelta(days=30))
    ahead = [passkeys.ask_sign_in(), passkeys.ask_sign_in()]
    clock.advance(-timedelta(days=30))
    with pytest.raises(UnauthenticatedError, match="too long"):
        passkeys.sign_in(hers.show(ahead[0]))
    passkeys.ask_sign_in()
    assert passkeys.sign_in(hers.show(passkeys.ask_sign_in())) == "alice"


def test_a_question_to_somebody_inside_ends(
    persons: Persons, passkeys: SignedIn, clock: SettableClock
) -> None:
    hers = register(passkeys, "alice")
    late, in_time = passkeys.ask_proof("alice"), passkeys.ask_proof("alice")
    clock.advance(CHALLENGE_LIFE - timedelta(milliseconds=1))
    passkeys.prove(hers.show(in_time), "alice")
    clock.advance(timedelta(milliseconds=1))
    with pytest.raises(UnauthenticatedError, match="too long"):
        passkeys.prove(hers.show(late), "alice")


@pytest.mark.threat("a wrong clock")
def test_a_question_to_somebody_inside_from_ahead_is_none(
    persons: Persons, passkeys: SignedIn, clock: SettableClock
) -> None:
    hers = register(passkeys, "alice")
    clock.advance(timedelta(milliseconds=1))
    ahead = passkeys.ask_proof("alice")
    clock.advance(-timedelta(milliseconds=1))
    with pytest.raises(UnauthenticatedError, match="too long"):
        passkeys.prove(hers.show(ahead), "alice")


def test_a_question_for_one_purpose_is_none_for_another(persons: Persons, passkeys: SignedIn) -> None:
    hers = register(passkeys, "alice")
    with pytest.raises(UnauthenticatedError):
        passkeys.prove(hers.show(passkeys.ask_sign_in()), "alice")
    with pytest.raises(UnauthenticatedError):
        passkeys.sign_in(hers.show(passkeys.ask_proof("alice")))
    with pytest.raises(UnauthenticatedError):
        passkeys.sign_in(Authenticator().make(passkeys.ask_new(Recognised("alice", b""))))


def test_a_proof_is_the_same_persons(persons: Persons, passkeys: SignedIn) -> None:
    hers, his = register(passkeys, "alice"), register(passkeys, "bruno")
    passkeys.prove(hers.show(passkeys.ask_proof("alice")), "alice")
    asked = json.loads(passkeys.ask_proof("alice"))
    asked["allowCredentials"] = []
    with pytest.raises(UnauthenticatedError):
        passkeys.prove(his.show(json.dumps(asked)), "alice")
    with pytest.raises(UnauthenticatedError):
        passkeys.prove(his.show(passkeys.ask_proof("bruno")), "alice")


@pytest.mark.threat("a false sign-in")
@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "http://localhost:8445"},
        {"origin": "https://localhost:8444"},
        {"origin": "http://localhost.evil.example:8444"},
        {"host": "evil.example"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"cross_origin": True},
    ],
    ids=str,
)
def test_elsewhere_or_unrecognised_is_refused(
    persons: Persons, passkeys: SignedIn, wrong: dict[str, object]
) -> None:
    hers = register(passkeys, "alice")
    for name, value in wrong.items():
        setattr(hers, name, value)
    with pytest.raises(UnauthenticatedError):
        passkeys.sign_in(hers.show(passkeys.ask_sign_in()))
    other = Authenticator()
    for name, value in wrong.items():
        setattr(other, name, value)
    with pytest.raises(UnauthenticatedError):
        register(passkeys, "alice", other)
    assert len(passkeys.ls("alice")) == 1


def test_a_passkey_that_nobody_registered_is_refused(persons: Persons, passkeys: SignedIn) -> None:
    hers, stranger = register(passkeys, "alice"), Authenticator()
    stranger.user = hers.user
    with pytest.raises(UnauthenticatedError):
        passkeys.sign_in(stranger.show(passkeys.ask_sign_in()))
    stranger.credential = hers.credential
    with pytest.raises(UnauthenticatedError):
        passkeys.sign_in(stranger.show(passkeys.ask_sign_in()))


def test_a_passkey_that_says_it_is_somebody_elses_is_refused(persons: Persons, passkeys: SignedIn) -> None:
    hers, his = register(passkeys, "alice"), register(passkeys, "bruno")
    his.user = hers.user
    with pytest.raises(UnauthenticatedError):
        passkeys.sign_in(his.show(passkeys.ask_sign_in()))


@pytest.mark.threat("a false sign-in")
@pytest.mark.parametrize("back", [0, 1])
def test_a_copy_is_refused_and_that_is_recorded(
    persons: Persons, passkeys: SignedIn, store: Store, back: int
) -> None:
    start_audit(store, "fr.example")
    hers = register(passkeys, "alice", Authenticator(count=5))
    copy = replace(hers, count=hers.count)
    assert passkeys.sign_in(hers.show(passkeys.ask_sign_in())) == "alice"
    copy.count -= back
    with pytest.raises(UnauthenticatedError):
        passkeys.sign_in(copy.show(passkeys.ask_sign_in()))
    assert records(store) == [
        ("alice", "person.passkey", "a key", "ok"),
        ("alice", "person.passkey", "a key", "copied"),
    ]
    assert passkeys.sign_in(hers.show(passkeys.ask_sign_in())) == "alice"


def test_who_left_comes_in_no_more(persons: Persons, passkeys: SignedIn) -> None:
    join(persons, "carla", PersonRole.OPERATOR)
    hers = register(passkeys, "carla")
    asked = passkeys.ask_sign_in()
    waiting = Authenticator().make(passkeys.ask_new(Recognised("carla", b"")))
    with persons._store.write() as unit:
        persons.carry_out_remove(unit, made(change_payload("carla")))
    join(persons, "carla", PersonRole.VIEWER)
    assert passkeys.ls("carla") == []
    with pytest.raises(UnauthenticatedError):
        passkeys.sign_in(hers.show(asked))
    with pytest.raises(UnauthenticatedError):
        passkeys.register(waiting, "of before", session=passkeys.session("carla"))


@pytest.mark.threat("a false sign-in")
def test_a_passkey_put_under_another_name_is_nobodys(
    persons: Persons, passkeys: SignedIn, store: Store
) -> None:
    his = register(passkeys, "bruno")
    with store.write() as unit:
        row = unit.passkeys.remove(passkeys.ls("bruno")[0].number)
        unit.passkeys.add(replace(row, person="alice"))
    his.user = b""
    with pytest.raises(UnauthenticatedError):
        passkeys.sign_in(his.show(passkeys.ask_sign_in()))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("", id="empty"),
        pytest.param("null", id="null"),
        pytest.param("[]", id="list"),
        pytest.param("{}", id="object"),
        pytest.param("[" * MAX_ANSWER, id="deep"),
        pytest.param('{"a":' * 3000, id="deep objects"),
        pytest.param("\ud800", id="surrogate"),
        pytest.param('{"response":{}}', id="no fields"),
        pytest.param('"' * 50, id="quotes"),
        pytest.param("9" * 9000, id="number"),
    ],
)
def test_what_is_no_answer_is_refused_without_details(passkeys: SignedIn, answer: str) -> None:
    for attempt in (
        passkeys.sign_in,
        lambda text: passkeys.prove(text, "alice"),
        lambda text: passkeys.register(text, ""),
    ):
        with pytest.raises(UnauthenticatedError) as caught:
            attempt(answer)
        assert caught.value.__cause__ is None
        assert "answer" in str(caught.value)


def test_a_long_answer_is_not_read(persons: Persons, passkeys: SignedIn) -> None:
    hers = register(passkeys, "alice")
    answer = hers.show(passkeys.ask_sign_in(), padding="x" * MAX_ANSWER)
    with pytest.raises(UnauthenticatedError):
        passkeys.sign_in(answer)


# ------------------------------------------------------------------------------------------------ registering


def test_what_an_authenticator_says_of_its_maker_is_not_read(persons: Persons, passkeys: SignedIn) -> None:
    for form in ("packed", "tpm", "android-safetynet", "fido-u2f", "made up"):
        answer = Authenticator().make(passkeys.ask_new(Recognised("alice", b"")), form=form)
        with pytest.raises(UnauthenticatedError):
            passkeys.register(answer, "x", session=passkeys.session("alice"))
    assert passkeys.ls() == []


def test_it_is_registered_once(persons: Persons, passkeys: SignedIn) -> None:
    hers = register(passkeys, "alice")
    asked = json.loads(passkeys.ask_new(Recognised("alice", b"")))
    assert [decode(each["id"]) for each in asked["excludeCredentials"]] == [hers.credential]
    with pytest.raises(AlreadyExistsError):
        passkeys.register(hers.make(json.dumps(asked)), "again", session=passkeys.session("alice"))
    with pytest.raises(AlreadyExistsError):
        register(passkeys, "bruno", hers)


def test_nobody_has_more_than_so_many(persons: Persons, passkeys: SignedIn) -> None:
    for _ in range(MOST_PASSKEYS):
        register(passkeys, "alice")
    with pytest.raises(ConflictError):
        passkeys.ask_new(Recognised("alice", b""))


def test_what_was_asked_in_a_session_takes_one_of_its_person(persons: Persons, passkeys: SignedIn) -> None:
    for session in (0, passkeys.session("bruno"), 1_000):
        answer = Authenticator().make(passkeys.ask_new(Recognised("alice", b"")))
        with pytest.raises(UnauthenticatedError, match="has ended"):
            passkeys.register(answer, "of a stranger", session=session)
    assert passkeys.ls("alice") == []


@pytest.mark.parametrize("end", ["remove", "close", "close_one", "close_all"])
def test_what_was_asked_in_a_session_that_was_ended_is_gone(
    persons: Persons, passkeys: SignedIn, end: str
) -> None:
    """Somebody in Alice's session asks for a passkey; she ends the session, and signs in again."""
    register(passkeys, "alice")
    token = passkeys.sessions.open("alice").token
    taken_over = passkeys.sessions.find(token)
    assert taken_over is not None
    answer = Authenticator().make(passkeys.ask_new(Recognised("alice", b"")))
    match end:
        case "remove":
            passkeys.remove(passkeys.ls("alice")[0].number)
        case "close":
            passkeys.sessions.close(token)
        case "close_one":
            passkeys.sessions.close_one("alice", taken_over.session)
        case _:
            passkeys.sessions.close_all("alice")
    with pytest.raises(UnauthenticatedError, match="answered before"):
        passkeys.register(answer, "of a thief", session=passkeys.session("alice"))


def test_a_name_is_what_people_can_read(persons: Persons, passkeys: SignedIn) -> None:
    for name in ("  blue\nkey  ", "x" * 400, "\x00\x1b", ""):
        answer = Authenticator().make(passkeys.ask_new(Recognised("alice", b"")))
        passkeys.register(answer, name, session=passkeys.session("alice"))
    assert [row.name for row in passkeys.ls("alice")] == ["blue key", "x" * 40, "passkey", "passkey"]


def test_removing_one_ends_the_sessions_of_its_person(persons: Persons, passkeys: SignedIn) -> None:
    hers, sessions = register(passkeys, "alice"), passkeys.sessions
    token = sessions.open("alice").token
    (row,) = passkeys.ls()
    with pytest.raises(NotFoundError):
        passkeys.remove(row.number, person="bruno")
    assert passkeys.remove(row.number).person == "alice"
    assert sessions.find(token) is None
    with pytest.raises(UnauthenticatedError):
        passkeys.sign_in(hers.show(passkeys.ask_sign_in()))
    with pytest.raises(NotFoundError):
        passkeys.remove(row.number)


# ------------------------------------------------------------------------------------------------ tokens


def test_a_token_and_the_passphrase_register_one_passkey(
    persons: Persons, passkeys: SignedIn, invitations: Invitations, store: Store
) -> None:
    start_audit(store, "fr.example")
    issued = invitations.make("alice")
    who = invitations.recognise(issued.text, "alice", PASS["alice"])
    first, second = passkeys.ask_new(who), passkeys.ask_new(who)
    assert passkeys.register(Authenticator().make(first), "blue") == "alice"
    with pytest.raises(GoneError):
        passkeys.register(Authenticator().make(second), "green")
    with pytest.raises(GoneError):
        invitations.recognise(issued.text, "alice", PASS["alice"])
    assert [row.name for row in passkeys.ls()] == ["blue"]
    assert records(store) == [("alice", "person.passkey", "blue", "ok")]
    assert issued.text not in repr((issued, who))


def test_of_two_that_use_a_token_at_once_one_is_told(
    persons: Persons, passkeys: SignedIn, invitations: Invitations
) -> None:
    for round_ in range(3):
        who = invitations.recognise(invitations.make("alice").text, "alice", PASS["alice"])
        answers = [Authenticator().make(passkeys.ask_new(who)) for _ in range(2)]

        def use(answer: str) -> bool:
            try:
                return passkeys.register(answer, "x") == "alice"
            except GoneError:
                return False

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(use, answers)) == [False, True]
        assert len(passkeys.ls("alice")) == round_ + 1


@pytest.mark.threat("a false sign-in")
def test_whoever_makes_a_token_is_not_its_person(persons: Persons, invitations: Invitations) -> None:
    issued = invitations.make("alice")
    with pytest.raises(UnauthenticatedError):
        invitations.recognise(issued.text, "alice", "what the operator guesses")
    with pytest.raises(ForbiddenError):
        invitations.recognise(issued.text, "bruno", PASS["bruno"])
    with pytest.raises(ForbiddenError):
        invitations.introduce(issued.text, "carla", PersonRole.OPERATOR, PASS["carla"])
    assert invitations.recognise(issued.text, "alice", PASS["alice"]).person == "alice"


def test_a_token_is_typed_so_often_and_no_more(
    persons: Persons, invitations: Invitations, clock: SettableClock
) -> None:
    issued = invitations.make("alice")
    for _ in range(MOST_TRIES):
        with pytest.raises((UnauthenticatedError, RateLimitedError)):
            invitations.recognise(issued.text, "alice", "a wrong passphrase")
        clock.advance(timedelta(minutes=20))
    with pytest.raises(GoneError):
        invitations.recognise(issued.text, "alice", PASS["alice"])


def test_a_token_ends_after_a_day_and_with_the_next(
    persons: Persons, invitations: Invitations, clock: SettableClock
) -> None:
    old, new = invitations.make("alice").text, invitations.make("alice").text
    with pytest.raises(GoneError):
        invitations.recognise(old, "alice", PASS["alice"])
    clock.advance(LIFE - timedelta(milliseconds=1))
    assert invitations.recognise(new, "alice", PASS["alice"]).person == "alice"
    clock.advance(timedelta(milliseconds=1))
    with pytest.raises(GoneError):
        invitations.recognise(new, "alice", PASS["alice"])


@pytest.mark.threat("a wrong clock")
@pytest.mark.parametrize(("ahead", "good"), [(LIFE, True), (LIFE + timedelta(milliseconds=1), False)])
def test_a_token_made_while_the_clock_was_ahead_lives_no_longer_than_a_day_more(
    persons: Persons, invitations: Invitations, clock: SettableClock, ahead: timedelta, *, good: bool
) -> None:
    clock.advance(ahead)
    issued = invitations.make("alice")
    clock.advance(-ahead)
    if good:
        assert invitations.recognise(issued.text, "alice", PASS["alice"]).person == "alice"
    else:
        with pytest.raises(GoneError):
            invitations.recognise(issued.text, "alice", PASS["alice"])


def test_a_token_that_was_recognised_and_ended_registers_nothing(
    persons: Persons, passkeys: SignedIn, invitations: Invitations, clock: SettableClock
) -> None:
    issued = invitations.make("alice")
    clock.advance(LIFE - timedelta(minutes=1))
    asked = passkeys.ask_new(invitations.recognise(issued.text, "alice", PASS["alice"]))
    clock.advance(timedelta(minutes=2))
    with pytest.raises(GoneError):
        passkeys.register(Authenticator().make(asked), "late")


def test_another_passphrase_ends_the_token(persons: Persons, invitations: Invitations) -> None:
    issued = invitations.make("alice")
    verifier = persons.sealed_verifier("alice", "quite another passphrase")
    with persons._store.write() as unit:
        persons.carry_out_reset(unit, made(change_payload("alice", verifier=verifier)))
    with pytest.raises(GoneError):
        invitations.recognise(issued.text, "alice", "quite another passphrase")


def test_the_first_two_say_who_they_are(
    nobody: Persons, passkeys: SignedIn, invitations: Invitations
) -> None:
    ours, theirs, late = (invitations.make().text for _ in range(3))
    assert invitations.is_for_first(ours)
    with pytest.raises(UsageError, match="at least"):
        invitations.introduce(ours, "alice", PersonRole.OPERATOR, "short")
    with pytest.raises(UsageError, match="further ones"):
        invitations.introduce(ours, "alice", PersonRole.VIEWER, PASS["alice"])
    who = invitations.introduce(ours, "alice", PersonRole.OPERATOR, PASS["alice"])
    assert not invitations.is_for_first(ours)
    with pytest.raises(ForbiddenError):
        invitations.introduce(ours, "bruno", PersonRole.SECURITY, PASS["bruno"])
    assert invitations.recognise(ours, "alice", PASS["alice"]) == who
    assert passkeys.register(Authenticator().make(passkeys.ask_new(who)), "hers") == "alice"
    with pytest.raises(AlreadyExistsError):
        invitations.introduce(theirs, "alice", PersonRole.OPERATOR, PASS["alice"])
    invitations.introduce(theirs, "bruno", PersonRole.SECURITY, PASS["bruno"])
    with pytest.raises(ConflictError):
        invitations.introduce(late, "carla", PersonRole.OPERATOR, PASS["carla"])
    with pytest.raises(ConflictError, match="approval"):
        invitations.make()
    assert [(person.name, person.role.value) for person in all_of(nobody)] == [
        ("alice", "operator"),
        ("bruno", "security"),
    ]


def test_nobody_who_does_not_exist_gets_a_token(persons: Persons, invitations: Invitations) -> None:
    with pytest.raises(NotFoundError):
        invitations.make("nobody")
