"""
The operator's command.
"""

from __future__ import annotations

from click.testing import CliRunner

from oci_twisted import __version__
from oci_twisted.admin.command import main


def test_it_says_how_to_serve() -> None:
    """Who looks here for the server is told where it is."""
    outcome = CliRunner().invoke(main, ["--help"])
    assert (outcome.exit_code, "twist oci-registry" in outcome.output) == (0, True)


def test_it_has_the_package_s_version() -> None:
    """Both commands are of one release."""
    assert CliRunner().invoke(main, ["--version"]).output == f"oci-registry, version {__version__}\n"
