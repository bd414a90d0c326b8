"""What a kubelet says when it puts a pod out of its node, in short: what the checks of that share."""

import re

# By the kubelet's words: "The node was low on resource: memory. Threshold quantity: 100Mi, available: …".
LOW_ON = re.compile(r"low on resource: ([\w/-]+(?:\.[\w/-]+)*)|had condition: \[(\w+)\]")
PRESSURE = {
    "memory": "memory pressure on its node",
    "MemoryPressure": "memory pressure on its node",
    "ephemeral-storage": "disk pressure on its node",
    "DiskPressure": "disk pressure on its node",
    "inodes": "disk pressure on its node",
    "pids": "PID pressure on its node",
    "PIDPressure": "PID pressure on its node",
}
USED_UP = re.compile(
    r"[Uu]sage of EmptyDir volume|exceeds? (?:its|the) (?:local )?(?:ephemeral|total)|ephemeral local storage"
)
SHUT_DOWN = re.compile(r"node shutdown|[Nn]ode is shutting")
CRITICAL = re.compile(r"admit critical pod")


def cause(words: str) -> str:
    """What a kubelet says why, in short; empty where it says nothing that is known."""
    if found := LOW_ON.search(words):
        return PRESSURE.get(found[1] or found[2], f"too little {found[1] or found[2]} on its node")
    if USED_UP.search(words):
        return "more disk than it may use"
    if SHUT_DOWN.search(words):
        return "its node was shut down"
    if CRITICAL.search(words):
        return "its node made room for a critical pod"
    return ""
