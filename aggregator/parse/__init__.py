"""Bytes to entries, in a sandbox.

In come bytes and the kind that they are said to be (feed, page, article, robots.txt, a file's suffix); out
comes a `Parsed` of entries in plain text, cut to measure. It runs in a process that can be killed
(`sandbox`), and never knows the network, the file system, SQL or the clock.
"""
