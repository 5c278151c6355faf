"""The catalogue, SQLModel tables in SQLite or PostgreSQL, and what seals values and files."""
