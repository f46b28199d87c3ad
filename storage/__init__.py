"""Everything that knows SQL: one module a noun, functions that take an open transaction.

``database`` opens, migrates and gives transactions; ``schema`` says what is in each table and why; the others
read and write one noun each: ``reports``, ``bands``, ``stories``, ``sources``.
"""
