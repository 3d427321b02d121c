"""The files that put Decaymix onto machines say what the documents promise."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = ROOT / "docker-compose.yml"
SECRETS = {"DECAYMIX_TOKEN": "a-token", "RAY_AUTH_TOKEN": "another-token"}
# Of KubeRay's ray.io/v1, from its reference of the resource.
CLUSTER_FIELDS = {"rayVersion", "headGroupSpec", "workerGroupSpecs", "authOptions", "suspend"}
HEAD_FIELDS = {"serviceType", "rayStartParams", "template", "headService", "resources", "labels"}
WORKER_FIELDS = {
    "groupName",
    "replicas",
    "minReplicas",
    "maxReplicas",
    "rayStartParams",
    "template",
    "numOfHosts",
    "idleTimeoutSeconds",
}


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return found


def manifests() -> dict[str, Any]:
    text = (ROOT / "deploy" / "kuberay.yaml").read_text(encoding="utf-8")
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in yaml.safe_load_all(text)}


def test_compose_publishes_the_controller_on_loopback_and_no_port_of_ray() -> None:
    published = {name: one["ports"] for name, one in services().items() if "ports" in one}
    assert published == {"controller": ["127.0.0.1:8765:8765"]}
    networks = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["networks"]
    assert networks["ray"]["internal"]
    assert [name for name, one in services().items() if one["networks"] != ["ray"]] == [
        "controller"
    ]


def test_every_container_is_closed_healthy_and_asks_for_a_token() -> None:
    assert set(services()) == {"controller", "ray-head", "ray-worker", "ray-worker-gpu"}
    for name, one in services().items():
        assert one["read_only"], name
        assert one["cap_drop"] == ["ALL"], name
        assert one["healthcheck"]["test"], name
        assert one["shm_size"] == "512mb", name
        assert one["environment"]["RAY_AUTH_MODE"] == "token", name
        assert one["environment"]["RAY_AUTH_TOKEN"].startswith("${RAY_AUTH_TOKEN:?"), name
        assert "user" not in one, name
    assert re.search(r"^USER decaymix$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    gpu = services()["ray-worker-gpu"]
    assert gpu["profiles"] == ["gpu"]
    (device,) = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]


def test_health_is_asked_without_starting_ray_and_what_ends_comes_back() -> None:
    for name, one in services().items():
        # `ray health-check` imports Ray: two seconds of a core, and a time-out on a busy machine.
        assert one["healthcheck"]["test"][:2] in (["CMD", "pgrep"], ["CMD", "python"]), name
        # Ray ends a controller whose head comes back as another; workers end with their raylet.
        assert one["restart"] == "unless-stopped", name
    packages = re.search(r"apt-get install (.*)", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert packages is not None
    assert "procps" in packages.group(1).split()


def test_several_workers_can_share_the_cores_of_one_machine() -> None:
    for name in ("ray-worker", "ray-worker-gpu"):
        assert services()[name]["cpus"] == "${WORKER_CPUS:-0}", name


def test_the_image_holds_and_compiles_every_package_that_is_imported() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = set(re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE))
    packages = {"decaymix", "service", "workers", "mixtures", "db"}
    assert copied == packages | {"studies"}
    compiled = re.search(r"compileall -q (.*)$", text, re.MULTILINE)
    assert compiled is not None
    assert set(compiled.group(1).split()) == packages


def compose_command() -> list[str] | None:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker"):
        version = subprocess.run(["docker", "compose", "version"], capture_output=True)
        return ["docker", "compose"] if version.returncode == 0 else None
    return None


def test_compose_reads_its_file_and_asks_for_the_secrets() -> None:
    command = compose_command()
    if command is None:
        pytest.skip("there is no docker-compose")
    bare = {name: value for name, value in os.environ.items() if name not in SECRETS}

    def config(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, "-f", str(COMPOSE), *options, "config"],
            env=environment,
            capture_output=True,
            text=True,
        )

    right = config(bare | SECRETS, "--profile", "gpu")
    assert right.returncode == 0, right.stderr
    assert set(yaml.safe_load(right.stdout)["services"]) == set(services())
    wrong = config(bare | {"DECAYMIX_TOKEN": "a-token"})
    assert wrong.returncode != 0
    assert "RAY_AUTH_TOKEN" in wrong.stderr


def test_the_kuberay_manifest_keeps_to_the_documented_fields() -> None:
    found = manifests()
    assert set(found) == {
        "RayCluster/decaymix",
        "Deployment/decaymix-controller",
        "Service/decaymix",
        "PersistentVolumeClaim/decaymix-home",
        "PersistentVolumeClaim/decaymix-data",
        "NetworkPolicy/decaymix-ray",
    }
    cluster = found["RayCluster/decaymix"]
    assert cluster["apiVersion"] == "ray.io/v1"
    spec = cluster["spec"]
    assert set(spec) <= CLUSTER_FIELDS
    assert set(spec["headGroupSpec"]) <= HEAD_FIELDS
    for group in spec["workerGroupSpecs"]:
        assert set(group) <= WORKER_FIELDS
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
    pinned = re.search(r"^ray==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert spec["rayVersion"] == pinned.group(1)


def test_every_pod_runs_closed_and_with_rays_token() -> None:
    found = manifests()
    cluster = found["RayCluster/decaymix"]["spec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    templates = [one["template"] for one in groups]
    for template in [*templates, found["Deployment/decaymix-controller"]["spec"]["template"]]:
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        (container,) = pod["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        variables = {one["name"]: one for one in container["env"]}
        assert variables["RAY_AUTH_MODE"]["value"] == "token"
        assert "valueFrom" in variables["RAY_AUTH_TOKEN"]
        mounted = {one["name"] for one in container["volumeMounts"]}
        assert mounted == {one["name"] for one in pod["volumes"]}
    deployment = found["Deployment/decaymix-controller"]["spec"]
    assert (deployment["replicas"], deployment["strategy"]["type"]) == (1, "Recreate")
