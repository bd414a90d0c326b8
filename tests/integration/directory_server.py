"""A real OpenLDAP on loopback: people of ``dc=example,dc=com``, a group, and Keycloak's account."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certificates import Issued
from component import Component, Server, free_ports, listens

HOST = "ldap.example.com"
"""The name in its certificate. It is in no DNS: profiles give it as ``server_name``."""
SUFFIX = "dc=example,dc=com"
PEOPLE, GROUP = f"ou=people,{SUFFIX}", f"cn=domino-users,ou=groups,{SUFFIX}"
ACCOUNT, PASSWORD = f"cn=domino,ou=services,{SUFFIX}", "s3cret-of-domino"
_ROOT = f"cn=admin,{SUFFIX}"
_MODULES = "/usr/lib/ldap"
_SCHEMA = "/etc/ldap/schema"

_CONFIG = """
include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/inetorgperson.schema
modulepath {modules}
moduleload back_mdb
moduleload memberof
pidfile {directory}/slapd.pid
TLSCACertificateFile {directory}/ca.pem
TLSCertificateFile {directory}/own.pem
TLSCertificateKeyFile {directory}/key.pem
{protocols}
database config
rootdn cn=config
rootpw {password}
database mdb
suffix {suffix}
rootdn {root}
rootpw {password}
directory {directory}/data
overlay memberof
access to attrs=userPassword by anonymous auth by * none
{access}
"""
MODERN = "TLSCipherSuite NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"
"""In GnuTLS's words, which Debian's is built with: without it, it speaks TLS 1.0 as well."""
READABLE = f'access to * by dn.exact="{ACCOUNT}" read by * none'
"""What the account may see: everything. Nobody else sees anything."""

_ENTRIES = f"""
dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{SUFFIX}
objectClass: organizationalUnit
ou: groups

dn: ou=services,{SUFFIX}
objectClass: organizationalUnit
ou: services

dn: {ACCOUNT}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: domino
userPassword: {PASSWORD}

dn: uid=ana,{PEOPLE}
objectClass: inetOrgPerson
uid: ana
cn: Ana Example
givenName: Ana
sn: Example
mail: ana@example.com

dn: uid=bob,{PEOPLE}
objectClass: inetOrgPerson
uid: bob
cn: Bob Example
givenName: Bob
sn: Example
mail: bob@example.com

dn: {GROUP}
objectClass: groupOfNames
cn: domino-users
member: uid=ana,{PEOPLE}
"""


def find_slapd() -> str | None:
    """The server's program; Debian has it where ordinary users' PATH does not lead."""
    found = shutil.which("slapd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found if found and shutil.which("ldapadd") and Path(_SCHEMA).is_dir() else None


class Directory(Server):
    """OpenLDAP, running while the context is open."""

    def __init__(
        self,
        program: str,
        root: Issued,
        own: Issued | None = None,
        access: str = READABLE,
        protocols: str = MODERN,
    ) -> None:
        super().__init__()
        (self.folder / "data").mkdir(mode=0o700)
        plain, tls = free_ports(2)
        self.plain, self.tls = f"127.0.0.1:{plain}", f"127.0.0.1:{tls}"
        self.ca_file = self.folder / "ca.pem"
        self.ca_file.write_bytes(root.pem)
        self._password = secrets.token_hex(16)
        own = own or root.issue(HOST, HOST)
        (self.folder / "own.pem").write_bytes(own.pem)
        (self.folder / "key.pem").write_bytes(own.key_pem)
        config = _CONFIG.format(
            schema=_SCHEMA, modules=_MODULES, directory=self.folder, suffix=SUFFIX, root=_ROOT,
            password=self._password, access=access, protocols=protocols,
        )  # fmt: skip
        (self.folder / "slapd.conf").write_text(config)
        addresses = f"ldap://{self.plain} ldaps://{self.tls}"
        command = [program, "-d", "0", "-f", str(self.folder / "slapd.conf"), "-h", addresses]
        self.process = Component(command, self.folder, lambda: listens(plain))
        self.components = [self.process]

    def fill(self) -> None:
        """Add its entries, not by slapadd, or memberOf stays empty."""
        self.add(_ENTRIES)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It keeps its connections and answers nothing."""
        self.process.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send(signal.SIGCONT)

    def add(self, entries: str) -> None:
        """Add entries, in LDIF."""
        self._run("ldapadd", entries)

    def modify(self, changes: str) -> None:
        """Change entries, in LDIF."""
        self._run("ldapmodify", changes)

    def _run(self, program: str, text: str) -> None:
        command = [program, "-x", "-H", f"ldap://{self.plain}", "-D", _ROOT, "-w", self._password]
        subprocess.run(command, input=text.encode(), check=True, capture_output=True, timeout=30)
