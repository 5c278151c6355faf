"""The settings of a partner's client: `partner.toml` in its folder, read here and nowhere else.

Without the file every default holds. Unknown keys are refused by name. Each part of the client has a section of its
own; a section holds no secret, only the paths of files that hold them. Where connections go out is in `outbound.toml`.
"""

import os
import stat
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from keys.message import Message
from node.config import CONSOLE_URL, ConnectionLimits, ConsoleListener, Section, parse_as
from node.errors import ConfigError
from node.hoster.cover import Cover
from node.names import PARTNER_NAME, GroupChoice


def _with_full_path(argv: tuple[str, ...]) -> tuple[str, ...]:
    # A timer's PATH is not a person's, and whoever sets PATH would choose what runs.
    if argv and not Path(argv[0]).is_absolute():
        raise ValueError(f"the program is named by its full path, not {argv[0]!r}")
    return argv


def _collected(path: Path | None) -> Path | None:
    if path is not None and not (path.is_absolute() and path.suffix == ".prom"):
        raise ValueError("the file is named by its full path and ends in .prom: no other is collected")
    return path


Argv = Annotated[tuple[str, ...], Field(max_length=64), AfterValidator(_with_full_path)]
"""A program and its arguments; it is started without a shell. Empty: nothing is started."""


class HookSettings(Section):
    """Programs that are started when something happened."""

    on_update: Argv = ()
    """A newer release is in force."""
    on_error: Argv = ()
    """An update failed."""
    on_outdated: Argv = ()
    """The release in force is past its end, and an update brought no newer one."""
    on_hit: Argv = ()
    """The local daemon recorded a hit."""
    timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """A program that runs longer is ended."""


class MetricsSettings(Section):
    """What monitoring reads."""

    textfile: Annotated[Path | None, AfterValidator(_collected)] = None
    """A file for node_exporter's textfile collector."""


class ReporterSettings(Section):
    """Somebody other than the agency who is told about hits, when `sigfed hit report --to` says so."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    """By which it is named on the command line and in what is kept."""
    kind: Annotated[str, Field(min_length=1, max_length=64)]
    """`ncmec`, `webhook`, or the name of an installed package's reporter."""
    send_hash: bool = False
    """Whether it is told the hash that met."""
    send_name: bool = False
    """Whether it is told the name of the file."""
    ca_file: Path | None = None
    """Certificates of authorities that count beside the system's."""
    options: dict[str, str | int | bool | tuple[str, ...]] = Field(default_factory=dict)
    """What the kind needs to know; secrets by the paths of private files alone."""


def _named_once(reporters: tuple[ReporterSettings, ...]) -> tuple[ReporterSettings, ...]:
    # What was told is kept by name: two of a name would each pass for the other.
    if len({each.name for each in reporters}) < len(reporters):
        raise ValueError("two reporters have the same name")
    return reporters


class AgentSettings(ConnectionLimits):
    """The local daemon, `sigfed agent` and `sigfed icap`; as many connections at each of its doors."""

    connections_per_address: Annotated[int, Field(ge=1, le=65_535)] = 128
    """Of another machine, when those may connect: it sends for many people."""
    roots: tuple[Path, ...] = ()
    """Folders below which files may be looked at by their path, beside those of `--root`."""
    max_file_mib: Annotated[int, Field(ge=1, le=2048)] = 64
    """Of a file that is sent: it is held in memory."""
    jobs: Annotated[int, Field(ge=0, le=256)] = 0
    """Processes that hash; 0: as many as there are processors."""
    update_minutes: Annotated[int, Field(ge=0, le=1440)] = 60
    """Between two updates of its own; 0: it makes none."""
    bearer_file: Path | None = None
    """A private file with what a request over HTTP must show."""
    hosts: tuple[str, ...] = ()
    """Names under which HTTP is reached, beside those of the loopback."""
    contact: Annotated[str, Field(max_length=500)] = ""
    """Where people object to a file that the ICAP service blocked: a sentence, an address."""
    beyond_loopback: bool = False
    """Whether addresses that other machines reach may be listened on."""


class HitSettings(Section):
    """What is told of hits."""

    tell_resolutions: bool = True
    """Whether the agency is told what became of the file of a hit that was reported to it."""


class DisclosedLookupSettings(Section):
    """PDQ values that are shown to the agency in the clear, by `sigfed disclose`."""

    enabled: bool = False
    """Whether they may be."""


class RetentionSettings(Section):
    """For how long is kept what is finished; what is not finished is kept."""

    hit_days: Annotated[int, Field(ge=0, le=36_500)] = 365
    """Hits with their receipts, after what became of the file was recorded; 0: for ever."""


class ConsoleSettings(ConsoleListener):
    """The partner's own console, `sigfed console run`."""

    port: Annotated[int, Field(ge=1, le=65535)] = 8466
    url: Annotated[str, Field(pattern=CONSOLE_URL)] = "http://localhost:8466/"


class PartnerSettings(Section):
    """Everything a partner's client is told by its operator."""

    cover: Cover = Cover.BEAT
    """Whether what is sent to the agency's node depends on what was found: `beat` no, `off` yes."""
    agent: AgentSettings = AgentSettings()
    console: ConsoleSettings = ConsoleSettings()
    hooks: HookSettings = HookSettings()
    metrics: MetricsSettings = MetricsSettings()
    reporters: Annotated[tuple[ReporterSettings, ...], AfterValidator(_named_once)] = ()
    hits: HitSettings = HitSettings()
    disclosed_lookup: DisclosedLookupSettings = DisclosedLookupSettings()
    retention: RetentionSettings = RetentionSettings()
    group: GroupChoice = "fastest"
    """What does the group arithmetic: `fastest` is the kernel where it was compiled and passes its self-test."""


def load_partner_settings(folder: Path) -> PartnerSettings:
    """What `partner.toml` in the partner's folder (`Home.folder`) says; the defaults without the file.

    Raises:
        ConfigError: it is not TOML, a value or key is not allowed, or others than its owner could have written it.
    """
    path = folder / PARTNER_NAME
    try:
        with path.open("rb") as file:
            _refuse_of_others(path, os.fstat(file.fileno()))  # of what is read, whatever lies there by now
            text = file.read().decode()
    except FileNotFoundError:
        return PartnerSettings()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError("{path} cannot be read", path) from exc
    return parse_as(PartnerSettings, text, source=str(path))


def _refuse_of_others(path: Path, found: os.stat_result) -> None:
    """It names programs that run as this user: whoever can write it is this user."""
    if found.st_uid not in {0, os.geteuid()}:
        raise ConfigError(
            "{path} belongs to another user",
            path,
            hint=Message("chown it to the partner's user: {path}", path),
        )
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise ConfigError("{path} can be written by others", path, hint=Message("chmod go-w {path}", path))
