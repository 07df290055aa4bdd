"""A certificate authority for the length of a box, so that TLS can be tried without touching the machine's trust."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path


class LocalAuthority:
    """
    A throw-away authority with one server certificate for the loopback host.

    Attributes:
        server_context: For the gateways.
        client_context: For clients: trusts this authority and nothing else.
        ca_file: Path of the authority's certificate in PEM, for clients that want a file.

    Raises:
        RuntimeError: The extra ``tls`` is not installed.
    """

    def __init__(self) -> None:
        try:
            import trustme  # an extra: nobody without TLS tests should need it
        except ImportError:
            raise RuntimeError("Sandbox(tls=True) needs the trustme package: pip install 'nexevo[tls]'") from None
        authority = trustme.CA()
        self.server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(self.server_context)
        self.client_context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
        self._folder = tempfile.TemporaryDirectory(prefix="nexevo-sandbox-")
        self.ca_file = str(Path(self._folder.name) / "ca.pem")
        authority.cert_pem.write_to_path(self.ca_file)

    def close(self) -> None:
        """Delete the file."""
        self._folder.cleanup()
