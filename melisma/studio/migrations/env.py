"""Alembic's entrance: runs migrations on the engine it is given."""

from alembic import context

from melisma.studio.tables import Base

with context.config.attributes["engine"].connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
