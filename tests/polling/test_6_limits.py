"""Point 6: every coding, every limit, redirects, addresses on every hop, and TLS; seen from the service.

What single servers do is in tests/fetch: test_fetcher, test_redirects, test_decode, test_address_guard;
hostile ones in test_hostile_servers.
"""

import gzip
import ssl
import zlib
from datetime import timedelta
from pathlib import Path

import brotli
import pytest

from aggregator.fetch.decode import zstd

CODINGS = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstd.compress}


@pytest.mark.parametrize("coding", CODINGS)
def test_codings(service, publisher, said, fresh, coding):
    """Each that is offered is understood, and the bytes on the wire are counted."""
    packed = CODINGS[coding](fresh().body)
    publisher.say(said(200, {"Content-Encoding": coding}, packed))
    assert service.poll().new == 1
    assert coding in publisher.asked[0].fields["Accept-Encoding"]
    assert service.state().bytes_received == len(packed)


@pytest.mark.parametrize(
    ("limit", "fields"),
    [
        ("max_wire_bytes", {}),
        ("max_wire_bytes", {"Transfer-Encoding": "chunked"}),
        ("max_body_bytes", {"Content-Encoding": "gzip"}),
    ],
    ids=["as said", "unsaid", "packed"],
)
def test_bytes(service, publisher, said, limit, fields):
    """A body over a limit, on the wire (whether its length was said or not) or decoded, names the limit."""
    body = bytes(2001)
    publisher.say(said(200, fields, gzip.compress(body) if "Content-Encoding" in fields else body))
    service.configure({"name": "A", "url": publisher.url()}, **{limit: 2000})
    assert f"fetch.{limit}" in str(service.poll().error)
    assert f"fetch.{limit}" in service.overview().troubles[0]


def test_at_most_five_redirects(service, publisher, said, fresh):
    """Five are followed, six are an error."""
    for hop in range(6):
        publisher.say(said(302, {"Location": f"/{hop + 1}"}), path=f"/{hop}")
    publisher.say(fresh(), path="/6")
    service.configure(
        {"name": "five", "url": publisher.url("/1")}, {"name": "six", "url": publisher.url("/0")}
    )
    assert service.poll(source=0).error is None
    assert "more than 5 redirects" in str(service.poll(source=1).error)


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:169.254.169.254]/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/feed",
    ],
)
def test_a_redirect_leads_nowhere_that_is_refused(service, publisher, said, target):
    """Not even where private addresses are allowed."""
    publisher.say(said(302, {"Location": target}))
    assert "refused" in str(service.poll().error) or "no http or https" in str(service.poll().error)


def test_private_addresses_need_leave(service, publisher, fresh):
    """By address and by a name that leads there; the remedy is said."""
    publisher.say(fresh())
    service.configure(
        {"name": "A", "url": publisher.url(), "allow_private": False},
        {"name": "B", "url": publisher.url(host="rebound.example"), "allow_private": False},
    )
    for source in (0, 1):
        error = service.poll(source=source).error
        assert "127.0.0.1 is this machine" in str(error)
        assert "set allow_private" in str(error)
    assert publisher.asked == []


def test_a_source_that_may_does_not_let_others_in(service, publisher, said, fresh):
    """A public feed that redirects inward is refused although another source may go there."""
    publisher.say(fresh())
    service.configure(
        {"name": "A", "url": publisher.url()},
        {"name": "B", "url": publisher.url(), "allow_private": False},
    )
    assert service.poll(source=0).error is None
    assert service.poll(source=1).error is not None
    assert len(publisher.asked) == 1


def test_tls_is_verified(service, tmp_path):
    """A certificate that nobody vouches for ends the poll; there is no setting against it."""
    import socket
    import threading

    certificate = Path(__file__).parents[1] / "fetch" / "self_signed.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        service.configure({"name": "A", "url": f"https://127.0.0.1:{listener.getsockname()[1]}/"})
        error = service.poll().error
        thread.join()
    assert "TLS certificate is not valid" in str(error)
    assert "certificates are always verified" in str(error)


def test_time(service, publisher, fresh):
    """The whole poll has a deadline, however often a byte comes; the error names it."""
    import time

    answer = publisher.answer

    def slowly(request) -> None:
        time.sleep(0.3)
        answer(request)

    publisher.answer = slowly
    publisher.say(fresh())
    for name, limits in {
        "first_byte_timeout": {"first_byte_timeout": 0.1},
        "timeout": {"timeout": 0.1},
    }.items():
        service.configure({"name": "A", "url": publisher.url()}, **limits)
        assert f"fetch.{name}" in str(service.poll().error)
    assert timedelta(0) < service.wait()
