"""Hosts on this machine: network namespaces on one bridge, each with an address and a name.

Needs root. What runs in one sees the others' servers only over the wire, and no file of theirs is
asked for: they share the address of the database, nothing else.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.servers import ROOT

SUBNET = "10.77.{}"
_BECOME = 'hostname "$0" && exec "$@"'


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@dataclass
class Host:
    """One namespace; `cable` is its end of the wire on this machine."""

    name: str
    cable: str
    address: str
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Run a command there, under the host's own name."""
        inside = ["unshare", "--uts", "sh", "-c", _BECOME, self.name, *command]
        self.running.append(
            subprocess.Popen(
                ["ip", "netns", "exec", self.name, *inside],
                cwd=ROOT,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    def kill(self) -> int:
        """SIGKILL everything there; returns how many processes that were."""
        told = subprocess.run(
            ["ip", "netns", "pids", self.name], check=True, capture_output=True, text=True
        )
        pids = [int(pid) for pid in told.stdout.split()]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self.running:
            process.wait(10)
        self.running.clear()
        return len(pids)

    def vanish(self) -> int:
        """As by a cut cable and a dead power supply: nobody hears a goodbye."""
        _ip("link", "delete", self.cable)
        return self.kill()


class Net:
    """The bridge; `gateway` is this machine's address on it."""

    def __init__(self) -> None:
        self._number = os.getpid() % 250 + 1
        self._bridge = f"mktb{self._number}"
        self.gateway = f"{SUBNET.format(self._number)}.1"
        self.range = f"{SUBNET.format(self._number)}.0/24"
        self.hosts: list[Host] = []

    @contextlib.contextmanager
    def up(self) -> Iterator["Net"]:
        _ip("link", "add", self._bridge, "type", "bridge")
        try:
            _ip("addr", "add", f"{self.gateway}/24", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")
            yield self
        finally:
            for host in list(self.hosts):
                self.remove(host)
            _ip("link", "delete", self._bridge)

    def add(self) -> Host:
        """Another host on the bridge."""
        place = len(self.hosts) + 1
        name = f"host{self._number}-{place}"
        address = f"{SUBNET.format(self._number)}.{10 + place}"
        host = Host(name, f"mktv{self._number}-{place}", address)
        _ip("netns", "add", name)
        self.hosts.append(host)
        _ip("link", "add", host.cable, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", host.cable, "master", self._bridge, "up")
        inside = ("netns", "exec", name, "ip")
        _ip(*inside, "addr", "add", f"{address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip(*inside, "link", "set", device, "up")
        return host

    def remove(self, host: Host) -> None:
        """Kill what runs there and take the namespace away."""
        host.kill()
        _ip("netns", "delete", host.name)
        self.hosts.remove(host)
