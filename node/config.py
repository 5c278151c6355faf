"""The configuration file of a node: one TOML file, read here and nowhere else.

Every field has a safe default or is required; unknown keys are refused by name, so that a misspelt setting cannot
silently do nothing. Secrets are never in the file, only the paths of files that hold them.
"""

import tomllib
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from keys.message import Message
from node.errors import ConfigError, NotInitialisedError, no_node
from node.names import CONFIG_NAME, OUTBOUND_NAME, SIGNER_CONFIG_NAME, GroupChoice

_BUCKET = r"^(s3://[a-z0-9][a-z0-9.-]+[a-z0-9](/[A-Za-z0-9_][A-Za-z0-9._-]*)*/?)?$"  # a prefix as names of objects are
_NODE_NAME = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$"


class Section(BaseModel):
    """A table of a configuration file: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid", frozen=True)


SectionT = TypeVar("SectionT", bound=Section)


class ConnectionLimits(Section):
    """How many connections a listener has at a time, and who speaks for others."""

    connections: Annotated[int, Field(ge=1, le=65_535)] = 512
    connections_per_address: Annotated[int, Field(ge=1, le=65_535)] = 64
    """From one IPv4 address or IPv6 /64; addresses of this machine count in all alone."""
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Proxies in TCP mode: each connection from there begins with a PROXY header of version 2."""


class Listener(ConnectionLimits):
    """A listener for HTTP, and how much strangers may ask of it."""

    requests_per_address: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    """A minute, without a token that was verified lately; at a console all that come from there."""
    requests_at_once: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    """Of them in a moment, after a quiet time."""


class Listen(Listener):
    """Where the node listens and how others reach it."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8443
    url: str
    """Public base URL, `https://…/`; it is part of the signed node document."""
    agency_certificates: Literal["required", "optional"] = "required"
    """Whether agencies must present the TLS key of their node document when they ask for a token."""


class StoreSettings(Section):
    """Where tables and objects live. Credentials of a bucket come from the environment (`AWS_…`)."""

    dsn: str = ""
    """Empty: SQLite in the home folder. PostgreSQL: `postgresql+psycopg://user@host/database`."""
    objects: Annotated[str, Field(pattern=_BUCKET)] = ""
    """Empty: a folder of the home. A bucket: `s3://BUCKET/PREFIX`."""
    objects_endpoint: Annotated[str, Field(pattern=r"^(https?://[A-Za-z0-9._:\[\]-]+/?)?$")] = ""
    """Address of the S3 store; empty: as the environment says (`AWS_ENDPOINT_URL`)."""
    objects_region: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]*$")] = ""
    """Empty: as the environment says (`AWS_REGION`)."""
    objects_ca_file: Path | None = None
    """PEM file of the authority that signed its certificate, beside those of the system."""


_STORE_KEYS: Final = frozenset(StoreSettings.model_fields)


class Secrets(Section):
    """Files that hold passphrases (one line each); without them the CLI asks."""

    passphrase_file: Path | None = None
    root_passphrase_file: Path | None = None
    person_passphrase_file: Path | None = None
    """Of the one person who works at this machine; others are asked."""
    backup_passphrase_file: Path | None = None
    """Of the backups that this node writes."""

    @property
    def paths(self) -> tuple[Path | None, ...]:
        """All of them: none goes into a backup."""
        return (
            self.passphrase_file,
            self.root_passphrase_file,
            self.person_passphrase_file,
            self.backup_passphrase_file,
        )


class Schedule(Section):
    """How often the running node acts by itself, in minutes; 0 switches a job off."""

    sync_minutes: Annotated[int, Field(ge=0, le=10_080)] = 10
    publish_minutes: Annotated[int, Field(ge=0, le=10_080)] = 5
    release_minutes: Annotated[int, Field(ge=0, le=10_080)] = 60
    cosign_minutes: Annotated[int, Field(ge=0, le=10_080)] = 10


class Guards(Section):
    """What a node may change a day before a person looks at it; a first sync is not counted.

    This node's document announces it for its own lists, and no peer's node gets more of it here.
    """

    max_adds_per_day: Annotated[int, Field(ge=1)] = 200_000
    max_withdraws_per_day: Annotated[int, Field(ge=1)] = 2_000
    max_disputes_per_day: Annotated[int, Field(ge=1)] = 500
    max_checkpoint_age_hours: Annotated[int, Field(ge=1)] = 168

    @property
    def max_checkpoint_age(self) -> timedelta:
        """How long the word of a peer or witness counts that is not renewed."""
        return timedelta(hours=self.max_checkpoint_age_hours)


class WitnessSettings(Section):
    """How many members must have cosigned a peer's head before it is followed."""

    quorum: Annotated[int, Field(ge=-1, le=1024)] = -1
    """-1: as many as the members register says; 0: none, so that a peer can show this node a list of its own."""

    @property
    def required(self) -> int | None:
        """The number that replaces the register's; None to go by the register."""
        return None if self.quorum < 0 else self.quorum


