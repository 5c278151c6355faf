"""Commands made of acts: options of fields, and what was done as a JSON line or a sentence."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from keys.message import Message
from node.acts.act import Act, Done, F, Node, Spec, specs
from node.cli.options import AS_IF_TWO
from node.cli.prompts import ask_hidden
from node.cli.session import Session, session
from node.errors import RateLimitedError, UnauthenticatedError, UsageError
from node.store.accounts.records import PersonRole, Request

if TYPE_CHECKING:
    from node.identity.identity import Identity

Command = TypeVar("Command", bound=Callable[..., Any])
VARIABLE: Final = "SIGFED_PERSON"
"""Names the person who acts, where no option does."""
_CONTEXT: Final = Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)


def add(app: typer.Typer, acts: Iterable[Act[Any]]) -> None:
    """Give a noun the commands of these acts."""
    for one in acts:
        app.command(one.verb, help=one.help)(_command(one))


def do(here: Session, act: Act[F], given: F, *, by: str = "") -> Done:
    """Perform an act, in the name of the person `by` where it takes one, and say what was done.

    It is said before anything else can fail: what is shown once cannot be asked for again.
    """
    from node.acts.perform import perform

    identity = here.identity()

    def run(node: Node, given: F) -> Done | Request:
        done = act.run(node, given)
        if here.proposal is None or isinstance(done, Request):
            return done
        return replace(done, outcome="proposed")

    with here.writing() as store:
        done = perform(replace(act, run=run), Node(identity, store), given, _Terminal(here, by))
        tell(here, done)
        if done.failure is not None:
            raise done.failure
        tell_proposed(here)
    return done


def tell(here: Session, done: Done) -> None:
    """Say what was done, and what may come next."""
    for part in done.parts or ():
        here.output.result(part.facts, part.said, *part.lines)
    if done.parts is None:
        _tell_one(here, done)
    here.output.talk(*done.notes)
    here.output.following(*done.following)


def _tell_one(here: Session, done: Done) -> None:
    shown = done.facts.get(done.once)
    if done.outcome == "requested":
        lines = [
            f"request {done.facts['approval']}: {done.facts['subject']}",
            "nothing has changed yet: another person must approve it",
        ]
    else:
        lines = [str(shown) if shown else done.said]
    here.output.result(done.facts, *lines, *done.lines)
    here.output.talk(*([done.said] if shown and not done.notes else []))


def tell_proposed(here: Session) -> None:
    """What was said before is not in force: it stands in the proposal, if there was anything to sign."""
    file = here.proposal
    if file is None:
        return
    if not file.exists():
        here.output.talk("the holders have nothing to sign here: no proposal was written")
        return
    here.output.talk(f"proposed in {file}: nothing of it counts before it is signed and published")
    here.output.following(
        f"sigfed key changes {file.name}",
        f"every holder who has to sign: sigfed key sign {file.name} --keys FOLDER",
    )


def acting_person(here: Session, name: str) -> str:
    """The name of the person who acts, authenticated; an empty `name` means the one of `SIGFED_PERSON`.

    Raises:
        UsageError: no name, neither here nor there.
        NotFoundError: there is no such person.
        UnauthenticatedError: another passphrase.
        RateLimitedError: too many wrong ones.
    """
    from node.app.persons import open_persons
    from node.identity.audit import tell

    wanted = name or os.environ.get(VARIABLE, "")
    if not wanted:
        raise UsageError(
            "say who you are", hint=Message("--as NAME, or set {name}; see sigfed person ls", VARIABLE)
        )
    identity = here.identity()
    with here.writing() as store:
        try:
            who = open_persons(identity, store).authenticate(wanted, _passphrase(identity, wanted))
        except (UnauthenticatedError, RateLimitedError):
            tell(identity, store, "person.prove", wanted, outcome="refused")
            raise
    here.acting.append(who)
    return who


def _passphrase(identity: "Identity", name: str) -> str:
    from node.files import read_private

    file = identity.settings.secrets.person_passphrase_file
    if file is not None:
        return read_private(file).rstrip(b"\r\n").decode("utf-8", "replace")
    return ask_hidden(f"passphrase of {name}")


def two_decide(here: Session) -> bool:
    """Whether two persons are known here, so that what takes two can be asked for."""
    from node.app.persons import open_persons

    identity = here.identity()
    with here.writing() as store:
        return open_persons(identity, store).is_open()


def require_two(here: Session) -> None:
    """Refuse what takes two persons where fewer are known, before anybody is asked for a passphrase."""
    from node.access.approvals import require_two as require

    with here.writing() as store, store.read() as unit:
        require(unit)


class _Terminal:
    """Whoever has the home of the node, and a person of it where one must be named."""

    role: PersonRole | None = None
    fresh = True
    details: Mapping[str, str] = {}

    def __init__(self, here: Session, by: str) -> None:
        self._here, self._by = here, by

    @property
    def actor(self) -> str:
        """Who proved it, if anybody had to."""
        return next(reversed(self._here.acting), "")

    def prove(self) -> str:
        """With a passphrase, which is asked for once."""
        return self.actor or acting_person(self._here, self._by)


def _command(act: Act[Any]) -> Callable[..., None]:
    """Typer reads its signature; `perform` records it."""

    def run(context: typer.Context, **typed: Any) -> None:
        here, by = session(context), str(typed.pop("by", ""))
        do(here, act, act.fields(**typed), by=by)

    by = Parameter("by", Parameter.KEYWORD_ONLY, default="", annotation=Annotated[str, AS_IF_TWO])
    parameters = [_CONTEXT, *map(_parameter, specs(act.fields)), *([by] if act.asks else [])]
    made: Any = run
    made.__signature__ = Signature(parameters)
    made.__annotations__ = {each.name: each.annotation for each in parameters}
    return performing(act)(run)


def performing(act: Act[Any]) -> Callable[[Command], Command]:
    """Mark a command that performs an act, which records itself."""

    def marked(command: Command) -> Command:
        made: Any = command
        made.performs = act
        return command

    return marked


def _parameter(spec: Spec) -> Parameter:
    seen = spec.seen
    help_ = f"{seen.label.removesuffix('.')}. {seen.help}".strip(". ") + "."
    option = f"--{seen.option or spec.name.replace('_', '-')}"
    spelled: Any = (
        typer.Argument(metavar=seen.metavar, help=help_, min=seen.least, max=seen.most)
        if seen.argument
        else typer.Option(option, metavar=seen.metavar, help=help_, min=seen.least, max=seen.most)
    )
    default = Parameter.empty if spec.required else spec.default
    return Parameter(
        spec.name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[spec.type, spelled]
    )
