"""The API reference groups public names by purpose, and the glossary knows their synonyms."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture
def groups(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(DOCS / "_ext"), *sys.path])
    return importlib.import_module("groups")


@pytest.mark.parametrize(
    "package",
    ["pyrnn.dynamics", "pyrnn.tasks", "pyrnn.training", "pyrnn.plot", "pyrnn.populations"],
)
def test_every_public_name_of_a_large_package_has_a_group(groups, package):
    members = importlib.import_module(package).__all__
    found = dict(groups.grouped(package, members))
    if package == "pyrnn.dynamics":
        assert found.pop("More") == ["load"]
    assert list(found) == list(groups.GROUPS[package])
    names = [name for each in found.values() for name in each]
    assert set(names) == set(members) - groups.CONSTANTS - {"load"}
    assert len(names) == len(set(names))


def test_a_small_package_is_one_group(groups):
    assert groups.grouped("pyrnn.interventions", ["clamp", "lesion"]) == [
        ("", ["clamp", "lesion"])
    ]


@pytest.mark.parametrize(
    "word",
    ["lesion", "ablation", "speed", "saddle", "attractor", "similarity", "Procrustes", "CKA"],
)
def test_words_of_the_field_are_found_in_the_glossary(word):
    assert word in (DOCS / "glossary.md").read_text(encoding="utf-8")
