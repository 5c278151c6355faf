"""How pages are shown and actions carried out, for all of them alike: session, role, forgery, errors, record.

Decides who gets through; what a page holds and what an action does is said beside it in `node.console.pages`. Nothing
of a request is ever written to the journal but the name of its page or action.
"""

import hmac
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, ParamSpec, TypeVar
from urllib.parse import parse_qsl, quote

import aiohttp_jinja2
from aiohttp import web

from keys.errors import SigfedError
from node.access.approvals import require_role
from node.access.sessions import Visitor
from node.console.address import Address
from node.console.devices import Devices
from node.console.forms.body import read_form
from node.console.forms.held_forms import FormPlace, HeldForms
from node.console.languages import speak, spoken, translated
from node.console.languages import translated as _
from node.console.parts import Action, Download, File, Led, Page, PartlyDoneError, Refused, Surface, Values, W
from node.console.threads import Threads
from node.console.visitors import Inside, Visitors, has_proved
from node.errors import ForbiddenError, UnauthenticatedError
from node.web.problems import problem_of
from node.web.ratelimit import TokenBuckets

Given = ParamSpec("Given")
Result = TypeVar("Result")

SIGN_IN: Final = "/console/sign-in"
PROVE: Final = "/console/prove"
_UNKEPT: Final = ("passphrase", "token", "csrf", "invitation")
"""Fields whose names hold these are never written into a page again."""
_MAX_SAID: Final = 1024
_BROKEN: Final = 500
_UNPROCESSABLE: Final = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Console(Generic[W]):
    """Everything that handlers use."""

    world: W
    visitors: Visitors
    address: Address
    surface: Surface[W]
    rates: TokenBuckets
    """Actions of a person."""
    looks: TokenBuckets
    """Pages that a session looks at."""
    taken: Callable[[W, Download[W], File], None]
    """Records that a file is taken away; it is not handed over when that raises."""
    devices: Devices
    journalled: Callable[[W, Action[W], Callable[[], Led]], Led] = lambda _world, _action, work: work()
    """Has an action done, and says so, where no act records it."""
    cookie: str = "__Host-sigfed"
    """The cookie that holds the session. The prefix binds it to this host and path (RFC 6265bis, section 4.1.3)."""
    threads: Threads = field(default_factory=Threads)
    held: HeldForms = field(default_factory=HeldForms)
    inside: Inside = field(default_factory=Inside)
    _said: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """What an action did, by session, until the next page says it."""

    @property
    def device_cookie(self) -> str:
        """The cookie that says whose browser it is, in a session or not."""
        return f"{self.cookie}-device"

    @property
    def pages(self) -> Mapping[str, Page[W]]:
        """All pages by their names."""
        return {page.name: page for page in self.surface.pages}

    def visitor(self, request: web.Request) -> Visitor | None:
        """Who asks; None for nobody."""
        token = request.cookies.get(self.cookie, "")
        return self.visitors.glance(token) if asks_by_itself(request) else self.visitors.find(token)

    def has_proved(self, visitor: Visitor) -> bool:
        """Whether a passkey was shown in the session just now."""
        return has_proved(visitor, self.world.now_ms)

    def say(self, visitor: Visitor, sentence: str) -> None:
        """Keep a sentence for the next page of this session."""
        self._said[visitor.csrf] = sentence
        while len(self._said) > _MAX_SAID:
            self._said.popitem(last=False)

    def say_partly(self, visitor: Visitor, done: str) -> None:
        """Keep what was done of something that failed, where the page with its form cannot say it."""
        self.say(visitor, f"{_('Not all of this was done.')} {done}".rstrip())

    def said(self, visitor: Visitor) -> str:
        """The sentence that was kept, once."""
        return self._said.pop(visitor.csrf, "")


CONSOLE: Final = web.AppKey("console", Console[Any])
"""Of whichever console is served: its own modules know what its world is."""
VISITOR: Final = web.RequestKey("visitor", Visitor)
"""Of a request: who asks, where that is known."""


