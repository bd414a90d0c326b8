"""A real SimpleSAMLphp on loopback, behind stunnel: an identity provider that signs its metadata."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

import requests
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certificates import authority, write_bundle
from component import Component, Server, free_ports, listens
from domino_health.lab.saml_documents import SigningKey

HOME = Path("/usr/share/simplesamlphp")
PERSON, PASSWORD = "ana", "s3cret-of-ana"
ATTRIBUTES = {"mail": "ana@example.com", "givenName": "Ana", "surname": "Example"}

_CONFIG = """<?php
$config = [
    'baseurlpath' => '{url}/simplesaml/',
    'certdir' => '{folder}/cert/', 'loggingdir' => '{folder}/log/', 'datadir' => '{folder}/data/',
    'tempdir' => '{folder}/tmp', 'metadatadir' => '{folder}/metadata/',
    'secretsalt' => '{salt}', 'auth.adminpassword' => '{salt}', 'timezone' => 'UTC',
    'technicalcontact_name' => 'Nobody', 'technicalcontact_email' => 'nobody@example.com',
    'logging.level' => SimpleSAML\\Logger::NOTICE, 'logging.handler' => 'file',
    'logging.logfile' => 'simplesamlphp.log',
    'enable.saml20-idp' => true,
    'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
    'session.duration' => 28800, 'session.cookie.secure' => true, 'session.cookie.samesite' => 'None',
    'session.phpsession.cookiename' => 'SimpleSAML', 'store.type' => 'phpsession',
    'session.phpsession.savepath' => '{folder}/tmp',
    'metadata.sources' => [['type' => 'flatfile']],
    'metadata.sign.enable' => {signed},
    'metadata.sign.privatekey' => 'metadata.key', 'metadata.sign.certificate' => 'metadata.pem',
];
"""
_SOURCES = """<?php
$config = ['people' => ['exampleauth:UserPass',
    '{person}:{password}' => [{attributes}],
]];
"""
_IDP = """<?php
$metadata['{entity}'] = ['host' => '__DEFAULT__', 'privatekey' => 'first.key', 'certificate' => 'first.pem',
    {further}
    'auth' => 'people', 'saml20.sign.response' => true, 'saml20.sign.assertion' => true,
    'signature.algorithm' => '{algorithm}',
    'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
];
"""
_STUNNEL = """foreground = yes
pid =
[https]
accept = {accept}
connect = {connect}
cert = {folder}/own.pem
"""
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"


@dataclass(frozen=True)
class Programs:
    """What it takes."""

    php: str
    stunnel: str


def find_simplesaml() -> Programs | None:
    """PHP and stunnel, where SimpleSAMLphp is installed as Debian does."""
    php, stunnel = shutil.which("php"), shutil.which("stunnel4") or shutil.which("stunnel")
    return Programs(php, stunnel) if php and stunnel and (HOME / "www").is_dir() else None


class IdentityProvider(Server):
    """SimpleSAMLphp, running while the context is open."""

    def __init__(
        self,
        programs: Programs,
        keys: tuple[SigningKey, ...],
        *,
        signer: SigningKey | None = None,
        algorithm: str = RSA_SHA256,
    ) -> None:
        """``keys``: by which it signs responses, now and next; ``signer``: of its metadata."""
        super().__init__()
        for name in ("cert", "log", "data", "tmp", "metadata", "config", "root"):
            (self.folder / name).mkdir(mode=0o700)
        plain, tls = free_ports(2)
        self.url = f"https://localhost:{tls}"
        self.address = f"127.0.0.1:{tls}"
        self.entity_id = f"{self.url}/idp"
        root = authority()
        self.ca_file = write_bundle(self.folder / "ca.pem", root)
        own = root.issue("localhost", "localhost", "127.0.0.1")
        (self.folder / "own.pem").write_bytes(own.key_pem + own.pem)
        for name, key in zip(("first", "second"), keys, strict=False):
            self._keep(name, key)
        if signer:
            self._keep("metadata", signer)
        following = "'new_privatekey' => 'second.key', 'new_certificate' => 'second.pem',"
        attributes = ", ".join(f"'{name}' => ['{value}']" for name, value in ATTRIBUTES.items())
        written = {
            "config/config.php": _CONFIG.format(
                url=self.url,
                folder=self.folder,
                salt=secrets.token_hex(16),
                signed="true" if signer else "false",
            ),
            "config/authsources.php": _SOURCES.format(
                person=PERSON, password=PASSWORD, attributes=attributes
            ),
            "metadata/saml20-idp-hosted.php": _IDP.format(
                entity=self.entity_id, further=following if len(keys) > 1 else "", algorithm=algorithm
            ),
            "stunnel.conf": _STUNNEL.format(
                accept=self.address, connect=f"127.0.0.1:{plain}", folder=self.folder
            ),
        }
        for name, text in written.items():
            (self.folder / name).write_text(text)
        (self.folder / "root" / "simplesaml").symlink_to(HOME / "www")
        serve = [programs.php, "-d", "error_reporting=E_ALL & ~E_DEPRECATED", "-d", "display_errors=0"]
        serve += ["-S", f"127.0.0.1:{plain}", "-t", str(self.folder / "root")]
        environment = {
            "SIMPLESAMLPHP_CONFIG_DIR": str(self.folder / "config"),
            "PHP_CLI_SERVER_WORKERS": "2",
        }
        self.process = Component(serve, self.folder, lambda: listens(plain), environment)
        tunnel = Component(
            [programs.stunnel, str(self.folder / "stunnel.conf")], self.folder, lambda: listens(tls)
        )
        self.components = [self.process, tunnel]

    def _keep(self, name: str, key: SigningKey) -> None:
        private = key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / "cert" / f"{name}.key").write_bytes(private)
        (self.folder / "cert" / f"{name}.pem").write_bytes(key.pem)

    @property
    def metadata_url(self) -> str:
        """Where it publishes its metadata."""
        return f"{self.url}/simplesaml/saml2/idp/metadata.php"

    def metadata(self) -> bytes:
        """What it publishes now."""
        answer = requests.get(self.metadata_url, verify=str(self.ca_file), timeout=30)
        answer.raise_for_status()
        return answer.content
