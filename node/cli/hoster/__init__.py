"""Commands of a partner: enrol, update, look up, scan, report, propose."""
