"""One environment: how to reach it, its thresholds. Models, a module a section, and the loader."""

from domino_health.profile.errors import Problem, ProfileError
from domino_health.profile.loader import Loaded, load
from domino_health.profile.models import Profile

__all__ = ["Loaded", "Problem", "Profile", "ProfileError", "load"]
