"""The canonical form of an address, by which two reports are seen to be one.

It is for comparing and never for opening: the address that is shown and followed is the one the source gave.
Unified are http and https, the letter case of the host, ``www.``, ``m.`` and ``amp.``, the default port, AMP
paths and caches, percent-encoding, dot segments, the trailing slash, the order of parameters. Gone are user
names, fragments (except those that route, ``#!/…`` and ``#/…``) and parameters that only track the reader.
Links that lead through a counter are unwrapped where the target stands in the link itself; where it does not
(FeedBurner), the address stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, quote, unquote_to_bytes, urlsplit

LONGEST = 4096
"""Characters of the longest address that is looked at."""

_SUBDOMAINS = frozenset({"www", "www2", "m", "mobile", "amp"})
_PASSES = 20  # most addresses inside one another, and the last pass that finds nothing to do
_HOST = re.compile(r"[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]")
_SESSION = re.compile(r";(?:jsessionid|phpsessid|sessionid|sid)=[^/;]*", re.IGNORECASE)
_ESCAPE = re.compile(r"(%[0-9A-Fa-f]{2})")
_AMP_SUFFIX = re.compile(r"\.amp(\.html?)?$")
_WEB = ("http://", "https://")
_AMP_CACHE = re.compile(r"/(?:[acirv]/)?(?:s/)?([^/]+\..*)", re.DOTALL)

_TRACKERS = """
    gclid gclsrc dclid wbraid gbraid _ga _gl srsltid usqp
    fbclid fref twclid ttclid igshid igsh li_fat_id yclid ysclid msclkid wprov
    mkt_tok ck_subscriber_id sfmc_sub sfmc_id vgo_ee ss_email_id
    ref ref_src ref_url referrer referer refsrc trk trkinfo spm scm share sharetype sr_share sh
    cmp cmpid cmpref campaign campaign_id icid ncid ocid dgcid taid xtor xtref xtcr ito smid smtyp emc
    partner s_cid sref rssfeed feedname feedtype traffic_source guccounter guce_referrer guce_referrer_sig
    phpsessid jsessionid sessionid __twitter_impression amp_js_v amp_gsa amp_lite _amp_ct
