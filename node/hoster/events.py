"""What follows an update of a partner's client: the operator's programs, with facts, and what monitoring reads."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keys.errors import SigfedError
from node.clock import Clock, SystemClock, milliseconds, moment_of
from node.errors import NodeError
from node.home import Home
from node.hoster.folder import PartnerFolder
from node.hoster.hooks import Facts, Hooks
from node.hoster.release.last_update import LastUpdate, keep_last_update
from node.hoster.release.update import UpdateReport
from node.hoster.settings import load_partner_settings
from node.hoster.status import PartnerStatus, read_partner_status

FAILURES: Final = (SigfedError, OSError)
"""What an update may end with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """What the operator of the client in `home` wants to have done; everything gives words about what went wrong."""

    home: Home
    hooks: Hooks
    textfile: Path | None
    """What monitoring reads."""
    clock: Clock

    @classmethod
    def of(cls, home: Home, *, clock: Clock | None = None) -> "Events":
        """As `partner.toml` says; raises `ConfigError`, before anything is fetched, when it says nonsense."""
        settings = load_partner_settings(home.folder)
        return cls(
            home=home,
            hooks=Hooks(settings.hooks),
            textfile=settings.metrics.textfile,
            clock=clock or SystemClock(),
        )

    def updated(self, report: UpdateReport) -> Iterator[str]:
        """An update went well."""
        self._keep(LastUpdate(at_ms=milliseconds(self.clock.now())))
        if report.new != report.old:
            changed = {"old": report.old, "added": report.added, "removed": report.removed}
            yield from self.hooks.updated({**self._facts(), **changed})
        yield from self._outdated()
        yield from self._measured()

    def failed(self, error: BaseException) -> Iterator[str]:
        """An update failed with one of `FAILURES`."""
        hint = getattr(error, "hint", "")
        said = error.message if isinstance(error, SigfedError) else str(error)
        with suppress(*FAILURES):  # where rows are damaged nothing is kept, and it is told all the same
            self._keep(LastUpdate(at_ms=milliseconds(self.clock.now()), error=said, hint=hint))
        what = {"error": type(error).__name__, "message": str(error)}
        yield from self.hooks.failed({**self._facts(), **what})
        yield from self._outdated()
        yield from self._measured()

    def _keep(self, last: LastUpdate) -> None:
        if PartnerFolder(self.home.partner).exists:  # where nobody is enrolled, nothing is begun
            keep_last_update(self.home.partner, last)

    def _measured(self) -> Iterator[str]:
        if self.textfile is None:
            return
        from node.hoster.metrics import write_metrics  # noqa: PLC0415 - few want it

        try:
            write_metrics(self.home, self.textfile, clock=self.clock)
        except NodeError as exc:
            yield f"monitoring was not told: {exc}"

    def _outdated(self) -> Iterator[str]:
        now = self._standing()
        if now is not None and now.version and milliseconds(self.clock.now()) >= now.not_after_ms:
            yield from self.hooks.outdated(self._facts())

    def _facts(self) -> Facts:
        now = self._standing()
        if now is None:
            return {}
        return {
            "partner": now.enrolment.partner,
            "subset": now.enrolment.subset,
            "version": now.version,
            "entries": now.entries,
            "valid_until": _time(now.not_after_ms),
            "usable_until": _time(now.usable_until_ms),
        }

    def _standing(self) -> PartnerStatus | None:
        try:
            return read_partner_status(self.home, clock=self.clock)
        except FAILURES:
            return None  # what is damaged is told by the update itself


def _time(time_ms: int) -> str:
    return moment_of(time_ms).isoformat(timespec="seconds") if time_ms else ""
