"""SCHED-001: no pod waits too long for a node."""

from datetime import timedelta

import msgspec
import pytest
from checks import test_scheduling as scheduling

from builders import NOW, SAID_1_28, SAID_1_36, deployment_pod, pod
from domino_health import NODE_POOL, Assessment, Event, Finding, Node, Pod, Ref, Taint, Toleration
from domino_health.facts.kubernetes import Labels, Owner, SchedulingGate
from domino_health.facts.resources import Container, Resources
from platform_builders import event, node

MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)


def assess(*pods: Pod, **thresholds: timedelta) -> Assessment:
    return scheduling.test_pods_get_a_node_in_time(list(pods), NOW, None, None, **thresholds)


def found(*pods: Pod, **thresholds: timedelta) -> list[Finding]:
    return list(assess(*pods, **thresholds).findings)


def messages(assessment: Assessment) -> list[str]:
    return [finding.message for finding in assessment.findings]


# What is healthy


def test_pods_that_run_are_assessed_and_none_is_found_wanting() -> None:
    assessment = assess(pod("a", node="node-1"), pod("b", node="node-2"))

    assert len(assessment.population) == 2
    assert assessment.findings == ()
    assert assessment.worst == "no pod waits"


def test_without_any_pod_there_is_nothing_to_assess() -> None:
    assessment = assess()

    assert len(assessment.population) == 0
    assert assessment.findings == ()


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_counts_neither_as_waiting_nor_as_assessed(phase: str) -> None:
    # A pod that was evicted before it had a node is Failed, and has none for ever.
    assessment = assess(pod(phase=phase))

    assert len(assessment.population) == 0
    assert assessment.findings == ()


def test_a_pod_that_only_keeps_a_place_for_others_may_wait_for_ever() -> None:
    keeps = deployment_pod("overprovisioning", "a", rank=-1)

    assert (len(assess(keeps).population), found(keeps)) == (0, [])
    assert len(found(deployment_pod("web", "a", rank=0))) == 1


def test_a_pod_that_is_being_deleted_is_waited_for_by_nobody() -> None:
    assessment = assess(pod(deleted=True))

    assert len(assessment.population) == 1
    assert assessment.findings == ()


def test_a_young_pod_may_wait_and_its_wait_stands_in_every_report() -> None:
    assessment = assess(pod(age=4 * MINUTE + timedelta(seconds=12)))

    assert assessment.findings == ()
    assert assessment.worst == "longest wait 4 m 12 s of 10 m"


def test_a_pod_from_the_future_has_not_waited_at_all() -> None:
    # The clock of the cluster that made it may be ahead of the one that ages are told by.
    assessment = assess(pod(age=-5 * MINUTE))

    assert assessment.findings == ()
    assert assessment.worst == "no pod waits"


# Where the threshold lies


@pytest.mark.parametrize(
    ("age", "findings"), [(10 * MINUTE - MOMENT, 0), (10 * MINUTE, 0), (10 * MINUTE + MOMENT, 1)]
)
def test_the_threshold_itself_is_still_allowed(age: timedelta, findings: int) -> None:
    assert len(found(pod(age=age))) == findings


@pytest.mark.parametrize("resource", ["nvidia.com/gpu", "nvidia.com/mig-1g.5gb", "aws.amazon.com/neuron"])
@pytest.mark.parametrize(("age", "findings"), [(30 * MINUTE, 0), (30 * MINUTE + MOMENT, 1)])
def test_a_pod_that_asks_for_an_accelerator_may_wait_longer(
    resource: str, age: timedelta, findings: int
) -> None:
    assert len(found(pod(age=age, requests=[{resource: "1"}]))) == findings


def test_a_pod_that_asks_for_no_gpu_by_name_waits_like_any_other() -> None:
    assessment = assess(pod(age=11 * MINUTE, requests=[{"nvidia.com/gpu": "0"}]))

    assert "allowed 10 m" in messages(assessment)[0]


def test_thresholds_are_the_profiles() -> None:
    waits = pod(age=11 * MINUTE)

    assert not assess(waits, max_wait=11 * MINUTE).findings
    assert "allowed 5 m" in messages(assess(waits, max_wait=5 * MINUTE))[0]


def test_the_worst_wait_is_the_one_nearest_to_its_own_threshold() -> None:
    patient = pod("gpu", age=20 * MINUTE, requests=[{"nvidia.com/gpu": "1"}])
    urgent = pod("cpu", age=9 * MINUTE)

    assert assess(patient, urgent).worst == "longest wait 9 m of 10 m"


