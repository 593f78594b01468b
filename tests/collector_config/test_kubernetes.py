"""The manifest for the OpenTelemetry Operator: its parts fit their schemas and each other. It is not run: that needs
a cluster.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import pytest
import yaml

from otel_breaker_instrumentation.config import parse_configuration

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "collector-config" / "kubernetes"
KUBERNETES: Final = "1.37"
PARTS: Final[dict[str, dict[str, Any]]] = {
    part["kind"]: part for part in yaml.safe_load_all((FOLDER / "injection.yaml").read_text())
}
SPEC: Final = PARTS["Instrumentation"]["spec"]
POD: Final = PARTS["Deployment"]["spec"]["template"]

# The part of the Operator's CustomResourceDefinition, opentelemetry.io/v1alpha1, that is in use. No package has it.
FIELDS: Final = {"env", "exporter", "propagators", "python", "resource", "sampler"}
PYTHON: Final = {"env", "image", "resourceRequirements", "volumeClaimTemplate", "volumeLimitSize"}
PROPAGATORS: Final = {"tracecontext", "baggage", "b3", "b3multi", "jaeger", "xray", "ottrace", "none"}
SAMPLERS: Final = {
    "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
    "parentbased_traceidratio", "jaeger_remote", "xray",
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(PARTS.keys() - {"Instrumentation"}))
def test_kubernetes_own_parts_fit_its_schemas(kind: str) -> None:
    assert kubernetes_validate.validate(PARTS[kind], KUBERNETES, strict=True) == KUBERNETES


def test_the_operators_part_has_only_fields_of_its_definition() -> None:
    part = PARTS["Instrumentation"]

    assert part["apiVersion"] == "opentelemetry.io/v1alpha1"
    assert SPEC.keys() <= FIELDS
    assert SPEC["exporter"].keys() <= {"endpoint"}
    assert set(SPEC["propagators"]) <= PROPAGATORS
    assert SPEC["sampler"].keys() <= {"argument", "type"}
    assert SPEC["sampler"]["type"] in SAMPLERS
    assert SPEC["python"].keys() <= PYTHON
    assert all(variable.keys() == {"name", "value"} for variable in SPEC["python"]["env"])


def test_all_parts_are_in_one_namespace() -> None:
    assert {part["metadata"]["namespace"] for part in PARTS.values()} == {"shop"}


def test_the_pods_ask_for_the_injection_that_is_described() -> None:
    asked = POD["metadata"]["annotations"]["instrumentation.opentelemetry.io/inject-python"]

    assert asked == PARTS["Instrumentation"]["metadata"]["name"]


def test_the_configuration_is_where_the_injected_package_looks_for_it() -> None:
    environment = {variable["name"]: variable["value"] for variable in SPEC["python"]["env"]}
    place = Path(environment["OTEL_BREAKER_CONFIG_FILE"])
    (container,) = POD["spec"]["containers"]
    (mount,) = container["volumeMounts"]
    (volume,) = POD["spec"]["volumes"]

    assert str(place.parent) == mount["mountPath"]
    assert mount["name"] == volume["name"]
    assert volume["configMap"]["name"] == PARTS["ConfigMap"]["metadata"]["name"]
    assert place.name in PARTS["ConfigMap"]["data"]


def test_the_configuration_is_understood() -> None:
    configuration = parse_configuration(yaml.safe_load(PARTS["ConfigMap"]["data"]["breakers.yaml"]), "breakers.yaml")

    assert configuration.breakers["payments"].recovery_time == 5
    assert [str(target) for target in configuration.targets] == ["shop.payments:PaymentClient.charge"]
    assert configuration.reload == 10


def test_the_image_holds_the_versions_that_are_tested() -> None:
    tested = (ROOT / "pyproject.toml").read_text()

    wanted = re.findall(r"opentelemetry-[\w-]+==[\w.]+", (FOLDER / "Dockerfile").read_text())

    assert wanted
    assert [requirement for requirement in wanted if f'"{requirement}"' not in tested] == []
