"""What the images are built from: known names, locked requirements, and no address of anybody's index."""

import re
import tomllib
from pathlib import Path

import pytest

from imagebuild import __main__ as command_line
from imagebuild import catalogue, host, models, paths
from imagebuild.errors import BuildError

REQUIREMENTS = [models.SERVER, models.BUILDER]


def test_each_part_with_locked_requirements_has_an_image() -> None:
    locked = {path.stem for path in (paths.REPOSITORY / "requirements").glob("*.txt")} - {"dev"}
    assert set(catalogue.names()) == {"base", "triton-cpu", *locked}
    extras = tomllib.loads((paths.REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert locked <= set(extras) & set(catalogue.COMPONENTS)


def test_each_component_is_told_which_packages_it_gets() -> None:
    dockerfile = (paths.IMAGES / "component" / "Dockerfile").read_text()
    assert set(re.findall(r"^ +(\w+)\) parts=", dockerfile, re.MULTILINE)) == set(catalogue.COMPONENTS)


@pytest.mark.parametrize("requirements", REQUIREMENTS, ids=lambda path: path.name)
def test_requirements_are_pinned_with_hashes_and_name_no_index(requirements: Path) -> None:
    text = requirements.read_text()
    assert "://" not in text
    assert "--index-url" not in text
    for block in re.split(r"\n(?=[a-z])", text.strip()):
        assert re.match(r"[\w.-]+==[\w.]+ \\\n +--hash=sha256:[0-9a-f]{64}", block), block


def test_an_unknown_image_is_named_with_the_known_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(BuildError, match=r"no image moon.*base, triton-cpu"):
        catalogue.build(["moon"])
    assert command_line.main(["build", "moon"]) == 1
    assert capsys.readouterr().err.startswith("imagebuild: There is no image moon.")


def test_a_failed_program_says_what_it_said() -> None:
    with pytest.raises(BuildError, match=r"failed with 3:\nno luck"):
        host.run("sh", "-c", "echo no luck; exit 3")
    with pytest.raises(BuildError, match="no-such-program is not installed"):
        host.run("no-such-program")