# What the finding says


def test_the_scheduler_of_1_36_is_explained_and_quoted() -> None:
    (message,) = messages(assess(pod(said=SAID_1_36, requests=[{"cpu": "6"}, {"cpu": "500m"}])))

    assert message == (
        "1 pod without a node for 1 h, allowed 10 m. Of 7 nodes: 2 with insufficient cpu (requested: "
        "6 + 500m), 5 with an untolerated taint. Scheduler: 0/7 nodes are available: "
        "2 Insufficient cpu, 5 node(s) had untolerated taint(s)."
    )


def test_an_older_scheduler_names_the_taint() -> None:
    (message,) = messages(assess(pod(said=SAID_1_28)))

    assert "5 with an untolerated taint (domino: platform). Scheduler: 0/7" in message
    assert "preemption" not in message


SAID = {
    "0/4 nodes are available: 1 node(s) were unschedulable, 3 node(s) had volume node affinity conflict.": (
        "Of 4 nodes: 1 cordoned, 3 in another zone than the volume. Scheduler: "
    ),
    "0/3 nodes are available: 3 node(s) didn't match PersistentVolume's node affinity. no new claims to "
    "deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.": (
        "Of 3 nodes: 3 in another zone than the volume. Scheduler: "
    ),
    "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/3 nodes are "
    "available: 3 Preemption is not helpful for scheduling.": (
        "allowed 10 m. The volume claim is not bound. Scheduler: "
    ),
    "0/3 nodes are available: 3 node(s) didn't find available persistent volumes to bind.": (
        "Of 3 nodes: 3 with no volume for the claim. Scheduler: "
    ),
    '0/3 nodes are available: persistentvolumeclaim "work" not found.': (
        "allowed 10 m. The volume claim does not exist. Scheduler: "
    ),
    '0/3 nodes are available: persistentvolumeclaim "work" is being deleted.': (
        "allowed 10 m. Its volume claim is being deleted. Scheduler: "
    ),
    "0/1 nodes are available: 1 node has pod using PersistentVolumeClaim with the same name and "
    "ReadWriteOncePod access mode.": (
        "Of 1 node: 1 where another pod has the ReadWriteOncePod volume. Scheduler: "
    ),
    "0/2 nodes are available: 2 node(s) exceed max volume count.": (
        "Of 2 nodes: 2 with no room for another volume. Scheduler: "
    ),
    "0/9 nodes are available: 9 node(s) didn't match Pod's node affinity/selector.": (
        "Of 9 nodes: 9 not matching the selector dominodatalab.com/node-pool=gpu. Scheduler: "
    ),
    "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports.": (
        "Of 2 nodes: 2 where the host port is taken. Scheduler: "
    ),
    "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints.": (
        "Of 2 nodes: 2 ruled out by topology spread. Scheduler: "
    ),
    "0/2 nodes are available: 2 Too many pods.": (
        "Of 2 nodes: 2 with as many pods as a node may have. Scheduler: "
    ),
    "0/2 nodes are available: 2 words of tomorrow.": "Of 2 nodes: 2 words of tomorrow. Scheduler: ",
    "no nodes available to schedule pods": "The cluster has no node. Scheduler: ",
    # As 1.36 says them, with what it tried beside.
    "0/1 nodes are available: 1 Insufficient cpu. still not schedulable, preemption: 0/1 nodes are "
    "available: 1 Preemption is not helpful for scheduling.": (
        "Of 1 node: 1 with insufficient cpu (requested: 1). Scheduler: 0/1 nodes are available: "
        "1 Insufficient cpu."
    ),
    "0/7 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found": (
        "The volume claim is not bound. Scheduler: 0/7 nodes are available: pod has unbound immediate "
        "PersistentVolumeClaims."
    ),
    '0/18 nodes are available: persistentvolumeclaim "lost" bound to non-existent persistentvolume '
    '"pv-lost". not found': "The volume of its claim is gone. Scheduler: ",
    'running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded': (
        "The volume of its claim was not made or attached in time. Scheduler: "
    ),
    "0/7 nodes are available: 7 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims to "
    "deallocate, preemption: 0/7 nodes are available: 7 Preemption is not helpful for scheduling.": (
        "Of 7 nodes: 7 other than the one that it is for. Scheduler: "
    ),
    "0/7 nodes are available: 7 node(s) didn't match pod anti-affinity rules. no new claims to deallocate, "
    "preemption: 0/7 nodes are available: 7 No preemption victims found for incoming pod.": (
        "Of 7 nodes: 7 ruled out by pod anti-affinity. Scheduler: "
    ),
    "0/7 nodes are available: 1 node(s) had untolerated taint(s), 6 node(s) unavailable due to "
    "PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod. no new claims to "
    "deallocate, preemption: 0/7 nodes are available: 7 Preemption is not helpful for scheduling.": (
        "Of 7 nodes: 1 with an untolerated taint, 6 where another pod has the ReadWriteOncePod volume."
    ),
    "0/17 nodes are available: 17 Insufficient cpu. no new claims to deallocate, preemption: not eligible "
    "due to a terminating pod on the nominated node.": (
        "17 with insufficient cpu (requested: 1); a node is promised to it, where a pod that gives way does "
        "not end. Scheduler: "
    ),
    "0/3 nodes are available: 3 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.": (
        "Of 3 nodes: 3 with an untolerated taint (node.kubernetes.io/not-ready). Scheduler: "
    ),
}


