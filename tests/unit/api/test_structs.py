"""Objects as the API server sends them become Structs, and Structs become what it accepts."""

from __future__ import annotations

import re
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import ValidationError, convert, json, to_builtins

from cocoon.api.durations import parse_duration
from cocoon.api.job import Binding, ConfigMapOutput, InferenceJob, JobOutput, JobStatus
from cocoon.api.money import Price, parse_nanoton
from cocoon.api.provider import CocoonProvider
from cocoon.api.ton_address import Address
from cocoon.api.trust import Trust
from tests.api.crds.rules import Manifest, base, crd

MONEY = "must be whole nanoTON"
DURATION = "must be a duration of d, h, m and s"
ADDRESS = "is not a TON address"


def test_a_job_with_the_least() -> None:
    job = convert(base("inferencejobs", "j"), InferenceJob)
    assert job.spec.output == JobOutput(config_map=ConfigMapOutput())
    assert job.spec.minimum_trust is Trust.HARDWARE
    assert (job.spec.parallelism, job.spec.priority, job.spec.attempts) == (1, 0, 3)
    assert job.status == JobStatus()


def test_a_provider_with_the_least() -> None:
    provider = convert(base("cocoonproviders", "p"), CocoonProvider)
    assert provider.spec.confidential.trust is Trust.HARDWARE
    assert provider.spec.confidential.policy.allowed_tcb_statuses == ("UpToDate",)
    assert provider.spec.models[0].servers.maximum == 1
    assert provider.spec.operation == "Serve"


def test_names_that_the_rule_for_names_does_not_give() -> None:
    job = base("inferencejobs", "j")
    job["spec"]["modelSHA256"] = "a" * 64
    job["status"] = {
        "binding": {"provider": "a/b", "server": "a/c", "serverUID": "u", "attempt": 1, "boundAt": "t", "price": {}}
    }
    read = convert(job, InferenceJob)
    assert read.spec.model_sha256 == "a" * 64
    assert read.status.binding == Binding("a/b", "a/c", 1, Price(), "t", "u")
    assert to_builtins(read)["status"] == job["status"]

    provider = base("cocoonproviders", "p")
    provider["spec"]["nodes"] = {"maxGPUs": 8}
    provider["spec"]["confidential"] |= {"requireGPU": False, "reattestEvery": "5m"}
    provider["spec"]["allowedNamespaces"] = {"from": "All"}
    spec = convert(provider, CocoonProvider).spec
    assert spec.nodes.maximum_gpus == 8
    assert (spec.confidential.require_gpu, spec.confidential.reattest_every) == (False, "5m")
    assert spec.allowed_namespaces.origin == "All"


def test_fields_of_a_newer_definition_are_passed_over() -> None:
    job = base("inferencejobs", "j")
    job["spec"]["tomorrow"] = {"a": 1}
    assert convert(job, InferenceJob) == convert(base("inferencejobs", "j"), InferenceJob)


@pytest.mark.parametrize("kind", [InferenceJob, CocoonProvider])
def test_reading_again_what_was_written(kind: type[InferenceJob | CocoonProvider]) -> None:
    plural = {InferenceJob: "inferencejobs", CocoonProvider: "cocoonproviders"}[kind]
    read = convert(base(plural, "x"), kind)
    assert json.decode(json.encode(read), type=kind) == read


def test_an_object_without_its_specification_is_refused() -> None:
    with pytest.raises(ValidationError, match="spec"):
        convert({"metadata": {"name": "x"}}, InferenceJob)


def patterns(schema: Manifest, message: str) -> set[str]:
    """The expressions of all rules with that message, as regular expressions for the whole text."""
    found = set()
    for rule in schema.get("x-kubernetes-validations", ()):
        if rule["message"].startswith(message):
            found.add(re.findall(r"self\.matches\('(.*?)'\)", rule["rule"])[-1])
    parts = [*schema.get("properties", {}).values(), *(schema[key] for key in ("items",) if key in schema)]
    return found.union(*(patterns(part, message) for part in parts))


@cache
def pattern(message: str) -> re.Pattern[str]:
    """The one expression that all rules with that message share."""
    schemas = [
        crd(plural)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for plural in ("cocoonproviders", "inferencejobs")
    ]
    (only,) = set.union(*(patterns(schema, message) for schema in schemas))
    return re.compile(only.removeprefix("^").removesuffix("$"))


def accepts(parse: object, text: str) -> bool:
    assert callable(parse)
    try:
        parse(text)
    except ValueError:
        return False
    return True


@given(st.text("0123456789.-+e_ \n٣", max_size=25))
def test_the_definition_and_the_code_agree_on_money(text: str) -> None:
    assert bool(pattern(MONEY).fullmatch(text)) is accepts(parse_nanoton, text)


@given(st.text("0123456789dhms.- \n٣", max_size=12) | st.from_regex(pattern(DURATION), fullmatch=True))
def test_the_definition_and_the_code_agree_on_durations(text: str) -> None:
    assert bool(text and pattern(DURATION).fullmatch(text)) is accepts(parse_duration, text)


@given(st.builds(Address, st.sampled_from((0, -1)), st.binary(min_size=32, max_size=32), st.booleans(), st.booleans()))
def test_the_definition_takes_every_address(address: Address) -> None:
    shape = pattern(ADDRESS)
    assert all(map(shape.fullmatch, (address.friendly(), address.friendly(url_safe=False), address.raw())))
