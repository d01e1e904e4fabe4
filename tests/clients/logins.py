"""Clients that log in, push and pull: the same four verbs for each of them."""

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from tests.clients.images import Layout, archive, busybox, noise
from tests.clients.tools import Outcome, outcome, require, require_python_client

CHART = "apiVersion: v2\nname: {name}\nversion: 1.0.0\n"

HOSTS = """
server = "https://{host}"
[host."https://{host}"]
capabilities = ["pull", "resolve", "push"]
ca = "{ca}"
"""

ORAS_PY = """
import sys
import time
import oras.client
# It repeats a refused request for a minute.
time.sleep = lambda seconds: None
verb, host, secure, user, password, target, backend = sys.argv[1:]
client = oras.client.OrasClient(hostname=host, insecure=secure != "yes", auth_backend=backend)
if user:
    client.auth.set_basic_auth(user, password)
if verb == "push":
    client.push(target=target, files=["report.txt"])
else:
    client.pull(target=target, outdir="pulled")
"""


class Client(ABC):
    """
    A client with a home of its own.

    :cvar complaints: what it says of each kind of refusal, as a regular expression
    :ivar host: of the registry
    :ivar ca: the file with the authority that the registry's certificate is of; ``None`` for plain HTTP
    :ivar folder: where it keeps its logins
    :ivar challenge: what the registry asks for: ``basic`` or ``bearer``
    """

    complaints: ClassVar[dict[str, str]]

    def __init__(self, host: str, ca: Path | None, folder: Path, challenge: str) -> None:
        self.host = host
        self.challenge = challenge
        self.ca = ca
        self.folder = folder
        self.user = ""
        self.password = ""

    @abstractmethod
    def login(self, user: str, password: str) -> Outcome:
        """Log in."""

    @abstractmethod
    def push(self, name: str) -> Outcome:
        """Push something to a repository, under the tag ``v1``."""

    @abstractmethod
    def pull(self, name: str) -> Outcome:
        """Pull it, whether there is a copy of it here or not."""

    @abstractmethod
    def logout(self) -> Outcome:
        """Forget the login."""

    def layout(self) -> Layout:
        """Make an image in a layout, tagged ``v1``."""
        layout = Layout(self.folder / f"layout-{os.urandom(4).hex()}")
        layout.tag(layout.add_image(busybox(), {"etc/noise": noise(1 << 16)}), "v1")
        return layout


class Docker(Client):
    """Docker's own client, on an engine of ours."""

    complaints: ClassVar = {
        "wrong password": "(?i)unauthorized",
        "push denied": "denied",
        "pull denied": "not found|manifest unknown|does not exist",
        # Refused over TLS on this machine, it tries without, and complains of that.
        "logged out": "unauthorized|no basic auth credentials|denied|http://.*EOF",
    }

    def __init__(self, host: str, ca: Path | None, folder: Path, challenge: str, address: str) -> None:
        super().__init__(host, ca, folder, challenge)
        self._address = address

    def _docker(self, *arguments: str | Path) -> Outcome:
        # Where a login fails it asks for another, and would read the end of a file for ever.
        line = self.folder / "line"
        line.write_text("\n")
        return outcome(require("docker"), "--config", self.folder, "--host", self._address, *arguments, stdin=line)

    def login(self, user: str, password: str) -> Outcome:
        """Log in."""
        return self._docker("login", "--username", user, "--password", password, self.host)

    def push(self, name: str) -> Outcome:
        """Push an image of one file."""
        base = self.folder / "base.tar"
        base.write_bytes(archive({"noise": noise(1 << 16)}))
        self._docker("import", base, f"{self.host}/{name}:v1").check()
        return self._docker("push", f"{self.host}/{name}:v1")

    def pull(self, name: str) -> Outcome:
        """Pull it anew."""
        self._docker("image", "rm", "--force", f"{self.host}/{name}:v1")
        return self._docker("pull", f"{self.host}/{name}:v1")

    def logout(self) -> Outcome:
        """Forget the login."""
        return self._docker("logout", self.host)


class CurrentDocker(Docker):
    """The same on today's engine, which pulls and pushes by containerd's code, and repeats what a registry says."""

    complaints: ClassVar = {
        **Docker.complaints,
        "push denied": "may not push",
        "logged out": "(?i)unauthorized|login prior to|access denied",
    }


