"""Everything that knows SQL: one module a noun, functions that take an open transaction.

``database`` opens, migrates and gives transactions; ``engines`` knows how SQLite and PostgreSQL differ;
``schema`` says what is in each table and why; ``transfer`` takes a whole database to another address. The
others read and write one noun each: ``reports``, ``sketches``, ``stories``, ``sources``. ``retention`` lets
go of what is old in all of them, ``tenancy`` keeps a second service out, ``backup`` makes a whole copy.
"""