"""  # a line each: advertisements, social networks, mail, shops, newsrooms (two lines), sessions and AMP
_TRACKING = frozenset(_TRACKERS.split())
_TRACKING_PREFIXES = (
    *("utm_", "at_", "ns_", "mc_", "fb_", "hsa_", "_hs", "pk_", "piwik_", "mtm_", "matomo_", "wt_", "itm_"),
    *("oly_", "vero_", "ga_", "tblci", "sc_", "algo_", "aff_"),
)
_CHANNEL = frozenset({"source", "src", "from", "via", "mod", "f", "feed", "output", "outputtype", "feature"})
_CHANNEL_VALUES = re.compile(
    r"(?:rss|feeds?|atom|amp|xml|share[a-z]*|newsletter|twitter|facebook|youtu\.be)[0-9]?(?:[_-].{0,40})?",
    re.IGNORECASE,
)
_AMP_PARAMETERS = frozenset({"amp", "_amp", "isamp"})

_COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    # host: path, and the parameter that holds the target
    "google.com": ("/url", ("url", "q")),
    "bing.com": ("/news/apiclick.aspx", ("url",)),
    "l.facebook.com": ("/l.php", ("u",)),
    "facebook.com": ("/l.php", ("u",)),
    "vk.com": ("/away.php", ("to",)),
}

_HOME = re.compile(
    r"/(?:(?:index|default|home)(?:\.[a-z]{2,5})?"
    r"|(?:feeds?|rss2?|atom)(?:\.(?:xml|rss|atom|rdf|php|json))?"
    r"|[a-z]{2}(?:[-_][a-z]{2})?)?",
    re.IGNORECASE,
)


@lru_cache(maxsize=1024)  # an entry's address is looked at four times, and is often its guid too
def canonical(url: str | None) -> str | None:
    """The form in which two addresses of one page are equal; None where it is no web address.

    It is always ``https://…``, and its own canonical form.
    """
    address = url
    for _ in range(_PASSES):
        made = _once(address)
        if made is None or made == address:
            return made
        address = made
    return None


def identifies(url: str | None) -> bool:
    """Whether the address tells one report from others: the home page of a site and its feed do not."""
    address = canonical(url)
    if address is None:
        return False
    parts = urlsplit(address)
    return bool(parts.query or parts.fragment or not _HOME.fullmatch(parts.path or "/"))


def host(url: str | None) -> str | None:
    """The host of the canonical form, without a port (``bbc.co.uk``)."""
    address = canonical(url)
    return urlsplit(address).hostname if address else None


def _once(url: str | None) -> str | None:
    """One step nearer to the canonical form: what is inside a wrapped address, or the address in order."""
    parts = _split(url)
    name = _host(parts) if parts is not None else None
    if parts is None or name is None:
        return None
    if inner := _unwrapped(parts, name):
        return inner
    made = f"https://{name}{_path(parts.path)}"
    if query := _query(parts.query):
        made += f"?{query}"
    if parts.fragment.startswith(("!", "/")) and parts.fragment not in ("!", "/", "!/"):
        made += f"#{_encoded(parts.fragment, '/?:@!$&()*+,;=')}"
    return made


def _split(url: str | None) -> SplitResult | None:
    if not url or len(url) > LONGEST:
        return None
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and parts.hostname
        _ = parts.port  # a port that is no number raises only when asked for
    except ValueError:
        return None
    return parts if usable else None


def _host(parts: SplitResult) -> str | None:
    name = (parts.hostname or "").rstrip(".")
    if ":" in name:
        name = f"[{name}]"
    elif not name.isascii():
        if len(name) > 253:
            return None
        try:
            name = name.encode("idna").decode("ascii").lower()
        except UnicodeError:
            return None
    if not _HOST.fullmatch(name):
        return None
    labels = name.split(".")
    if not name.startswith("["):
        labels = [label for label in labels[:-2] if label not in _SUBDOMAINS] + labels[-2:]
    port = parts.port
    return ".".join(labels) + (f":{port}" if port not in (None, 80, 443) else "")


def _path(path: str) -> str:
    """Dot segments resolved, AMP marks, session and trailing slash gone; "" for the root."""
    kept: list[str] = []
    for segment in _SESSION.sub("", _encoded(path, "/:@!$&'()*+,;=")).split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", ".", "amp"):
            kept.append(segment)
    if kept and (name := _AMP_SUFFIX.sub(r"\1", kept[-1])) != kept[-1]:
        kept[-1:] = [name] if name.strip(".") else []
    return "".join(f"/{segment}" for segment in kept)


def _query(query: str) -> str:
    """Parameters in order, without those that track. A plus is a space, as in forms."""
    pairs = []
    for piece in query.split("&"):
        name, equals, value = (
            _encoded(part.replace("+", "%20"), "/:@!$()*,;") for part in piece.partition("=")
        )
        if name and not _tracks(name.lower(), value):
            pairs.append(f"{name}={value}" if equals and value else name)
    return "&".join(sorted(pairs))


def _tracks(name: str, value: str) -> bool:
    if name in _TRACKING or name.startswith(_TRACKING_PREFIXES):
        return True
    if name in _AMP_PARAMETERS:
        return value.lower() in ("", "1", "true", "amp")
    return name in _CHANNEL and bool(_CHANNEL_VALUES.fullmatch(value))


def _encoded(text: str, safe: str) -> str:
    """With each octet written in one way: unreserved ones and ``safe`` plain, the others as %XX.

    Only an encoded slash stays encoded: it is part of a segment and does not end it.
    """
    pieces = _ESCAPE.split(text)
    for index, piece in enumerate(pieces):
        if index % 2:
            pieces[index] = quote(unquote_to_bytes(piece), safe=safe.replace("/", ""))
        elif piece:
            pieces[index] = quote(piece, safe=safe, errors="replace")
    return "".join(pieces)


def _unwrapped(parts: SplitResult, name: str) -> str | None:
    """The address inside one that only leads on: an AMP cache or a counter; None for all others."""
    site = "google.com" if name.startswith("google.") else name
    path = parts.path
    if site == "google.com" and path.startswith("/amp/"):
        name, path = "cdn.ampproject.org", path.removeprefix("/amp")
    if name.endswith("cdn.ampproject.org"):
        cached = _AMP_CACHE.fullmatch(path)
        return f"https://{cached[1]}{'?' if parts.query else ''}{parts.query}" if cached else None
    counter, names = _COUNTERS.get(site, ("", ()))
    if names and path == counter:
        given = dict(parse_qsl(parts.query))
        return next((given[key] for key in names if given.get(key, "").startswith(_WEB)), None)
    return None
