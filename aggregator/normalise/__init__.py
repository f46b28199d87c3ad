"""Entries to reports: whose they are, by which keys they are known again, and in clean text.

In come a `Parsed` and the settings of its source; out come `Report` values, the same for the same input. It
never knows where the bytes came from, what a story is, SQL or the clock.
"""
