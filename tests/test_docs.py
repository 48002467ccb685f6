"""What is written must be so: pages made from the code are up to date, and every name is explained somewhere."""

import re
from pathlib import Path

import pytest

from app.chat.verbs import VERBS
from app.config import OF_CLIENTS, Settings, environment_names
from app.model import ERRORS
from docs.make import PAGES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.mark.parametrize("page", PAGES)
def test_the_made_pages_are_up_to_date(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == PAGES[page](), "run `make docs`"


def test_every_verb_is_explained() -> None:
    for name, verb in VERBS.items():
        assert verb.act.__doc__, name


def test_every_setting_is_explained() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description and field.description.endswith("."), name


def test_every_refusal_in_the_code_is_listed() -> None:
    raised = set()
    for path in sorted((ROOT / "app").rglob("*.py")):
        raised |= set(re.findall(r'(?:Refused|PydanticCustomError)\(\s*"(\w+)"', path.read_text(encoding="utf-8")))
    assert raised <= set(ERRORS), "a refusal that nobody can look up"
    assert set(ERRORS) - raised <= {"broken"}, "a code that nothing raises"


def test_settings_named_in_pages_exist() -> None:
    known = {one for name, field in Settings.model_fields.items() for one in environment_names(name, field)}
    for page in [ROOT / "README.md", *DOCS.glob("*.md")]:
        named = set(re.findall(r"PARLOR_[A-Z_]+[A-Z]", page.read_text(encoding="utf-8")))
        assert named <= known | OF_CLIENTS | {"PARLOR_PYTHON", "PARLOR_PORT"}, page.name


def test_links_between_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.glob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_each_promise_names_tests_that_exist() -> None:
    page = (DOCS / "promises.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page)
    assert len(named) > 20
    for file, test in named:
        assert (ROOT / file).exists(), file
        assert not test or f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_each_promise_of_the_house_is_attacked() -> None:
    page = (DOCS / "promises.md").read_text(encoding="utf-8")
    promises = page.split("\n## ")[1:8]
    assert all(text.startswith(f"{n}. ") and "::test_" in text for n, text in enumerate(promises, 1))
    assert "_FIGURE" not in page, "a figure that nobody has measured"
