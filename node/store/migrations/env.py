"""How alembic runs: on the connection and in the transaction it is handed, never from its command line."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=False)
context.run_migrations()