class ApprovalSettings(Section):
    """What takes two persons."""

    days: Annotated[int, Field(ge=1, le=90)] = 7
    """For so long a request can be approved."""


class CaseSettings(Section):
    """Disputes of partners."""

    answer_days: Annotated[int, Field(ge=1, le=90)] = 7
    """Within so many days the agency answers; the partner is told the date."""


class RetentionSettings(Section):
    """For how long is kept what is finished; what is not finished is kept."""

    report_days: Annotated[int, Field(ge=0, le=36_500)] = 730
    """Reports of partners with receipts, resolutions and cases, after the last that happened; 0: for ever."""
    proposal_days: Annotated[int, Field(ge=0, le=36_500)] = 365
    """Proposals of partners with their hashes, after the last of their files was decided; 0: for ever."""


class FloodSettings(Section):
    """When an entry is set before a person because partners report it far more often than any other."""

    reports: Annotated[int, Field(ge=1)] = 100
    """More reports than this,"""
    partners: Annotated[int, Field(ge=1)] = 3
    """of more partners than this,"""
    hours: Annotated[int, Field(ge=1, le=8760)] = 24
    """within so many hours."""


class ProposalSettings(Section):
    """Hashes that partners propose for review."""

    enabled: bool = True
    """Off: no proposal is taken; what was taken is still told of."""


class DisclosedLookupSettings(Section):
    """PDQ values that partners show in the clear, to learn which are near an entry."""

    enabled: bool = False
    """Off: none is answered, whoever was allowed some."""


class RecipientSettings(Section):
    """Recipients of raw digests."""

    enabled: bool = False
    """Off: nobody can fetch anything, whoever was accredited."""


class Outbound(Section):
    """How connections to others go out. Variables of the environment (`HTTPS_PROXY`) are not looked at."""

    proxy: Annotated[str, Field(pattern=r"^(http://([A-Za-z0-9.-]+|\[[0-9a-f:.]+\]):[0-9]{1,5}/?)?$")] = ""
    """`http://HOST:PORT` of a proxy that opens tunnels (CONNECT); empty: there is none."""
    credentials_file: Path | None = None
    """Private file with one line `USER:PASSWORD` for it."""


class SignerSettings(Section):
    """The process that signs for this node."""

    socket: Path | None = None
    """Where it listens; without it the node opens its keys itself."""


class MetricsSettings(Section):
    """A listener for monitoring."""

    enabled: bool = False
    host: str = "127.0.0.1"
    """There is no TLS and no password on it: whoever reaches it reads it."""
    port: Annotated[int, Field(ge=1, le=65535)] = 9844


class OidcSettings(Section):
    """The agency's own sign-in (OpenID Connect), beside passkeys."""

    issuer: Annotated[str, Field(pattern=r"^(https://|http://(localhost|127\.0\.0\.1)[:/])[!-~]+$")]
    """Exactly as the provider writes it."""
    client_id: Annotated[str, Field(min_length=1, max_length=255)]
    client_secret_file: Path | None = None
    """Private file; without it the client is a public one."""
    scope: str = "openid"
    claim: str = "sub"
    """What a person is known by there: something that nobody can choose for himself."""
    persons: dict[str, str] = {}
    """The claim's value → the name of the person here; whoever is not named does not come in."""
    proves: bool = False
    """Whether signing in there counts as showing a passkey: only where the provider asks for as much each time."""


