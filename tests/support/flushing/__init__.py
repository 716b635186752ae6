"""Django's PostgreSQL backend, with a flush for tests: rows are deleted where there are any.

TRUNCATE of all tables takes a tenth of a second and more, after each test; most tests fill a handful.
"""