@pytest.mark.parametrize(("said", "explained"), SAID.items())
def test_each_cause_is_put_into_words(said: str, explained: str) -> None:
    (message,) = messages(assess(pod(said=said, selector={"dominodatalab.com/node-pool": "gpu"})))

    assert explained in message


def test_where_no_scheduler_has_looked_the_finding_asks_for_it() -> None:
    (message,) = messages(assess(pod(said=None, scheduler="volcano")))

    assert "No scheduler has looked at it; is volcano running?" in message


def test_a_scheduler_that_looks_at_nothing_is_one_finding_with_all_its_pods() -> None:
    waiting = [
        pod(f"run-{n}", said=None, labels=Labels(workload_type="Batch", hardware_tier=f"tier-{n}"))
        for n in range(4)
    ]
    runs = pod("older", node="node-1", age=timedelta(days=1))

    (finding,) = found(*waiting, runs)

    assert finding.subject == Ref("", "scheduler", "", "default-scheduler")
    assert finding.count == 4
    assert "No scheduler has looked at it; is default-scheduler running?" in finding.message


def test_a_scheduler_that_judges_younger_pods_is_not_taken_for_dead() -> None:
    # As with a resource claim that does not exist: the scheduler never says a word of it.
    silent = deployment_pod("a", "x", said=None, age=20 * MINUTE)
    younger = pod("younger", node="node-1", age=5 * MINUTE)

    (finding,) = found(silent, younger)

    assert finding.subject == Ref("", "deployment", "domino-platform", "a")
    assert "Default-scheduler has said nothing of it, though it judges younger pods" in finding.message


@pytest.mark.parametrize(
    "younger",
    [
        pod("static", node="n", age=MINUTE, owner=Owner("Node", "n", controller=True)),
        pod("gated", age=MINUTE, said="Scheduling is blocked", reason="SchedulingGated"),
    ],
    ids=["static", "gated"],
)
def test_pods_that_no_scheduler_sees_do_not_speak_for_it(younger: Pod) -> None:
    (finding,) = found(pod("a", said=None), younger)

    assert finding.subject == Ref("", "scheduler", "", "default-scheduler")


def test_another_schedulers_pods_and_another_clusters_say_nothing_of_it() -> None:
    silent = pod("a", said=None, scheduler="volcano", cluster="east")

    (finding,) = found(
        silent,
        pod("b", node="n", age=MINUTE, cluster="east"),
        pod("c", node="n", age=MINUTE, scheduler="volcano", cluster="west"),
    )

    assert finding.subject == Ref("east", "scheduler", "", "volcano")


def test_a_pod_whose_node_is_chosen_waits_for_its_volumes() -> None:
    # As with a claim that waits for its first consumer, and a provisioner that does not answer.
    (message,) = messages(assess(pod(said=None, nominated="platform-2")))

    assert (
        "Node platform-2 is chosen, and binding has not ended: see the events of its volume claims" in message
    )


INIT, SIDECAR = (
    Container(resources=Resources({"cpu": "50"})),
    Container(resources=Resources({"cpu": "6"}), restart_policy="Always"),
)


