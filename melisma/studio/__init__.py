"""The studio: a server with a job queue and a library, and the page in which songs are made.

`tables` says what is kept, `shapes` what is sent. `jobs`, `library` and `access` are verbs over a database session;
`routes/` gives them addresses; `worker` is the process that plays; `supervisor` keeps it alive; `app` puts all of it
together. The database is the only place that processes share, so a killed process loses nothing.
"""
