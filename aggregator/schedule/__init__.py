"""When a source is asked next, and who is left alone.

In come a source's state, its settings, what the last answer said, and `now`; out go the next poll, a pause
for a host, the request that subscribes to a hub. It never knows a socket, a body's format, SQL or the
clock. All of it is pure but `host_queue`, in which asyncio tasks wait for their turn.
"""