@pytest.mark.parametrize(
    ("waits", "requested"),
    [
        (pod(requests=[{"cpu": "100m"}], before=[INIT]), "(requested: 100m, or 50 by an init container)"),
        (pod(requests=[{}], before=[INIT]), "(requested: 50 by an init container)"),
        (pod(requests=[{"cpu": "6"}], before=[SIDECAR]), "(requested: 6 + 6)"),
        (pod(requests=[{"cpu": "4"}], overhead={"cpu": "5"}), "(requested: 4 + 5 overhead)"),
        (pod(requests=[{"cpu": "4"}], whole={"cpu": "60"}), "(requested: 60)"),
        (
            pod(requests=[{"cpu": "4"}], whole={"cpu": "60"}, overhead={"cpu": "5"}),
            "(requested: 60 + 5 overhead)",
        ),
        (pod(requests=[{"cpu": "4"}], whole={"memory": "1Gi"}), "(requested: 4)"),
        (pod(requests=[{}]), "insufficient cpu, 5"),
    ],
)
def test_what_a_pod_asks_for_is_what_the_scheduler_reckons_with(waits: Pod, requested: str) -> None:
    (message,) = messages(assess(waits))

    assert requested in message


def test_a_claims_own_name_makes_no_finding_of_its_own() -> None:
    said = '0/3 nodes are available: persistentvolumeclaim "data-db-{}" has words of tomorrow. not found'
    owner = Owner("StatefulSet", "db", controller=True)

    (finding,) = found(*(pod(f"db-{n}", owner=owner, said=said.format(n)) for n in range(3)))

    assert (finding.subject.name, finding.count) == ("db", 3)


def test_a_condition_without_a_message_gives_its_reason() -> None:
    (message,) = messages(assess(pod(said="", reason="SchedulerError")))

    assert message.endswith("SchedulerError")


def test_a_scheduling_gate_is_told_from_a_lack_of_room() -> None:
    said = "Scheduling is blocked due to non-empty scheduling gates"

    (message,) = messages(assess(pod(said=said, reason="SchedulingGated")))

    assert f"A scheduling gate holds it back. Scheduler: {said}" in message


# How pods are rolled up


def test_pods_of_one_deployment_are_one_finding_with_all_counted_and_three_named() -> None:
    pods = [deployment_pod("nucleus-frontend", f"zzzz{number}") for number in range(7)]

    (finding,) = found(*pods)

    assert finding.subject == Ref("", "deployment", "domino-platform", "nucleus-frontend")
    assert finding.count == 7
    assert [example.name for example in finding.examples] == [
        f"nucleus-frontend-5d9c7b8f4-zzzz{number}" for number in range(3)
    ]
    assert finding.message.startswith("7 pods without a node")


def test_executions_are_rolled_up_by_tier_and_project_not_by_their_random_names() -> None:
    small = Labels(workload_type="Workspace", hardware_tier="small-k8s", project="churn")
    large = Labels(workload_type="Workspace", hardware_tier="large-k8s", project="churn")

    findings = found(pod("run-1", labels=small), pod("run-2", labels=small), pod("run-3", labels=large))

    assert {(finding.subject.name, finding.count) for finding in findings} == {
        ("type=Workspace,tier=small-k8s,project=churn", 2),
        ("type=Workspace,tier=large-k8s,project=churn", 1),
    }


def test_the_longest_wait_speaks_for_the_group() -> None:
    (message,) = messages(
        assess(deployment_pod("a", "x", age=11 * MINUTE), deployment_pod("a", "y", age=50 * MINUTE))
    )

    assert "for up to 50 m" in message


def test_only_those_that_are_late_are_counted() -> None:
    (finding,) = found(
        deployment_pod("a", "late"),
        deployment_pod("a", "young", age=MINUTE),
        deployment_pod("a", "runs", node="node-1"),
    )

    assert finding.count == 1


def test_different_causes_of_one_subject_are_different_findings() -> None:
    findings = found(
        deployment_pod("a", "x", said="0/2 nodes are available: 2 Insufficient cpu."),
        deployment_pod("a", "y", said="0/2 nodes are available: 2 node(s) were unschedulable."),
    )

    assert len(findings) == 2
    assert len({finding.subject for finding in findings}) == 1


def test_the_same_causes_are_one_finding_whatever_the_counts_and_their_order() -> None:
    # The scheduler sorts its reasons as text, so that their order changes with the numbers in front.
    findings = found(
        deployment_pod("a", "x", said="0/7 nodes are available: 1 Insufficient cpu, 6 Insufficient memory."),
        deployment_pod("a", "y", said="0/7 nodes are available: 2 Insufficient memory, 5 Insufficient cpu."),
    )

    assert len(findings) == 1
    assert findings[0].count == 2