CONSOLE_URL: Final = r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?/?$"


class ConsoleListener(Listener):
    """Where a console listens, and where people open it."""

    requests_at_once: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    host: str = "127.0.0.1"
    """Anything but this machine takes a certificate."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8444
    url: Annotated[str, Field(pattern=CONSOLE_URL)] = "http://localhost:8444/"
    """Where people open it; `http` only on localhost. Passkeys are bound to its name, so it is no IP address."""
    certificate_file: Path | None = None
    key_file: Path | None = None
    """PEM files for TLS, where no proxy before the console ends it."""

    @model_validator(mode="after")
    def _must_be_private(self) -> Self:
        """Passkeys, cookies and what the pages say go over nothing that others can read."""
        parts = urlsplit(self.url)
        name = parts.hostname or ""
        if name.replace(".", "").isdigit():
            raise ValueError("url: passkeys are bound to a name, and this is an IP address")
        if parts.scheme == "http" and name != "localhost" and not name.endswith(".localhost"):
            raise ValueError("url: anything but localhost is reached by https")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file belong together")
        if self.host not in {"127.0.0.1", "::1", "localhost"} and self.certificate_file is None:
            raise ValueError("host: a console that others reach takes certificate_file and key_file")
        return self


class ConsoleSettings(ConsoleListener):
    """The console: pages for people, on a listener of its own."""

    enabled: bool = False
    oidc: OidcSettings | None = None


class Settings(Section):
    """Everything a node is told by its operator."""

    node: Annotated[str, Field(pattern=_NODE_NAME, max_length=120)]
    """DNS-like name, for ever: it is the first part of every origin."""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    profile: Literal["small", "full"] = "small"
    root_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Fingerprint of the root it was founded with, so that another file in its place is noticed; empty in old files."""
    listen: Listen
    store: StoreSettings = StoreSettings()
    secrets: Secrets = Secrets()
    schedule: Schedule = Schedule()
    guards: Guards = Guards()
    witnesses: WitnessSettings = WitnessSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    cases: CaseSettings = CaseSettings()
    retention: RetentionSettings = RetentionSettings()
    floods: FloodSettings = FloodSettings()
    proposals: ProposalSettings = ProposalSettings()
    disclosed_lookup: DisclosedLookupSettings = DisclosedLookupSettings()
    recipients: RecipientSettings = RecipientSettings()
    outbound: Outbound = Outbound()
    signer: SignerSettings = SignerSettings()
    metrics: MetricsSettings = MetricsSettings()
    console: ConsoleSettings = ConsoleSettings()
    group: GroupChoice = "fastest"
    """What does the group arithmetic: `fastest` is the kernel where it was compiled and passes its self-test."""


class SignerFile(Section):
    """Everything a signer process is told: `signer.toml` in its own folder, where the node cannot write."""

    node: Annotated[str, Field(pattern=_NODE_NAME, max_length=120)]
    root_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Fingerprint of the root that the node was founded with: under it the files that it signs about are judged."""
    socket: Path | None = None
    """Where it listens; by default `socket` in its folder."""
    user: str = ""
    """The user that the node runs as, when it is another than the signer's."""
    passphrase_file: Path | None = None


def load_signer(folder: Path) -> SignerFile:
    """Read the configuration of the signer process in `folder`; raises as `load` does."""
    path = folder / SIGNER_CONFIG_NAME
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        return SignerFile.model_validate(fields)
    except FileNotFoundError as exc:
        raise NotInitialisedError(
            "no signer lives in {folder}",
            folder,
            hint="make one from the node's folder: sigfed signer split FOLDER",
        ) from exc
    except ValidationError as exc:
        raise _invalid(exc, str(path)) from exc
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError("{path} cannot be read", path) from exc


