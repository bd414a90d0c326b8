"""The company's proxy between here and a server, as the environment names it: for curl, and so for us."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit, urlunsplit


def proxy_for(url: str) -> str:
    """The proxy by which a URL is reached, by HTTP_PROXY, HTTPS_PROXY and NO_PROXY; empty: none.

    What is on this machine is never a proxy's to reach, whatever the environment says: the end of a tunnel,
    say. May have a password in it: ``shown`` has not.
    """
    from requests.utils import get_environ_proxies, select_proxy

    if _is_loopback(urlsplit(url).hostname or ""):
        return ""
    proxy = str(select_proxy(url, get_environ_proxies(url)) or "")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def shown(proxy: str) -> str:
    """A proxy, fit to be shown: without the user and password that may stand in it."""
    parts = urlsplit(proxy)
    return urlunsplit((parts.scheme, re.sub(r"^.*@", "", parts.netloc), "", "", ""))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