def test_the_same_name_in_two_clusters_is_two_findings() -> None:
    findings = found(deployment_pod("a", "x", cluster="east"), deployment_pod("a", "x", cluster="west"))

    assert sorted(finding.subject.cluster for finding in findings) == ["east", "west"]


def test_a_pod_that_nothing_owns_is_its_own_subject() -> None:
    (finding,) = found(pod("by-hand", namespace="default"))

    assert finding.subject == Ref("", "pod", "default", "by-hand")


def test_a_cronjobs_runs_are_rolled_up_to_it() -> None:
    runs = [
        pod(f"backup-2938000{n}-x", owner=Owner("Job", f"backup-2938000{n}", controller=True))
        for n in range(2)
    ]

    (finding,) = found(*runs)

    assert (finding.subject.kind, finding.subject.name, finding.count) == ("cronjob", "backup", 2)


def test_ten_thousand_waiting_pods_are_all_counted() -> None:
    pods = [
        pod(f"run-{n}", labels=Labels(workload_type="Job", hardware_tier=f"tier-{n % 50}", project="p"))
        for n in range(10_000)
    ]

    assessment = assess(*pods)

    assert len(tuple(assessment.findings)) == 50
    assert sum(finding.count for finding in assessment.findings) == 10_000


def test_whatever_a_scheduler_says_is_one_finding() -> None:
    said = "0/7 nodes are available: " + ", ".join(["1 no new claims preemption"] * 5_000)

    (message,) = messages(assess(pod(said=said)))

    assert message.startswith("1 pod without a node")


# What nodes and events add


def explained(one: Pod, nodes: list[Node] | None = None, events: list[Event] | None = None) -> str:
    (finding,) = scheduling.test_pods_get_a_node_in_time([one], NOW, nodes, events).findings
    return finding.message


def test_taints_that_the_scheduler_does_not_name_are_named_by_the_nodes() -> None:
    gpu = Taint("nvidia.com/gpu", "NoSchedule", "true")
    nodes = [node("a", tainted=[gpu]), node("b", tainted=[gpu]), node("c", cluster="other", taints=["x"])]

    named = explained(pod(said=SAID_1_36), nodes)
    assert "5 with an untolerated taint (nvidia.com/gpu=true:NoSchedule)" in named
    assert "5 with an untolerated taint (domino: platform)" in explained(pod(said=SAID_1_28), nodes)
    assert "untolerated taint (" not in explained(pod(said=SAID_1_36), [])


def test_the_taint_of_a_cordoned_node_is_not_named_for_the_scheduler_counts_it_apart() -> None:
    cordoned = node("a", cordoned=True, tainted=[Taint("node.kubernetes.io/unschedulable", "NoSchedule")])

    assert "unschedulable:NoSchedule" not in explained(pod(said=SAID_1_36), [cordoned])


def test_a_taint_that_it_tolerates_is_not_named() -> None:
    nodes = [node("a", tainted=[Taint("nvidia.com/gpu", "NoSchedule", "true")])]
    tolerant = pod(said=SAID_1_36, tolerations=[Toleration("nvidia.com/gpu", "Exists")])

    assert "nvidia.com/gpu" not in explained(tolerant, nodes)


def test_of_a_pod_of_which_no_scheduler_speaks_the_last_event_is_quoted() -> None:
    silent = pod(said=None)
    first = event("FailedCreate", "the first", of=silent, ago=9 * MINUTE)
    who = "persistentvolume-controller"
    last = event("FailedBinding", "no provisioner", of=silent, ago=MINUTE, reporter=who)
    other = event("Other", "of another", of=Ref("", "pod", "domino-compute", "other"), ago=MOMENT)

    message = explained(silent, events=[first, last, other])
    assert message.endswith(". Last event, FailedBinding of persistentvolume-controller: no provisioner")
    assert "Last event" not in explained(silent, events=[other])
    assert "Last event" not in explained(pod(said=SAID_1_36), events=[last])


def test_a_scheduling_gate_is_named() -> None:
    gated = pod(said="Scheduling is blocked due to non-empty scheduling gates", reason="SchedulingGated")
    spec = msgspec.structs.replace(gated.spec, scheduling_gates=(SchedulingGate("example.com/quota"),))

    assert "Held back by the scheduling gate example.com/quota" in explained(
        msgspec.structs.replace(gated, spec=spec)
    )


# How much is short


LARGE = {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "4", "pods": "58"}
NO_GPU = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."


