"""What is kept of CA bundles: by what an API server trusts webhooks, and the servers of other APIs."""

import msgspec

from domino_health.facts.api import Kubernetes, ListMeta
from domino_health.facts.tls import Certificate
from domino_health.vocabulary import Ref


class ServiceName(Kubernetes, frozen=True):
    """The Service behind a webhook, or behind an API."""

    namespace: str = ""
    name: str = ""


class BundleMeta(Kubernetes, frozen=True):
    """``metadata`` of what has a bundle."""

    name: str


class ClientConfig(Kubernetes, frozen=True):
    """How a webhook is called."""

    ca_bundle: bytes | None = None
    service: ServiceName | None = None
    """None: by its URL, and trusted by the API server's own roots where there is no bundle."""


class Webhook(Kubernetes, frozen=True):
    """One of a configuration."""

    name: str
    client_config: ClientConfig = ClientConfig()
    failure_policy: str = "Fail"
    """``Fail``: what it is to look at is refused while it cannot be called; or ``Ignore``."""


class WebhookConfiguration(Kubernetes, frozen=True):
    """A ValidatingWebhookConfiguration or a MutatingWebhookConfiguration."""

    metadata: BundleMeta
    webhooks: tuple[Webhook, ...] | None = ()


class WebhookConfigurationList(Kubernetes, frozen=True):
    """A page of them."""

    metadata: ListMeta
    items: list[WebhookConfiguration]


class ApiServiceSpec(Kubernetes, frozen=True):
    """``spec`` of an APIService."""

    service: ServiceName | None = None
    """None: the API server serves it itself."""
    ca_bundle: bytes | None = None
    insecure: bool = msgspec.field(name="insecureSkipTLSVerify", default=False)


class ApiService(Kubernetes, frozen=True):
    """An API that another server answers for: metrics-server, for one."""

    metadata: BundleMeta
    spec: ApiServiceSpec = ApiServiceSpec()


class ApiServiceList(Kubernetes, frozen=True):
    """A page of APIServices."""

    metadata: ListMeta
    items: list[ApiService]


class CaBundle(msgspec.Struct, frozen=True, omit_defaults=True):
    """By what an API server trusts whom it calls. Webhooks of a configuration share one, mostly."""

    cluster: str
    kind: str
    """``validatingwebhookconfiguration``, ``mutatingwebhookconfiguration`` or ``apiservice``."""
    name: str
    """Of the object."""
    service: str = ""
    """``namespace/name`` of who is called; empty for a URL."""
    webhooks: tuple[str, ...] = ()
    """Those that use it."""
    needed: bool = True
    """Whether something is refused while it does not fit: not for webhooks that are ignored then."""
    certificates: tuple[Certificate, ...] = ()
    problem: str = ""
    """Why it cannot be used at all: none is there, or what is there is no certificate."""

    @property
    def ref(self) -> Ref:
        """The object that has it."""
        return Ref(self.cluster, self.kind, "", self.name)
