"""Keys that open at once instead of in half a second, in every process that has this folder on its path."""

from keys.keyfile import OFFLINE, ONLINE

for profile in (OFFLINE, ONLINE):
    for field, cost in (("time_cost", 1), ("memory_kib", 64), ("lanes", 1)):
        object.__setattr__(profile, field, cost)