class Podman(Client):
    """Podman, with a store of its own."""

    complaints: ClassVar = {
        "wrong password": "invalid username/password",
        "push denied": "denied",
        "pull denied": "manifest unknown|no manifest",
        "logged out": "unauthorized|authentication required|log in",
    }

    def _podman(self, *arguments: str | Path) -> Outcome:
        store = ("--storage-driver", "vfs", "--root", self.folder / "root", "--runroot", self.folder / "run")
        daemonless = ("--cgroup-manager", "cgroupfs", "--events-backend", "file", "--tmpdir", self.folder / "tmp")
        return outcome(require("podman"), *store, *daemonless, *arguments)

    def _options(self) -> tuple[str | Path, ...]:
        logins = self.folder / "auth.json"
        if not logins.exists():
            # It wants one, if only to find nothing in it.
            logins.write_text("{}")
        return ("--authfile", logins, *trust(self.ca, self.folder))

    def login(self, user: str, password: str) -> Outcome:
        """Log in."""
        return self._podman("login", *self._options(), "--username", user, "--password", password, self.host)

    def push(self, name: str) -> Outcome:
        """Push an image of one file."""
        base = self.folder / "base.tar"
        base.write_bytes(archive({"noise": noise(1 << 16)}))
        self._podman("import", base, f"{self.host}/{name}:v1").check()
        return self._podman("push", *self._options(), f"{self.host}/{name}:v1")

    def pull(self, name: str) -> Outcome:
        """Pull it anew."""
        self._podman("image", "rm", "--force", f"{self.host}/{name}:v1")
        return self._podman("pull", *self._options(), f"{self.host}/{name}:v1")

    def logout(self) -> Outcome:
        """Forget the login."""
        return self._podman("logout", "--authfile", self.folder / "auth.json", self.host)


class Skopeo(Client):
    """Skopeo."""

    complaints: ClassVar = {
        "wrong password": "invalid username/password",
        "push denied": "denied",
        "pull denied": "manifest unknown|no manifest",
        "logged out": "unauthorized|authentication required|log in",
    }

    def _skopeo(self, *arguments: str | Path) -> Outcome:
        return outcome(require("skopeo"), "--insecure-policy", *arguments)

    def _options(self, side: str = "") -> tuple[str | Path, ...]:
        return ("--authfile", self.folder / "auth.json", *trust(self.ca, self.folder, side))

    def login(self, user: str, password: str) -> Outcome:
        """Log in."""
        return self._skopeo("login", *self._options(), "--username", user, "--password", password, self.host)

    def push(self, name: str) -> Outcome:
        """Copy an image from a layout."""
        source = f"oci:{self.layout().path}:v1"
        return self._skopeo("copy", *self._options("dest-"), source, f"docker://{self.host}/{name}:v1")

    def pull(self, name: str) -> Outcome:
        """Copy it into another layout."""
        target = f"oci:{self.folder / os.urandom(4).hex()}:v1"
        return self._skopeo("copy", *self._options("src-"), f"docker://{self.host}/{name}:v1", target)

    def logout(self) -> Outcome:
        """Forget the login."""
        return self._skopeo("logout", "--authfile", self.folder / "auth.json", self.host)


class Oras(Client):
    """ORAS."""

    complaints: ClassVar = {
        "wrong password": "(?i)unauthorized|401",
        "push denied": "(?i)denied|403",
        "pull denied": "not found",
        "logged out": "(?i)unauthorized|credential required|credential not found|401",
    }

    def _oras(self, *arguments: str | Path) -> Outcome:
        command, *rest = arguments
        secure = ("--plain-http",) if self.ca is None else ("--ca-file", self.ca)
        options = ("--registry-config", self.folder / "oras.json", *secure)
        return outcome(require("oras"), command, *options, *rest, cwd=self.folder)

    def login(self, user: str, password: str) -> Outcome:
        """Log in."""
        return self._oras("login", "--username", user, "--password", password, self.host)

    def push(self, name: str) -> Outcome:
        """Push a file."""
        (self.folder / "report.txt").write_bytes(noise(1000))
        return self._oras("push", f"{self.host}/{name}:v1", "report.txt:text/plain")

    def pull(self, name: str) -> Outcome:
        """Pull it to another folder."""
        return self._oras("pull", "--output", self.folder / os.urandom(4).hex(), f"{self.host}/{name}:v1")

    def logout(self) -> Outcome:
        """Forget the login."""
        return outcome(require("oras"), "logout", "--registry-config", self.folder / "oras.json", self.host)


