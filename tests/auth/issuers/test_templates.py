"""
Names are made of claims.
"""

from __future__ import annotations

import pytest

from oci_twisted.auth.issuers.templates import parse_template
from oci_twisted.interfaces import WrongCredentials


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("ci", "ci"),
        ("{sub}", "repo:acme/app"),
        ("ci:{owner}/{name}!", "ci:acme/app!"),
        ("{https://ci.example/name}", "app two"),
        ("{name}{name}", "appapp"),
    ],
)
def test_a_template_is_filled(template: str, name: str) -> None:
    """Every claim in braces is put in its place."""
    claims = {"sub": "repo:acme/app", "owner": "acme", "name": "app", "https://ci.example/name": "app two"}
    assert parse_template(template).one(claims) == name


@pytest.mark.parametrize("template", ["", "{", "}", "{}", "a{b", "a}b", "{a}}", "{{a}}", "{a{b}}"])
def test_braces_go_together(template: str) -> None:
    """A template in which a brace is missing, or nothing is named, is refused."""
    with pytest.raises(ValueError, match="claims in braces"):
        parse_template(template)


@pytest.mark.parametrize(
    "value", [None, "", 7, True, {}, {"a": "b"}, "*", "a*b", "a\nb", "a\u2028b", "a\x00b", "x" * 256]
)
def test_what_is_no_name_refuses_the_token(value: object) -> None:
    """A claim must be a text, with nothing in it that means more than itself in rules and in logs."""
    template = parse_template("ci:{name}")
    claims = {"name": value} if value is not None else {}
    for fill in (template.one, template.several):
        with pytest.raises(WrongCredentials, match="claim name"):
            fill(claims)  # type: ignore[arg-type]


def test_a_list_makes_several_groups() -> None:
    """Every text of a list makes a name of its own; none makes none."""
    template = parse_template("{org}:{groups}")
    assert list(template.several({"org": "acme", "groups": ["dev", "ops"]})) == ["acme:dev", "acme:ops"]
    assert list(template.several({"org": "acme", "groups": []})) == []
    assert list(parse_template("ci").several({})) == ["ci"]


@pytest.mark.parametrize("groups", [["dev", 7], ["dev", ""], ["*"], [["dev"]], ["dev"] * 201])
def test_a_list_must_be_one_of_names(groups: list[object]) -> None:
    """One wrong name refuses the token, and so do too many."""
    with pytest.raises(WrongCredentials, match="claim groups"):
        parse_template("{groups}").several({"groups": groups})  # type: ignore[dict-item]


def test_lists_do_not_multiply() -> None:
    """Two lists in one template refuse the token, and one list is nobody's user name."""
    claims: dict[str, object] = {"a": ["1"], "b": ["2"]}
    with pytest.raises(WrongCredentials, match="a and b are lists"):
        parse_template("{a}{b}").several(claims)  # type: ignore[arg-type]
    with pytest.raises(WrongCredentials, match="claim a"):
        parse_template("{a}").one(claims)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("template", "name", "may"),
    [
        ("ci", "ci", True),
        ("ci", "ci2", False),
        ("gh:{owner}", "gh:acme", True),
        ("gh:{owner}", "gh:", False),
        ("gh:{owner}", "gl:acme", False),
        ("{a}.{b}", "x.y", True),
        ("{a}.{b}", "xzy", False),
    ],
)
def test_what_a_template_may_give(template: str, name: str, may: bool) -> None:  # noqa: FBT001 - what a test is given
    """A template may give whatever fits around its claims."""
    assert parse_template(template).may_give(name) is may


def test_what_is_always_the_same() -> None:
    """A template without claims always gives itself."""
    assert (parse_template("ci").literal, parse_template("ci:{sub}").literal) == ("ci", None)
