"""Commands made of acts: options of fields, and what was done as a JSON line or a sentence."""

from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter, Signature
from typing import Annotated, Any, Final, TypeVar

import typer

from node.acts.act import Act, Done, F, Node, Spec, specs
from node.cli.options import AS_IF_TWO
from node.cli.persons.actor import acting_person
from node.cli.session import Session, session
from node.store.accounts.records import PersonRole

Command = TypeVar("Command", bound=Callable[..., Any])
_CONTEXT: Final = Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)


def add(app: typer.Typer, acts: Iterable[Act[Any]]) -> None:
    """Give a noun the commands of these acts."""
    for one in acts:
        app.command(one.name.partition(".")[2], help=one.help)(_command(one))


def do(here: Session, act: Act[F], given: F, *, by: str = "") -> Done:
    """Perform an act, in the name of the person `by` where it takes one."""
    from node.acts.perform import perform
    from node.rotation.store import open_shelf

    identity = here.identity()
    with open_shelf(identity) as shelf:
        return perform(act, Node(identity, shelf), given, _Terminal(here, by))


def tell(here: Session, done: Done) -> None:
    """Say what was done."""
    shown = done.facts.get(done.once)
    if done.outcome == "requested":
        lines = [
            f"request {done.facts['approval']}: {done.facts['subject']}",
            "nothing has changed yet: another person must approve it",
        ]
    else:
        lines = [str(shown) if shown else done.said]
    here.output.result(done.facts, *lines)
    here.output.talk(*([done.said] if shown else []), *done.notes)
    here.output.following(*done.following)


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
        """With a passphrase, which is asked for."""
        return acting_person(self._here, self._by)


def _command(act: Act[Any]) -> Callable[..., None]:
    """Typer reads its signature; `perform` records it."""

    def run(context: typer.Context, **typed: Any) -> None:
        here, by = session(context), str(typed.pop("by", ""))
        tell(here, do(here, act, act.fields(**typed), by=by))

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
    help_ = f"{seen.label.removesuffix('.')}. {seen.help}".strip()
    option = f"--{seen.option or spec.name.replace('_', '-')}"
    spelled: Any = (
        typer.Argument(help=help_, min=seen.least, max=seen.most)
        if seen.argument
        else typer.Option(option, help=help_, min=seen.least, max=seen.most)
    )
    default = Parameter.empty if spec.required else spec.default
    return Parameter(
        spec.name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[spec.type, spelled]
    )