async def show(request: web.Request, page: Page[Any]) -> web.StreamResponse:
    """A page for whoever may see it."""
    console = request.app[CONSOLE]
    visitor = await signed_in(request)
    require_role(visitor.person, visitor.role, page.roles)
    console.looks.spend(visitor.csrf)
    query = Values(dict(request.query))
    model = await in_thread(request, page.gather, console.world, visitor, query)
    if asks_by_itself(request):
        return rendered(request, page, model, visitor)
    # What is said or shown once is for whoever acted, not for a tab behind that asks by itself.
    held = console.held.take(visitor.csrf, FormPlace(page.name, dict(query)), now_ms=console.world.now_ms)
    return rendered(request, page, model, visitor, said=console.said(visitor), refused=held)


async def act(request: web.Request, action: Action[Any]) -> web.StreamResponse:
    """Carry an action out, then lead to the page that shows it; or show its form again, with what is wrong."""
    console = request.app[CONSOLE]
    # Before a large form is read: nobody sends one who may not, or many of them.
    console.rates.spend(f"person:{(await _acting(request, action)).person}")
    form = await read_form(request, action.most_bytes)
    # And when it is whole: whoever sends one slowly would act for a minute after he was sent away.
    visitor = await _acting(request, action)
    require_own(visitor, form)
    if action.fresh and not console.has_proved(visitor):
        first = Refused(
            action.name,
            _("Who you are was asked for first."),
            _("What you typed is here again: look at it, choose its files anew, and send it."),
            _typed(form),
        )
        console.held.hold(
            visitor.csrf, FormPlace(action.page, dict(_query(form))), first, now_ms=console.world.now_ms
        )
        raise web.HTTPSeeOther(f"{PROVE}?to={quote(_back(console, action, form), safe='')}")
    try:
        done = await console.threads.act(visitor.person, _carried_out, console, action, visitor, form)
    except PartlyDoneError as exc:
        if not isinstance(exc.failure, SigfedError):
            console.say_partly(visitor, exc.said)
            raise exc.failure from None
        return await _shown_again(request, action, visitor, form, exc.failure, done=exc.said)
    except SigfedError as exc:
        return await _shown_again(request, action, visitor, form, exc)
    console.say(visitor, done.said)
    raise web.HTTPSeeOther(done.to)


async def download(request: web.Request, row: Download[Any]) -> web.StreamResponse:
    """A file for whoever may take it; that it was taken is recorded before it is handed over."""
    console = request.app[CONSOLE]
    visitor = await signed_in(request)
    require_role(visitor.person, visitor.role, row.roles)
    console.rates.spend(f"person:{visitor.person}")
    if row.fresh and not console.has_proved(visitor):
        raise web.HTTPSeeOther(f"{PROVE}?to={quote(console.pages[row.page].path, safe='')}")
    world = console.world.acting_as(visitor.person)
    query = Values(dict(request.query))
    file = await console.threads.act(visitor.person, row.make, world, visitor, query)
    await in_thread(request, console.taken, world, row, file)
    disposition = f'attachment; filename="{file.name}"'
    return web.Response(
        body=file.body, content_type=file.content_type, headers={"Content-Disposition": disposition}
    )


async def in_thread(
    request: web.Request, work: Callable[Given, Result], *args: Given.args, **named: Given.kwargs
) -> Result:
    """Do what blocks in a thread of the console's own."""
    return await request.app[CONSOLE].threads.do(work, *args, **named)


async def visiting(request: web.Request) -> Visitor | None:
    """Who asks, in whose language the reply is written; None for nobody."""
    console = request.app[CONSOLE]
    if not request.cookies.get(console.cookie):  # strangers take no thread
        return None
    visitor = await in_thread(request, console.visitor, request)
    console.inside.note(request.cookies[console.cookie], is_open=visitor is not None)
    if visitor is not None:
        request[VISITOR] = visitor
        speak(visitor.language or spoken())
    return visitor