def load(home: Path) -> Settings:
    """Read the configuration of the node that lives in `home`.

    Raises:
        NotInitialisedError: there is no configuration file.
        ConfigError: it is not TOML, or a value or key is not allowed; the text names the key.
    """
    path = home / CONFIG_NAME
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as exc:
        raise no_node(home) from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError("{path} cannot be read", path) from exc
    return parse(text, source=str(path))


def load_outbound(folder: Path) -> Outbound | None:
    """What `outbound.toml` in `folder` says; None without the file.

    Raises:
        ConfigError: it is not TOML, or a value or key is not allowed.
    """
    return read_optional(Outbound, folder / OUTBOUND_NAME)


def read_optional(kind: type[SectionT], path: Path) -> SectionT | None:
    """What a configuration file says; None when there is no such file.

    Raises:
        ConfigError: it cannot be read, is not TOML, or a value or key is not allowed; the text names the key.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError("{path} cannot be read", path) from exc
    return parse_as(kind, text, source=str(path))


def parse_as(kind: type[SectionT], text: str, *, source: str) -> SectionT:
    """What a TOML text says; raises as `parse`."""
    return validated(kind, _fields(text, source=source), source=source)


def parse(text: str, *, source: str) -> Settings:
    """The settings in a TOML text; `source` names it in errors.

    Raises:
        ConfigError: not TOML, or a value or key is not allowed.
    """
    return validate(_fields(text, source=source), source=source)


def _fields(text: str, *, source: str) -> Mapping[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError("{source}: {reason}", source, exc, hint="correct the line it names") from exc


def validate(fields: Mapping[str, object], *, source: str) -> Settings:
    """The settings with these values; `source` names them in errors.

    Raises:
        ConfigError: a value or key that is not allowed.
    """
    return validated(Settings, fields, source=source)


def validated(kind: type[SectionT], fields: Mapping[str, object], *, source: str) -> SectionT:
    """A section with these values; `source` names it in errors.

    Raises:
        ConfigError: a value or key that is not allowed; the text names the key.
    """
    try:
        return kind.model_validate(fields)
    except ValidationError as exc:
        raise _invalid(exc, source) from exc


def _invalid(error: ValidationError, source: str) -> ConfigError:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return ConfigError(
        "{source}: {where}: {reason}", source, where, first["msg"], hint="see docs/reference/config.md"
    )


def with_store(home: Path, store: StoreSettings) -> str:
    """The text of the configuration in `home` with other settings of `[store]`, and all else as somebody wrote it.

    Raises:
        ConfigError: it is written in a way into which they cannot be put; the text says what to write.
    """
    path = home / CONFIG_NAME
    keys = {name: value for name, value in store.model_dump(mode="json").items() if value}
    said = [f"{name} = {_toml(value)}" for name, value in keys.items()]
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    first = lines.index("[store]") if "[store]" in lines else len(lines)
    last = next((at for at in range(first + 1, len(lines)) if lines[at].startswith("[")), len(lines))
    kept = [line for line in lines[first + 1 : last] if line.partition("=")[0].strip() not in _STORE_KEYS]
    made = "\n".join(
        [*lines[:first], *([] if first < len(lines) else [""]), "[store]", *said, *kept, *lines[last:]]
    )
    wanted = load(home).model_copy(update={"store": store})
    try:
        if parse(made, source=str(path)) == wanted:
            return f"{made}\n"
    except ConfigError:
        pass
    raise ConfigError(
        "{path} cannot be changed",
        path,
        hint=Message("write [store] as a table of its own: {lines}", "; ".join(said)),
    )


def render(settings: Settings | SignerFile) -> str:
    """The settings as TOML that `parse` reads back."""
    tables = settings.model_dump(mode="json", exclude_none=True)
    plain = {name: value for name, value in tables.items() if not isinstance(value, dict)}
    lines = [f"{name} = {_toml(value)}" for name, value in plain.items()]
    for table, fields in tables.items():
        if isinstance(fields, dict) and fields:
            lines += ["", f"[{table}]"]
            lines += [f"{name} = {_toml(value)}" for name, value in fields.items()]
    return "\n".join(lines) + "\n"


def _toml(value: str | int | list[str]) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, int):
        return str(value).lower()  # a bool is an int, and TOML writes it small
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