class Crane(Client):
    """crane, which takes a password without asking the registry about it."""

    complaints: ClassVar = {
        "wrong password": "UNAUTHORIZED|401",
        "push denied": "DENIED",
        "pull denied": "MANIFEST_UNKNOWN",
        "logged out": "UNAUTHORIZED",
    }

    def _crane(self, *arguments: str | Path) -> Outcome:
        env = {"DOCKER_CONFIG": str(self.folder)} | ({} if self.ca is None else {"SSL_CERT_FILE": str(self.ca)})
        return outcome(require("crane"), *arguments, env=env)

    def login(self, user: str, password: str) -> Outcome:
        """Keep the password, and show it to the registry by listing what it has."""
        self._crane("auth", "login", self.host, "--username", user, "--password", password).check()
        return self._crane("catalog", self.host)

    def push(self, name: str) -> Outcome:
        """Push an image from a layout."""
        return self._crane("push", self.layout().path, f"{self.host}/{name}:v1")

    def pull(self, name: str) -> Outcome:
        """Pull it into a file."""
        return self._crane("pull", f"{self.host}/{name}:v1", self.folder / f"{os.urandom(4).hex()}.tar")

    def logout(self) -> Outcome:
        """Forget the password."""
        return self._crane("auth", "logout", self.host)


class Regctl(Client):
    """regctl."""

    complaints: ClassVar = {
        "wrong password": "(?i)unauthorized",
        "push denied": "(?i)denied|forbidden",
        "pull denied": "not found",
        "logged out": "(?i)unauthorized",
    }

    def _regctl(self, *arguments: str | Path) -> Outcome:
        return outcome(require("regctl"), *arguments, env={"REGCTL_CONFIG": str(self.folder / "regctl.json")})

    def _configure(self) -> None:
        secure = ("disabled",) if self.ca is None else ("enabled", "--cacert", self.ca.read_text())
        self._regctl("registry", "set", self.host, "--skip-check", "--tls", *secure).check()

    def login(self, user: str, password: str) -> Outcome:
        """Log in."""
        self._configure()
        return self._regctl("registry", "login", self.host, "--user", user, "--pass", password)

    def push(self, name: str) -> Outcome:
        """Copy an image from a layout."""
        return self._regctl("image", "copy", f"ocidir://{self.layout().path}:v1", f"{self.host}/{name}:v1")

    def pull(self, name: str) -> Outcome:
        """Copy it into another layout."""
        self._configure()
        target = f"ocidir://{self.folder / os.urandom(4).hex()}:v1"
        return self._regctl("image", "copy", f"{self.host}/{name}:v1", target)

    def logout(self) -> Outcome:
        """Forget the login."""
        return self._regctl("registry", "logout", self.host)


class Helm(Client):
    """Helm, whose repositories end in the chart's name."""

    complaints: ClassVar = {
        "wrong password": "(?i)unauthorized|401",
        "push denied": "(?i)denied|403",
        "pull denied": "not found|unable to locate",
        "logged out": "(?i)unauthorized|credential required|credential not found|401",
    }

    def _helm(self, *arguments: str | Path) -> Outcome:
        secure = ("--plain-http",) if self.ca is None else ("--ca-file", self.ca)
        env = {"HELM_REGISTRY_CONFIG": str(self.folder / "helm.json"), "HELM_CACHE_HOME": str(self.folder / "cache")}
        return outcome(require("helm"), *arguments, *secure, cwd=self.folder, env=env)

    def login(self, user: str, password: str) -> Outcome:
        """Log in."""
        return self._helm("registry", "login", self.host, "--username", user, "--password", password)

    def push(self, name: str) -> Outcome:
        """Push a chart."""
        parent, _, chart = name.rpartition("/")
        folder = self.folder / chart
        folder.mkdir(exist_ok=True)
        (folder / "Chart.yaml").write_text(CHART.format(name=chart))
        outcome(require("helm"), "package", chart, cwd=self.folder).check()
        return self._helm("push", f"{chart}-1.0.0.tgz", f"oci://{self.host}/{parent}")

    def pull(self, name: str) -> Outcome:
        """Pull it."""
        into = self.folder / os.urandom(4).hex()
        into.mkdir()
        return self._helm("pull", f"oci://{self.host}/{name}", "--version", "1.0.0", "--destination", into)

    def logout(self) -> Outcome:
        """Forget the login."""
        env = {"HELM_REGISTRY_CONFIG": str(self.folder / "helm.json")}
        return outcome(require("helm"), "registry", "logout", self.host, env=env)


