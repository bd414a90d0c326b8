"""The table of facts: what the pack's checks may ask for, beside the suite's own facts."""

from acme_checks.licences import Licence, licences
from domino_health import fact

acme_licences = fact("acme_licences", licences, Licence, section="acme")
