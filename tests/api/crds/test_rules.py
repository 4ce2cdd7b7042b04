"""Every rule of the definitions, by one manifest that passes and one that fails, on a real API server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devcluster.kube import Answer
from tests.api.crds.cluster import Objects, problems
from tests.api.crds.rules import Case, cases

CREATIONS = [pytest.param(case, id=case.name) for case in cases() if case.before is None]
CHANGES = [pytest.param(case, id=case.name) for case in cases() if case.before is not None]


@pytest.mark.api
@pytest.mark.parametrize("case", CREATIONS)
def test_a_new_object(case: Case, objects: Objects) -> None:
    check(case, lambda: objects.create(case.plural, case.manifest, dry=True))


@pytest.mark.api
@pytest.mark.parametrize("case", CHANGES)
def test_a_changed_object(case: Case, objects: Objects) -> None:
    assert case.before is not None
    name = f"change-{case.manifest['metadata']['name']}"
    stored = objects.create(case.plural, case.before | {"metadata": {"name": name}})
    version = {"name": name, "resourceVersion": stored["metadata"]["resourceVersion"]}
    check(case, lambda: objects.replace(case.plural, case.manifest | {"metadata": version}))


def check(case: Case, write: Callable[[], object]) -> None:
    """The write passes, or is refused for the case's reason and no other."""
    if case.good:
        write()
        return
    with pytest.raises(Answer) as refusal:
        write()
    found = problems(refusal.value)
    assert [field for field, message in found if field == case.field and case.says in message], found
    assert case.also or len(found) == 1, found
