"""POST to an address that an administrator named, and to no other place.

Such an address could be meant for a machine behind our own wall (server-side request forgery), so
the name is looked up here, every address it has must be a public one, and the connection goes to
the very address that was looked at: a name that answers otherwise a moment later changes nothing.
Redirects are not followed. The address itself is a secret (whoever knows a Slack address may write
there), so no failure ever quotes more of it than the host.
"""

import ipaddress
import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from sync.domain.delivery import Failure, Rejected, Throttled, Transient, retry_after

Resolve = Callable[..., list[Any]]
LONGEST_ANSWER = 2000
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Not the receiver's last word about the message: it may well take it later.
_LATER = frozenset({408, 421, 425})


class Poster:
    """Sends to public addresses over TLS. `allow_private` lets it reach any, over plain HTTP too.

    It goes there directly, past any proxy of the environment: a proxy would look the name up again.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        timeout: float = 10.0,
        resolve: Resolve = socket.getaddrinfo,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._http = httpx.Client(
            timeout=httpx.Timeout(timeout, connect=5.0),
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            headers={"User-Agent": "mkterp"},
        )

    def close(self) -> None:
        self._http.close()

    def post(self, address: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send it. Raises Transient, Throttled (wait), or Rejected (a person decides)."""
        url = self._parsed(address)
        request = self._http.build_request(
            "POST",
            url.copy_with(host=self._address_of(url)),
            content=body,
            headers={**headers, "Host": url.netloc.decode("ascii")},
            extensions={"sni_hostname": url.host},
        )
        try:
            answer = self._http.send(request, stream=True)
            try:
                said = _beginning(answer)
            finally:
                answer.close()
        except httpx.HTTPError as error:
            raise Transient(f"{url.host} did not answer: {type(error).__name__}") from None
        if not answer.is_success:
            raise _failure(url.host, answer, said)

    def _parsed(self, address: str) -> httpx.URL:
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            raise Rejected("The address is not a URL.") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise Rejected("The address must begin with https:// and name a host.")
        if url.userinfo:
            raise Rejected("The address must not hold a user name or password.")
        if url.scheme == "http" and not self._allow_private:
            raise Rejected(f"The address of {url.host} must begin with https://.")
        return url

    def _address_of(self, url: httpx.URL) -> str:
        """The first of the host's addresses; refused unless all of them are public."""
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = self._resolve(url.host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Transient(f"There is no host called {url.host}.") from None
        addresses = [ipaddress.ip_address(one[4][0].partition("%")[0]) for one in found]
        if not addresses:
            raise Transient(f"There is no host called {url.host}.")
        if not self._allow_private and not all(is_public(one) for one in addresses):
            raise Rejected(
                f"{url.host} leads to a private address. Set NOTIFY_PRIVATE_ADDRESSES=1 if it "
                f"stands in your own network."
            )
        return str(addresses[0])


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether it belongs to the internet at large, also when an IPv4 one is wrapped in IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.sixtofour is not None or address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast


def _beginning(answer: httpx.Response) -> str:
    """The first words of an answer, however long it goes on."""
    taken = b""
    for chunk in answer.iter_bytes():
        taken += chunk
        if len(taken) >= LONGEST_ANSWER:
            break
    text = taken[:LONGEST_ANSWER].decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]


def _failure(host: str, answer: httpx.Response, said: str) -> Failure:
    words = f"{host} answered {answer.status_code}{f': {said}' if said else ''}"
    if answer.status_code == 429:
        asked = retry_after(answer.headers.get("Retry-After", ""), datetime.now(UTC))
        return Throttled(words, asked)
    if answer.status_code >= 500 or answer.status_code in _LATER:
        return Transient(words)
    if answer.is_redirect:
        return Rejected(f"{words}. Give the address that it leads to.")
    return Rejected(words)