def gpu_run(gpus: str, *, on: str = "", said: str = NO_GPU) -> Pod:
    asked = [{"cpu": "1", "nvidia.com/gpu": gpus}]
    selector = {NODE_POOL: "default-gpu"}
    return pod(f"run-{gpus}-{on}", said=said, node=on, requests=asked, selector=selector)


def said_of_room(nodes: list[Node], *pods: Pod) -> str:
    (message,) = messages(scheduling.test_pods_get_a_node_in_time(list(pods), NOW, nodes, None))
    return message


def test_how_much_is_free_at_most_where_it_may_go_is_told_of_its_pool() -> None:
    nodes = [
        node("a", pool="default-gpu", allocatable=LARGE),
        node("b", pool="default-gpu", allocatable=LARGE),
        node("c", pool="other", allocatable={**LARGE, "nvidia.com/gpu": "8"}),
        node("d", pool="default-gpu", allocatable=LARGE, cluster="other"),
        node("e", pool="default-gpu", allocatable=LARGE, cordoned=True),
        node("f", pool="default-gpu", allocatable=LARGE, tainted=[Taint("dedicated", "NoSchedule")]),
    ]

    message = said_of_room(nodes, gpu_run("2"), gpu_run("3", on="a"), gpu_run("4", on="b"))
    short = "2 of nvidia.com/gpu, where nodes have at most 1 free"
    assert f"(requested: 2). Short on the pool default-gpu: {short}. Scheduler: " in message


def test_where_none_is_free_it_says_so() -> None:
    nodes = [node("a", pool="default-gpu", allocatable=LARGE)]

    message = said_of_room(nodes, gpu_run("2"), gpu_run("4", on="a"))
    assert "Short on the pool default-gpu: 2 of nvidia.com/gpu, where nodes have none free" in message


@pytest.mark.parametrize(
    "nodes",
    [
        [node("a", pool="default-gpu", allocatable=LARGE)],
        [node("a", pool="other", allocatable=LARGE)],
        [],
    ],
    ids=["it would fit", "no node of its pool", "no node"],
)
def test_what_cannot_be_told_of_room_is_not_told(nodes: list[Node]) -> None:
    assert "Short" not in said_of_room(nodes, gpu_run("2"))


def test_room_is_told_of_what_is_insufficient_and_of_nothing_else() -> None:
    cordoned = gpu_run("9", said="0/1 nodes are available: 1 node(s) were unschedulable.")
    beside = deployment_pod("web", "a", said=NO_GPU, requests=[{"nvidia.com/gpu": "9"}])
    there = [node("a", pool="default-gpu", allocatable=LARGE)]

    findings = scheduling.test_pods_get_a_node_in_time([cordoned, beside], NOW, there, None).findings
    assert {each.subject.kind: "Short" in each.message for each in findings} == {
        "pod": False,
        "deployment": True,
    }


@pytest.mark.parametrize(
    "said",
    [
        "0/7 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
        "0/7 nodes are available: 7 node(s) didn't find available persistent volumes to bind.",
    ],
)
def test_where_a_claim_holds_a_pod_back_the_claims_own_event_is_quoted(said: str) -> None:
    waits = pod("web", said=said, claims=["data", "other"])
    told = [
        _of_a_claim("data", "ExternalProvisioning", "waiting for a volume to be created", ago=MINUTE),
        _of_a_claim("data", "ProvisioningFailed", "no room in zone-a", ago=2 * MINUTE),
        _of_a_claim("stranger", "ProvisioningFailed", "no quota", ago=MINUTE),
    ]

    (finding,) = scheduling.test_pods_get_a_node_in_time([waits], NOW, None, told).findings

    assert finding.message.endswith(". Claim data: ProvisioningFailed of ebs.csi.aws.com: no room in zone-a")


def test_of_a_pod_that_waits_for_something_else_no_claim_is_quoted() -> None:
    told = [_of_a_claim("data", "ProvisioningFailed", "no room", ago=MINUTE)]

    (finding,) = scheduling.test_pods_get_a_node_in_time([pod(claims=["data"])], NOW, None, told).findings

    assert "Claim" not in finding.message


def _of_a_claim(name: str, reason: str, message: str, *, ago: timedelta) -> Event:
    about = Ref("", "persistentvolumeclaim", "domino-compute", name)
    return event(reason, message, of=about, ago=ago, reporter="ebs.csi.aws.com_controller-0_8a0b6c1e")
