"""Polls feeds and drop folders, sees which reports tell the same story, and serves each story once."""

__version__ = "0.1.0"
