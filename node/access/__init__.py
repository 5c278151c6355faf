"""Who may: callers, grants, quotas, and the two persons that wider ones take."""
