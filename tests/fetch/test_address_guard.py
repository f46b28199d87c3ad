"""Which addresses may be dialled, and that nothing else is."""

import asyncio
import socket
from ipaddress import IPv6Address

import pytest
from answers import ok, redirect
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import AddressRefused, FetchError
from aggregator.fetch import address_guard
from aggregator.fetch.address_guard import refusal

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "198.17.255.255",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001:80e::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "198.18.0.1",
    "::1",
    "fc00::1",
    "fdff::1",
    "fec0::1",
    "::ffff:127.0.0.1",
    "::ffff:192.168.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "ff0e::1",
    "4000::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address):
    """Public addresses may be dialled by every source."""
    assert refusal(address) is None
    assert refusal(address, allow_private=True) is None


@pytest.mark.parametrize("address", PRIVATE)
def test_private(address):
    """Private networks, and this machine, may be dialled only by a source that says so."""
    assert refusal(address)
    assert refusal(address, allow_private=True) is None


@pytest.mark.parametrize("address", NEVER)
def test_never(address):
    """What no feed can live at may be dialled by nobody."""
    assert refusal(address)
    assert refusal(address, allow_private=True)


@pytest.mark.parametrize(
    "text", ["", "localhost", "2130706433", "0x7f000001", "127.1", "0177.0.0.1", "1.2.3.4.5", "٣.٣.٣.٣"]
)
def test_no_address(text):
    """What is no address in its plain form is refused; it is never guessed at."""
    assert refusal(text, allow_private=True) == "no IP address"


@given(st.ip_addresses())
def test_never_wider_than_the_standard_library(address):
    """What `ipaddress` knows to be no public unicast address is refused to a source without allow_private."""
    inner = address_guard._ipv4_inside(address)
    if refusal(str(address)) is None:
        kinds = (
            "is_multicast",
            "is_reserved",
            "is_loopback",
            "is_link_local",
            "is_private",
            "is_unspecified",
        )
        assert inner.is_global
        assert not any(getattr(inner, kind) for kind in kinds)


@given(st.ip_addresses(v=4))
def test_ipv4_in_ipv6(address):
    """An IPv4 address is judged alike however it is dressed, or refused in that dress."""
    plain = refusal(str(address), allow_private=True)
    number = int(address)
    assert refusal(str(IPv6Address(0xFFFF_0000_0000 | number)), allow_private=True) == plain
    assert refusal(str(IPv6Address((0x64_FF9B << 96) | number)), allow_private=True) == plain
    assert refusal(str(IPv6Address((0x2002 << 112) | (number << 80))), allow_private=True)
    if number > 1:
        assert refusal(str(IPv6Address(number)), allow_private=True)


def test_outside_any_poll_nothing_private_is_dialled():
    """A socket that is asked for outside `dialling` gets the strict rules."""
    entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))
    with pytest.raises(PermissionError, match=r"127\.0\.0\.1 is this machine"):
        address_guard.open_socket(entry)


OK = ok(b"ok")


@pytest.fixture
def public_loopback(monkeypatch):
    """127.0.0.2 counts as a public address, as there is no other to test with."""

    def judge(address, *, allow_private=False):
        return None if address == "127.0.0.2" else refusal(address, allow_private=allow_private)

    monkeypatch.setattr(address_guard, "refusal", judge)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "0.0.0.0",
        "0",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "%31%32%37.0.0.1",
    ],
)
def test_no_way_to_this_machine(serve, fetcher, host):
    """However this machine is written, a public source does not reach it, and no connection is made."""

    async def run():
        async with serve(OK) as server, fetcher() as door:
            with pytest.raises(FetchError) as caught:
                await door.get(f"http://{host}:{server.port}/")
            return caught.value, server.requests

    error, requests = asyncio.run(run())
    assert requests == []
    assert "no connection" not in str(error)  # it was not even tried


def test_allowed(serve, fetcher):
    """A source with allow_private reaches this machine, over IPv6 too; others on the same fetcher do not."""

    async def run():
        async with serve(OK, host="::1") as six, serve(OK) as four, fetcher() as door:
            for server in (six, four):
                assert (await door.get(server.url, allow_private=True)).body == b"ok"
                with pytest.raises(AddressRefused, match=r"is this machine.*set allow_private"):
                    await door.get(server.url)
            await asyncio.gather(*(door.get(four.url, allow_private=True) for _ in range(5)))
            polls = (door.get(four.url, allow_private=bool(number % 2)) for number in range(6))
            results = await asyncio.gather(*polls, return_exceptions=True)
            assert [isinstance(result, AddressRefused) for result in results] == [True, False] * 3
            return len(four.requests)

    assert asyncio.run(run()) == 1 + 5 + 3


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:{port}/", "http://[::1]:{port}/", "http://inner.example:{port}/"]
)
def test_redirect_inwards(serve, fetcher, names, public_loopback, target):
    """A public source is not redirected into this machine, by address or by name."""

    async def run():
        async with serve(OK) as inner:
            script = redirect(302, target.format(port=inner.port))
            async with (
                serve(script, host="127.0.0.2") as outer,
                fetcher(resolver=names(["127.0.0.1"])) as door,
            ):
                with pytest.raises(AddressRefused, match="is this machine"):
                    await door.get(outer.url)
                return len(outer.requests), inner.requests

    assert asyncio.run(run()) == (1, [])


def test_rebinding(serve, fetcher, names, public_loopback):
    """A name that is public at first and this machine afterwards reaches it at no hop."""

    async def run():
        resolver = names(["127.0.0.2"], ["127.0.0.1"])
        async with (
            serve(OK) as inner,
            serve(redirect(302, "/again"), host="127.0.0.2", port=inner.port) as outer,
        ):
            async with fetcher(resolver=resolver) as door:
                with pytest.raises(
                    AddressRefused, match=r"^rebind\.example:\d+: .*127\.0\.0\.1 is this machine"
                ):
                    await door.get(f"http://rebind.example:{inner.port}/feed")
            return len(outer.requests), inner.requests, len(resolver.asked)

    assert asyncio.run(run()) == (1, [], 2)


@pytest.mark.parametrize(
    "order", [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"], ["::1", "127.0.0.2"]]
)
def test_mixed_answers(serve, fetcher, names, public_loopback, order):
    """Of a name's addresses the public one is dialled and the private one is not, whatever their order."""

    async def run():
        async with serve(OK) as inner, serve(OK, host="127.0.0.2", port=inner.port) as outer:
            async with fetcher(resolver=names(order)) as door:
                answer = await door.get(f"http://mixed.example:{inner.port}/feed")
            return answer.body, len(outer.requests), inner.requests

    assert asyncio.run(run()) == (b"ok", 1, [])


def test_all_refused(fetcher, names):
    """When several addresses are refused the error names them."""

    async def run():
        async with fetcher(resolver=names(["10.0.0.1", "192.168.0.1", "::1"])) as door:
            await door.get("https://inner.example/feed")

    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1 is a private network; "):
        asyncio.run(run())


def test_table_is_in_order():
    """No row of the table hides a narrower one below it."""
    rows = [network for network, _, _ in address_guard._TABLE]
    for place, network in enumerate(rows):
        for later in rows[place + 1 :]:
            assert later.version != network.version or not later.subnet_of(network), (later, network)
