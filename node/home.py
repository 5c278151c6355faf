"""Where everything of an agency's node, and of a partner's client, lies inside its home folder."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from node.files import is_temporary, sweep_temporaries, try_locked
from node.names import CONFIG_NAME

if TYPE_CHECKING:  # the help of all commands loads no settings
    from node.config import Settings

_HOLDERS: Final = "holders"
_FURTHER: Final = "followed"


@dataclass(frozen=True, slots=True)
class Home:
    """One folder, one node (or one partner's client)."""

    folder: Path
    further: str = ""
    """Of a client that follows several subsets, the folder of one that is not its first."""

    @classmethod
    def default(cls) -> "Home":
        """The platform's data folder for this program."""
        from platformdirs import user_data_path  # noqa: PLC0415 - most commands name their folder

        return cls(user_data_path("sigfed", appauthor=False))

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / CONFIG_NAME

    @property
    def keys(self) -> Path:
        """Key files of the running node."""
        return self.folder / "keys"

    @property
    def offline_keys(self) -> Path:
        """Root and targets keys, until their holders take them away."""
        return self.keys / "offline"

    @property
    def ring(self) -> Path:
        """Which online keys there are, and where each is in its life."""
        return self.folder / "ring.json"

    @property
    def trust(self) -> Path:
        """The node's own signed trust files, and its certificate."""
        return self.folder / "trust"

    @property
    def introductions(self) -> Path:
        """Trust files of members, as they were introduced."""
        return self.folder / "members"

    @property
    def objects(self) -> Path:
        """The object store."""
        return self.folder / "objects"

    @property
    def moved_objects(self) -> Path:
        """What is left of the folder of objects that are in a bucket now, until it is deleted."""
        return self.folder / "objects-moved"

    @property
    def moving(self) -> Path:
        """Says where a move of the objects goes that has not ended."""
        return self.folder / "objects-moving.json"

    @property
    def filters(self) -> Path:
        """Known-benign sets, as keyed hashes."""
        return self.folder / "filters"

    @property
    def signer(self) -> Path:
        """State of the log signer."""
        return self.folder / "signer"

    @property
    def database(self) -> Path:
        """The SQLite file, when no DSN is configured."""
        return self.folder / "sigfed.db"

    @property
    def moved_database(self) -> Path:
        """That file when its tables are in another database, until it is deleted."""
        return self.folder / "sigfed.db-moved"

    @property
    def restored(self) -> Path:
        """Says that this home came out of a backup and may not serve yet."""
        return self.folder / "restored.json"

    @property
    def scratch(self) -> Path:
        """What a backup that is being written holds fast; nothing otherwise."""
        return self.folder / "backup-scratch"

    @property
    def scratch_lock(self) -> Path:
        """Held by the backup that is being written."""
        return self.folder / "backup.lock"

    def asking(self, pin: bytes) -> "Home":
        """The folder of this agency as a client of the member whose root begins with `pin`."""
        return Home(self.folder / _HOLDERS / pin.hex())

    @property
    def askers(self) -> Iterator["Home"]:
        """All of those that there are."""
        yield from map(Home, (self.folder / _HOLDERS).glob("*"))

    @property
    def agency(self) -> Path | None:
        """The folder of the node that this one is a client of; None for a partner's own."""
        return self.folder.parents[1] if self.folder.parent.name == _HOLDERS else None

    @property
    def partner(self) -> Path:
        """State of an enrolled partner."""
        return self.folder / _FURTHER / self.further if self.further else self.folder / "partner"

    @property
    def followed(self) -> tuple["Home", ...]:
        """This client, once for each subset that it follows: they share its settings, and nothing else."""
        found = sorted(path.name for path in (self.folder / _FURTHER).glob("[!.]*"))
        return (Home(self.folder), *(Home(self.folder, name) for name in found))

    @property
    def entering(self) -> "Home":
        """This client while it enrols for a further subset, whose name it does not know yet."""
        return Home(self.folder, ".new")

    def following(self, origin: str) -> "Home":
        """This client with the further subset of this origin."""
        return Home(self.folder, origin.replace("/", "+"))

    def sweep(self) -> int:
        """Delete what processes that were killed left here, temporary files and backups; returns how many files."""
        trees = (self.objects, self.trust, self.introductions)
        swept = sum(sweep_temporaries(tree, below=True) for tree in trees)
        for top, inner, names in os.walk(self.folder):
            folder = Path(top)
            inner[:] = [name for name in inner if folder / name not in trees]
            if any(is_temporary(folder / name) for name in names):
                swept += sweep_temporaries(folder)
        return swept + self._sweep_scratch()

    def _sweep_scratch(self) -> int:
        """What a backup held fast by a second name, openings too that were shredded since."""
        if not self.scratch.exists():
            return 0
        with try_locked(self.scratch_lock) as free:
            if not free:
                return 0
            found = sum(len(names) for _, _, names in os.walk(self.scratch))
            shutil.rmtree(self.scratch)
        return found


def store_dsn(home: Home, settings: "Settings") -> str:
    """Where the tables are: as configured, else SQLite in the home folder."""
    return settings.store.dsn or f"sqlite:///{home.database}"