def asks_by_itself(request: web.Request) -> bool:
    """Whether a page refreshes itself (`hx-trigger="every 30s"`), though nobody may sit before it."""
    return request.method == "GET" and "HX-Request" in request.headers


async def signed_in(request: web.Request) -> Visitor:
    """Who asks; leads whoever has no session to where one is opened."""
    visitor = await visiting(request)
    if visitor is not None:
        return visitor
    to = f"{SIGN_IN}?to={quote(request.path_qs, safe='')}"
    if asks_by_itself(request):
        # The whole page goes there: what it showed is not for whoever sits before it now.
        raise web.HTTPNoContent(headers={"HX-Redirect": to})
    raise web.HTTPSeeOther(to)


async def _acting(request: web.Request, action: Action[Any]) -> Visitor:
    """Who asks for an action that he may do now."""
    visitor = await visiting(request)
    if visitor is None:
        raise UnauthenticatedError("this takes a session", hint="sign in and try again")
    require_role(visitor.person, visitor.role, action.roles)
    return visitor


def _carried_out(console: Console[Any], action: Action[Any], visitor: Visitor, form: Values) -> Led:
    world = console.world.acting_as(visitor.person)
    return console.journalled(world, action, lambda: action.act(world, visitor, form))


async def _shown_again(
    request: web.Request,
    action: Action[Any],
    visitor: Visitor,
    form: Values,
    error: SigfedError,
    *,
    done: str | None = None,
) -> web.Response:
    console = request.app[CONSOLE]
    page = console.pages[action.page]
    refused = Refused(action.name, translated(error.message), translated(error.hint), _typed(form), done)
    try:
        model = await in_thread(request, page.gather, console.world, visitor, _query(form))
    except SigfedError:
        if done is not None:
            console.say_partly(visitor, done)
        raise error from None  # what the form was about is gone
    reply = rendered(request, page, model, visitor, refused=refused, status=_status(error))
    if wait := getattr(error, "retry_after_seconds", 0):
        reply.headers["Retry-After"] = str(wait)
    return reply


def _status(error: Exception) -> int:
    """Of a form that is shown again: what the error says of itself, but nothing broke here when a peer is away."""
    status = problem_of(error).status
    return status if status < _BROKEN else _UNPROCESSABLE


def _query(form: Values) -> Values:
    """The query of the page that held the form."""
    try:
        return Values(dict(parse_qsl(form.text("query"), keep_blank_values=True, max_num_fields=100)))
    except ValueError:  # more fields than any page has
        return Values({})


def _typed(form: Values) -> dict[str, str]:
    """What a page may hold of a form again; no browser takes a file from a page."""
    return {
        name: value
        for name, value in form.items()
        if not form.is_file(name) and not any(word in name for word in _UNKEPT)
    }


def _back(console: Console[Any], action: Action[Any], form: Values) -> str:
    query = form.text("query")
    return console.pages[action.page].path + (f"?{query}" if query else "")


def rendered(
    request: web.Request,
    page: Page[Any],
    model: object,
    visitor: Visitor | None = None,
    *,
    said: str = "",
    refused: Refused | None = None,
    status: int = 200,
) -> web.Response:
    """A page as the world is now; without a visitor, for whoever has no session."""
    world = request.app[CONSOLE].world
    context = {
        "page": page,
        "model": model,
        "visitor": visitor,
        "now_ms": world.now_ms,
        "node": world.node,
        "said": said,
        "refused": refused,
        "query": request.rel_url.query_string if request.method == "GET" else "",
        "path": page.path,
    }
    return aiohttp_jinja2.render_template(f"{page.name}.html", request, context, status=status)


def require_own(visitor: Visitor, form: Values) -> None:
    """A form of another site, or of another session, does nothing here."""
    if not is_own(visitor, form):
        raise ForbiddenError(
            "the form belongs to another session", hint="open the page again, then send the form"
        )


def is_own(visitor: Visitor, form: Values) -> bool:
    """Whether the form is one of this session's."""
    return hmac.compare_digest(form.text("csrf").encode(), visitor.csrf.encode())
