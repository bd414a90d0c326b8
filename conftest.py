"""The table of facts: what checks may ask for, who looks, and what they get."""

from domino_health import fact
from domino_health.collectors import kubernetes, previous, tls
from domino_health.facts.kubernetes import Clock, Pod
from domino_health.facts.previous import PreviousRun
from domino_health.facts.tls import TlsEndpoint

clock = fact("clock", kubernetes.clock, Clock, section="clusters")
pods = fact("pods", kubernetes.pods, Pod, section="clusters")
previous_run = fact("previous", previous.previous, PreviousRun)
tls_endpoints = fact("tls_endpoints", tls.endpoints, TlsEndpoint, section="tls")
