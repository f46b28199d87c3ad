"""What a web server answers, byte for byte, and one poll of it."""

import asyncio

FEED = b"<rss version='2.0'><channel><title>Harbour news</title></channel></rss>"
PLAIN = {
    "host",
    "connection",
    "user-agent",
    "accept",
    "accept-encoding",
}  # fields of a first poll


def ok(body=FEED, *fields, status="200 OK"):
    """A well-made answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def redirect(status, location):
    """An answer that sends elsewhere."""
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def poll(fetcher, serve, *scripts, limits=None, **how):
    """What one poll of a server with these scripts gives, and the server."""

    async def run():
        async with serve(*scripts) as server, fetcher(**(limits or {})) as door:
            return await door.get(server.url, **{"allow_private": True} | how), server

    return asyncio.run(run())
