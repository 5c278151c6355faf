"""What a scan found, for people and programs: a page, a sheet, JSON lines, JUnit. Nothing in them is a digest."""
