"""Being found at home: the address of this machine on the local network, and a picture of it for a phone's camera."""

import io
import socket

import psutil
import segno

# Addresses to bind that nobody else can type.
EVERYWHERE = (None, "0.0.0.0", "::", "127.0.0.1", "localhost", "::1")
# Never asked: a connectionless socket only looks up which way it would send.
SOMEWHERE = ("192.0.2.1", 9)


def lan_address() -> str | None:
    """The IPv4 address at which others on the network find this machine; None without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(SOMEWHERE)
            found: str = probe.getsockname()[0]
        except OSError:
            found = "0.0.0.0"
    if not found.startswith(("127.", "0.")):
        return found
    # A network without a way out, as between two machines on one cable.
    for name, entries in sorted(psutil.net_if_addrs().items()):
        for entry in entries:
            if entry.family == socket.AF_INET and not entry.address.startswith("127.") and is_up(name):
                return str(entry.address)
    return None


def is_up(interface: str) -> bool:
    """Whether a network interface is in use."""
    stats = psutil.net_if_stats().get(interface)
    return bool(stats and stats.isup)


def url_at(host: str, port: int) -> str:
    """The address to type; IPv6 in brackets."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def qr_text(text: str) -> str:
    """A QR code in half blocks, as wide as a terminal has room for; light on dark reads as well as dark on light."""
    picture = io.StringIO()
    segno.make(text, error="m", micro=False).terminal(out=picture, compact=True)
    return picture.getvalue()


def qr_rows(text: str) -> list[str]:
    """A QR code as rows of 1 (dark) and 0, without the quiet zone around it."""
    return ["".join(str(int(bool(dot))) for dot in row) for row in segno.make(text, error="m", micro=False).matrix]


def invitation(port: int, passcode: str | None, host: str | None = None) -> str:
    """What `melisma studio --lan` prints: the address, its picture, and the passcode of the first account."""
    address = lan_address() if host in EVERYWHERE else host
    if address is None:
        return "This machine is on no network: connect it, then start the studio again."
    url = url_at(address, port)
    lines = [qr_text(url).rstrip("\n"), "", f"On another device in this network: {url}"]
    if passcode:
        lines += [f"Passcode for the first account: {passcode}"]
    return "\n".join(lines)
