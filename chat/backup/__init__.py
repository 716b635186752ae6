"""A backup: a folder with the database, the files, and a manifest that is written last.

    taking.py      database ─► files ─► manifest            while everything runs
    restoring.py   checked ─► files ─► database, at once    into an empty installation
    databases.py   each engine by its own means: SQLite's backup, pg_dump and pg_restore
    manifest.py    what a backup says of itself

The database comes first: a file is there before the row that names it, so every row of the copy has its file, unless it
was deleted while the files were copied. Redis is not in it: sessions come back from SQL. Keys are not in it either
(docs/backup.md).
"""