class Ctr(Client):
    """containerd's ``ctr``, which is given the password with every command."""

    complaints: ClassVar = {
        "wrong password": "(?i)unauthorized|authorization failed",
        "push denied": "(?i)denied|forbidden|insufficient",
        "pull denied": "not found",
        "logged out": "(?i)unauthorized|authorization failed|denied",
    }

    def __init__(self, host: str, ca: Path | None, folder: Path, challenge: str, address: str) -> None:
        super().__init__(host, ca, folder, challenge)
        self._address = address

    def _ctr(self, *arguments: str | Path) -> Outcome:
        return outcome(require("ctr"), "--address", self._address, "images", *arguments)

    def _options(self) -> tuple[str | Path, ...]:
        user = ("--user", f"{self.user}:{self.password}") if self.user else ()
        if self.ca is None:
            return (*user, "--plain-http")
        # To this machine it speaks plain HTTP, unless it is told otherwise in a file.
        hosts = self.folder / "hosts"
        (hosts / self.host).mkdir(parents=True, exist_ok=True)
        (hosts / self.host / "hosts.toml").write_text(HOSTS.format(host=self.host, ca=self.ca))
        return (*user, "--hosts-dir", hosts)

    def login(self, user: str, password: str) -> Outcome:
        """Keep the password, and show it to the registry by pulling something."""
        self.user, self.password = user, password
        return self.pull("team/base")

    def push(self, name: str) -> Outcome:
        """Push an image that was imported."""
        reference = f"{self.host}/{name}"
        packed = self.layout().pack(self.folder / "image.tar")
        self._ctr("import", "--base-name", reference, packed).check()
        return self._ctr("push", *self._options(), f"{reference}:v1")

    def pull(self, name: str) -> Outcome:
        """Pull it anew."""
        self._ctr("rm", "--sync", f"{self.host}/{name}:v1")
        return self._ctr("pull", *self._options(), f"{self.host}/{name}:v1")

    def logout(self) -> Outcome:
        """Forget the password."""
        self.user = self.password = ""
        return Outcome(0, "")


class OrasPy(Client):
    """oras-py, which is given the password with every call."""

    complaints: ClassVar = {
        "wrong password": "(?i)unauthorized|requires a token|Cannot respond to request for authentication",
        "push denied": "Cannot respond to request for authentication|DENIED",
        "pull denied": "(?i)not found|404|unknown",
        # With no password it takes the realm of Basic for the address of a token server.
        "logged out": "(?i)unauthorized|requires a token|Cannot respond to request for authentication|MissingSchema",
    }

    def _oras(self, verb: str, name: str) -> Outcome:
        python = require_python_client("oras.client")
        secure = "no" if self.ca is None else "yes"
        env = {} if self.ca is None else {"REQUESTS_CA_BUNDLE": str(self.ca)}
        # With nothing to send, the backend for passwords breaks.
        backend = "basic" if self.user and self.challenge == "basic" else "token"
        arguments = (verb, self.host, secure, self.user, self.password, f"{self.host}/{name}:v1", backend)
        return outcome(python, "-c", ORAS_PY, *arguments, cwd=self.folder, env=env)

    def login(self, user: str, password: str) -> Outcome:
        """Keep the password, and show it to the registry by pulling something."""
        self.user, self.password = user, password
        return self.pull("team/base")

    def push(self, name: str) -> Outcome:
        """Push a file."""
        (self.folder / "report.txt").write_bytes(noise(1000))
        return self._oras("push", name)

    def pull(self, name: str) -> Outcome:
        """Pull it into another folder."""
        return self._oras("pull", name)

    def logout(self) -> Outcome:
        """Forget the password."""
        self.user = self.password = ""
        return Outcome(0, "")


def trust(ca: Path | None, folder: Path, side: str = "") -> tuple[str | Path, ...]:
    """
    Answer the options that tell podman and skopeo whom to trust.

    :param side: ``src-`` or ``dest-``, where a command has two sides
    """
    if ca is None:
        return (f"--{side}tls-verify=false",)
    certificates = folder / "certificates"
    certificates.mkdir(exist_ok=True)
    (certificates / "ca.crt").write_bytes(ca.read_bytes())
    return (f"--{side}cert-dir", certificates)
