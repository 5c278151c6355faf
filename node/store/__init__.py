"""What a node keeps: its tables (SQLModel, SQLite or PostgreSQL), and what seals values and files."""
