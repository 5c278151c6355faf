from collections.abc import Sequence

import pytest

from keys.key import WitnessPrivateKey
from protocol.errors import MalformedError, TooLargeError, UntrustedError
from protocol.limits import MAX_POLICY_BYTES, MAX_POLICY_LINES
from protocol.tlog.note import VerifierKey
from protocol.tlog.policy import (
    Group,
    Policy,
    parse_policy,
    quorum_size,
    require_quorum,
    satisfied,
    write_policy,
)
from support.logs import LOG, LOG_KEY, WITNESS_KEYS

NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
KEYS = {
    name: VerifierKey.of_witness(
        f"{name.lower()}.example", WitnessPrivateKey.from_seed(name.encode() * 16).public
    )
    for name in NAMES
}


RENAMED = VerifierKey(name="other.example", type=KEYS["X1"].type, key=KEYS["X1"].key)


def vkey(name: str) -> str:
    return KEYS[name].to_text()


# C2SP tlog-policy, "Example policy", with keys where it has placeholders.
EXAMPLE = f"""\
log {LOG_KEY.to_text()}

witness X1 {vkey("X1")}
witness X2 {vkey("X2")}
witness X3 {vkey("X3")}
group X-witnesses 2 X1 X2 X3

witness Y1 {vkey("Y1")}
witness Y2 {vkey("Y2")}
witness Y3 {vkey("Y3")}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def cosigners(names: str) -> Sequence[VerifierKey]:
    return [KEYS[name] for name in names.split()]


def test_example_of_tlog_policy_reads() -> None:
    policy = parse_policy(EXAMPLE.encode())
    assert policy.logs == (LOG_KEY,)
    assert policy.witness_keys == tuple(KEYS.values())
    assert policy.quorum == b"X-and-Y"
    assert policy.groups == {
        b"X-witnesses": Group(2, (b"X1", b"X2", b"X3")),
        b"Y-witnesses": Group(1, (b"Y1", b"Y2", b"Y3")),
        b"X-and-Y": Group(2, (b"X-witnesses", b"Y-witnesses")),
    }


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        ("X1 X2 Y1", 0),
        ("X1 X3 Y3", 0),
        ("X1 X2 X3 Y1 Y2 Y3", 0),
        ("X1 X2", 1),
        ("X1 Y1", 1),
        ("Y1 Y2 Y3", 1),
        ("X1", 2),
        ("", 2),
    ],
)
def test_quorum_of_the_example(names: str, missing: int) -> None:
    policy = parse_policy(EXAMPLE.encode())
    assert policy.missing(cosigners(names)) == missing
    assert satisfied(policy, cosigners(names)) is (missing == 0)


def test_strangers_and_repetitions_do_not_count() -> None:
    policy = parse_policy(EXAMPLE.encode())
    assert not satisfied(policy, [KEYS["X1"], KEYS["X1"], KEYS["Y1"], *WITNESS_KEYS])
    with pytest.raises(UntrustedError, match="1 more"):
        require_quorum(policy, cosigners("X1 X1 Y1"))
    require_quorum(policy, cosigners("X1 X2 Y1"))


def test_same_key_under_another_name_is_not_that_witness() -> None:
    policy = parse_policy(EXAMPLE.encode())
    assert not satisfied(policy, [RENAMED, KEYS["X2"], KEYS["Y1"]])


def test_single_witness_and_no_quorum() -> None:
    single = parse_policy(f"witness X1 {vkey('X1')}\nquorum X1\n".encode())
    assert single.missing([]) == 1
    assert satisfied(single, [KEYS["X1"]])
    assert satisfied(parse_policy(b"quorum none\n"), [])


def test_layout_is_free() -> None:
    text = (
        f"# comment\n\t # indented comment\n\n \t \n\tlog  {LOG_KEY.to_text()}\thttps://log.example/ \n"
        f"witness \u00fc {vkey('X1')} https://w.example/\nquorum\t\u00fc\n"
    )
    policy = parse_policy(text.encode())
    assert policy.logs == (LOG_KEY,)
    assert policy.quorum == "\u00fc".encode()


def test_names_are_octets() -> None:
    # A Kelvin sign is no K, and a name need not be UTF-8 (C2SP tlog-policy, "Character set").
    line = f" {vkey('X1')}\n".encode()
    assert parse_policy(b"witness \xff" + line + b"quorum \xff\n").quorum == b"\xff"
    with pytest.raises(MalformedError):
        parse_policy(b"witness K" + line + b"quorum \xe2\x84\xaa\n")


W1, W2 = f"witness X1 {vkey('X1')}\n", f"witness X2 {vkey('X2')}\n"
MALFORMED = {
    "empty": "",
    "no quorum": W1,
    "two quorums": W1 + "quorum X1\nquorum X1\n",
    "unknown quorum": W1 + "quorum X2\n",
    "quorum above its witness": "quorum X1\n" + W1,
    "quorum of two": W1 + W2 + "quorum X1 X2\n",
    "quorum without a name": W1 + "quorum\n",
    "no last newline": W1 + "quorum X1",
    "carriage return": W1 + "quorum X1\r\n",
    "control character": W1 + "# \x01\nquorum X1\n",
    "delete character": W1 + "# \x7f\nquorum X1\n",
    "unknown word": W1 + "require X1\nquorum X1\n",
    "comment behind": W1 + "quorum X1 # comment\n",
    "witness without a key": "witness X1\nquorum X1\n",
    "witness with a rest": f"witness X1 {vkey('X1')} url rest\nquorum X1\n",
    "witness named none": f"witness none {vkey('X1')}\nquorum none\n",
    "one name twice": W1 + f"witness X1 {vkey('X2')}\nquorum X1\n",
    "one key twice": W1 + f"witness X2 {vkey('X1')}\nquorum X1\n",
    "one key under two key names": W1 + f"witness X2 {RENAMED.to_text()}\nquorum X1\n",
    "log key as a witness": f"witness X1 {LOG_KEY.to_text()}\nquorum X1\n",
    "witness key as a log": f"log {vkey('X1')}\nquorum none\n",
    "one raw key as log and witness": f"log {LOG_KEY.to_text()}\nwitness X1 "
    + VerifierKey.of_witness("w.example", WitnessPrivateKey.from_seed(LOG.seed).public).to_text()
    + "\nquorum X1\n",
    "log twice": f"log {LOG_KEY.to_text()}\nlog {LOG_KEY.to_text()}\nquorum none\n",
    "log without a key": "log\nquorum none\n",
    "broken key": "log example.com/foo+530d903a+AAAA\nquorum none\n",
    "group without members": W1 + "group g any\nquorum X1\n",
    "group of strangers": W1 + "group g any X2\nquorum X1\n",
    "group of none": W1 + "group g any none\nquorum X1\n",
    "group of itself": W1 + "group g any g\nquorum X1\n",
    "group named none": W1 + "group none any X1\nquorum none\n",
    "group named as a witness": W1 + "group X1 any X1\nquorum X1\n",
    "member twice": W1 + "group g any X1 X1\nquorum g\n",
    "member of two groups": W1 + "group g any X1\ngroup h any X1\nquorum g\n",
    "threshold 0": W1 + "group g 0 X1\nquorum g\n",
    "threshold above the members": W1 + "group g 2 X1\nquorum g\n",
    "threshold with a zero": W1 + "group g 01 X1\nquorum g\n",
    "threshold of another script": W1 + "group g \u0661 X1\nquorum g\n",
    "threshold upper case": W1 + "group g ALL X1\nquorum g\n",
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_policies(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_policy(text.encode())


def test_key_that_is_not_utf8() -> None:
    with pytest.raises(MalformedError):
        parse_policy(b"log \xff\nquorum none\n")


def test_bounds_of_a_policy() -> None:
    with pytest.raises(TooLargeError):
        parse_policy(b"#" * MAX_POLICY_BYTES + b"\n")
    with pytest.raises(TooLargeError):
        parse_policy(b"\n" * (MAX_POLICY_LINES + 1))


@pytest.mark.parametrize("faulty", range(4))
@pytest.mark.parametrize("count", range(1, 12))
def test_two_quorums_share_an_honest_witness(count: int, faulty: int) -> None:
    size = quorum_size(count, faulty)
    assert 2 * size - count > faulty  # the least overlap of two quorums
    assert 2 * (size - 1) - count <= faulty  # and no smaller quorum would do


def test_a_policy_is_plain_data() -> None:
    assert Policy((), {}, {}, b"none") == parse_policy(b"quorum none\n")


def test_a_policy_is_written_as_it_is_read() -> None:
    policy = parse_policy(EXAMPLE.encode())
    written = write_policy(policy)
    assert parse_policy(written) == policy
    assert write_policy(parse_policy(written)) == written


def test_a_policy_that_nobody_can_meet_has_a_form_and_is_no_file() -> None:
    policy = Policy(logs=(), witnesses={}, groups={b"members": Group(2, ())}, quorum=b"members")
    assert write_policy(policy) == b"group members 2\nquorum members\n"
    with pytest.raises(MalformedError):
        parse_policy(write_policy(policy))
