"""Transfers, where the engine is in memory."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import CancelledError

from oci_twisted.engine import EngineClient
from oci_twisted.engine.credentials.keychains import ANONYMOUS, Credentials
from oci_twisted.engine.errors import (
    BuildFailed,
    CredentialsFailed,
    EngineError,
    NotFound,
    PullCause,
    PullFailed,
    StreamCorrupt,
    Unauthorized,
    Unsupported,
)
from oci_twisted.engine.requests import Response
from oci_twisted.testing.engine.memory import Fault, complain, refuse
from oci_twisted.testing.engine.transfers import archive_of
from tests.engine.memory import Bench

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oci_twisted.engine.images.references import ImageReference
    from oci_twisted.engine.interfaces import IHandler
    from oci_twisted.engine.requests import Json, Request

NAME = "registry.test/team/tool:v1"


class Scripted:
    """A driver's answers to some methods, in the place of the engine's."""

    def __init__(self, **answers: Iterable[dict[str, Json]]) -> None:
        self.answers = {name.replace("_", "."): list(messages) for name, messages in answers.items()}
        self.asked: list[Request] = []
        self.closed = 0

    def wrap(self, handler: IHandler) -> IHandler:
        """Put it around a handler."""
        script = self

        class Handler:
            async def handle(self, request: Request) -> Response:
                script.asked.append(request)
                if request.method in script.answers:
                    return Response(messages=Messages(script, script.answers[request.method]))  # type: ignore[arg-type]
                return await handler.handle(request)

        return Handler()  # type: ignore[return-value]


class Messages:
    """A stream of messages."""

    def __init__(self, script: Scripted, messages: Iterable[dict[str, Json]]) -> None:
        self._script = script
        self._messages = iter(messages)

    def __aiter__(self) -> Messages:
        return self

    async def __anext__(self) -> dict[str, Json]:
        for message in self._messages:
            return message
        raise StopAsyncIteration

    def close(self) -> None:
        """Note that."""
        self._script.closed += 1


class Keychain:
    """Knows one user, or fails."""

    def __init__(self, known: Credentials | Exception | None) -> None:
        self.known = known
        self.asked: list[str] = []

    async def find(self, reference: ImageReference) -> Credentials | None:
        """Answer it."""
        self.asked.append(str(reference))
        if isinstance(self.known, Exception):
            raise self.known
        return self.known


def with_image(bench: Bench, name: str = NAME) -> str:
    """Make an image in the engine and in the registry, and answer its id."""
    id_ = bench.result(bench.client.images.import_archive(archive_of(a=b"a" * 10_000), name))
    bench.result(bench.client.push(name))
    return id_


def test_the_keychain_is_asked_where_a_call_brings_nobody() -> None:
    """Credentials that a call brings come first, then the keychain's; nobody is asked where the call says nobody."""
    bench = Bench()
    with_image(bench)
    bench.engine.accounts["registry.test"] = {"ada": "b"}
    keychain = Keychain(Credentials("ada", "b"))
    client = EngineClient(bench.client.calls, keychain)  # type: ignore[arg-type]  # it has the method
    assert bench.result(client.pull(NAME))
    assert bench.result(client.push(NAME))
    assert keychain.asked == [NAME, NAME]
    assert bench.result(client.wrapped(lambda handler: handler).pull(NAME))
    assert len(keychain.asked) == 3
    for auth in (ANONYMOUS, Credentials("ada", "c")):
        with pytest.raises(PullFailed):
            bench.result(client.pull(NAME, auth=auth))
    assert len(keychain.asked) == 3


def test_credentials_that_cannot_be_had_end_a_transfer() -> None:
    """Nothing is sent when the keychain fails, for to go on as nobody would say that the image is not there."""
    bench = Bench()
    client = EngineClient(bench.client.calls, Keychain(CredentialsFailed("broken")))  # type: ignore[arg-type]
    for transfer in (client.pull, client.push):
        with pytest.raises(CredentialsFailed, match="broken"):
            bench.result(transfer(NAME))
    assert not {"image.pull", "image.push"} & set(bench.engine.asked)


def test_whether_tls_is_needed_is_docker_s_own() -> None:
    """Where an engine takes no word for it, a call that says something is refused, and nothing is sent."""
    bench = Bench()
    for transfer in (bench.client.images.pull, bench.client.images.push):
        with pytest.raises(Unsupported, match="engine's own configuration"):
            bench.result(transfer(NAME, verify_tls=False))
    assert bench.engine.asked == []


def test_a_cancelled_pull_ends_in_the_engine() -> None:
    """The engine stops in the middle of a layer, and has no image."""
    bench = Bench()
    bench.result(bench.client.images.remove(with_image(bench)))
    seen: list[object] = []
    bench.engine.step_time = 1.0
    pulling = bench.begin(bench.client.pull(NAME, on_progress=seen.append))
    bench.pass_time(1)
    assert not pulling.called
    pulling.cancel()
    bench.turn()
    with pytest.raises(CancelledError):
        bench.result(pulling)
    told = len(seen)
    assert told > 2
    bench.pass_time(60)
    assert len(seen) == told
    assert not bench.engine.images
    assert not bench.engine.server.servers


def test_a_failure_stays() -> None:
    """Whoever asks a failed transfer for its result, or its next event, gets the failure again."""
    bench = Bench()
    bench.engine.fail_next("image.pull", complain("manifest unknown"))
    pull = bench.result(bench.client.images.start_pull(NAME))
    assert bench.result(pull.__anext__()).message == "Working"
    for again in (pull.__anext__, pull.result, pull.result):
        with pytest.raises(PullFailed, match="manifest unknown"):
            bench.result(again())


@pytest.mark.parametrize(
    ("version", "there", "cause"),
    [
        ("1.49", "s390x", None),
        ("1.41", "s390x", PullCause.PLATFORM_MISMATCH),
        ("1.49", "amd64", PullCause.PLATFORM_MISMATCH),
    ],
)
def test_an_image_is_there_for_several_platforms(version: str, there: str, cause: PullCause | None) -> None:
    """Docker with containerd's images keeps all that were pulled, and is asked for the one that was meant."""
    bench, script = Bench(), Scripted(image_pull=[])
    bench.engine.api_version = version
    bench.engine.add_image(NAME)

    def several(handler: IHandler) -> IHandler:
        class Handler:
            async def handle(self, request: Request) -> Response:
                response = await handler.handle(request)
                if not isinstance(response.document, dict):
                    return response
                wanted = request.parameters.get("platform", {"os": "linux", "architecture": "amd64"})["architecture"]
                if wanted not in {"amd64", there}:
                    raise NotFound("image was found but does not provide the specified platform", status=404)
                return Response({**response.document, "Architecture": wanted})

        return Handler()  # type: ignore[return-value]

    client = bench.client.wrapped(several).wrapped(script.wrap)
    if cause is None:
        assert bench.result(client.pull(NAME, platform="linux/s390x")).architecture == "s390x"
        return
    with pytest.raises(PullFailed) as caught:
        bench.result(client.pull(NAME, platform="linux/s390x"))
    assert caught.value.cause is cause


def test_a_pull_without_an_image_is_a_failure() -> None:
    """An engine that tells of no error, and has no image, is not believed."""
    bench = Bench()
    script = Scripted(image_pull=[{"status": "Status: Downloaded newer image"}])
    with pytest.raises(PullFailed, match="does not have the image") as caught:
        bench.result(bench.client.wrapped(script.wrap).pull(NAME))
    assert caught.value.cause is PullCause.OTHER
    assert script.closed


@pytest.mark.parametrize(
    ("messages", "size"),
    [
        ([{"status": "v1: digest: sha256:" + 64 * "a" + " size: 528"}], 528),
        ([{"status": "v1: digest: sha256:" + 64 * "a"}], None),
        ([{"aux": {"Tag": "v1", "Digest": "sha256:" + 64 * "a", "Size": 528}}], 528),
        ([{"aux": {"Digest": "sha256:" + 64 * "a"}}], None),
    ],
)
def test_a_push_answers_the_digest(messages: list[dict[str, Any]], size: int | None) -> None:
    """Docker says it in a member of its own, Podman 4 in a sentence."""
    bench = Bench()
    pushed = bench.result(bench.client.wrapped(Scripted(image_push=messages).wrap).push(NAME))
    assert (pushed.digest, pushed.size) == ("sha256:" + 64 * "a", size)
    assert pushed.by_digest == f"registry.test/team/tool@{pushed.digest}"


def test_a_push_without_a_digest_is_said() -> None:
    """An engine that ends and does not say what it has pushed is not believed."""
    bench = Bench()
    with pytest.raises(StreamCorrupt, match="did not say what it pushed"):
        bench.result(bench.client.wrapped(Scripted(image_push=[{"status": "Pushed", "id": "a"}]).wrap).push(NAME))


def test_a_push_needs_a_tag() -> None:
    """What is named by its digest alone cannot be pushed."""
    bench = Bench()
    with pytest.raises(ValueError, match="has no tag"):
        bench.result(bench.client.push(f"registry.test/a@sha256:{64 * 'a'}"))


def test_a_push_always_has_its_header() -> None:
    """Docker refuses one that lacks it, even where there is nobody to name."""
    bench = Bench()
    script = Scripted(image_push=[{"aux": {"Digest": "sha256:" + 64 * "a"}}])
    bench.result(bench.client.wrapped(script.wrap).push(NAME))
    assert script.asked[0].parameters["auth"] == {}


def test_images_that_nothing_uses_are_pruned() -> None:
    """What was removed is answered by name and by id, with the room that it took."""
    bench = Bench()
    id_ = bench.engine.add_image("a", layers=[b"layer"])
    removal = bench.result(bench.client.images.prune(all=True))
    assert (removal.untagged, removal.deleted, removal.reclaimed) == (("a:latest",), (id_,), 5)
    assert bench.result(bench.client.images.prune(all=True)).deleted == ()


def test_a_login_may_have_no_words() -> None:
    """The API lets an engine accept credentials without a document."""
    bench = Bench()
    bench.engine.fail_next("registry.login", Fault(reply=b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"))
    login = bench.result(bench.client.login("registry.test", "ada", "geheim"))
    assert (login.status, login.identity_token) == ("", "")


def test_a_login_is_tried() -> None:
    """A registry accepts credentials or does not; what was sent is in no representation."""
    bench = Bench()
    bench.engine.accounts["registry.test"] = {"ada": "geheim"}
    assert bench.result(bench.client.login("registry.test", "ada", "geheim")).status == "Login Succeeded"
    with pytest.raises(Unauthorized) as caught:
        bench.result(bench.client.login("registry.test", "eve", "geheim"))
    assert "geheim" not in repr(caught.value.request) + str(caught.value)


@pytest.mark.parametrize(
    ("stream", "names", "ids"),
    [
        ("Loaded image: a:b\n", ("a:b",), ()),
        ("Loaded image ID: sha256:" + 64 * "a" + "\n", (), ("sha256:" + 64 * "a",)),
        ("Loaded image: h:5000/a:b,c:d", ("h:5000/a:b", "c:d"), ()),
        ("Loaded image(s): a:b, c:d\n", ("a:b", "c:d"), ()),
        ("Loaded image: sha256:" + 64 * "a", (), ("sha256:" + 64 * "a",)),
        ("Loaded image: a:b\nLoaded image: c:d\n", ("a:b", "c:d"), ()),
        ("Loading layer", (), ()),
    ],
)
def test_what_was_loaded_is_read(stream: str, names: tuple[str, ...], ids: tuple[str, ...]) -> None:
    """Every way in which engines say what they have loaded is understood."""
    bench = Bench()
    script = Scripted(image_load=[{"stream": stream}])
    loaded = bench.result(bench.client.wrapped(script.wrap).images.load(b""))
    assert (loaded.names, loaded.ids) == (names, ids)
    assert script.closed


def test_a_load_that_fails_late_is_said() -> None:
    """What an engine complains of behind its success is an error, with the method."""
    bench = Bench()
    bench.engine.fail_next("image.load", complain("invalid tar header"))
    with pytest.raises(EngineError, match=r"image\.load: invalid tar header"):
        bench.result(bench.client.images.load(b""))


def test_a_build_that_fails_has_its_output() -> None:
    """The error has the end of what was printed before the step that failed."""
    bench = Bench()
    messages: list[dict[str, Json]] = [{"stream": f"line {number}\n"} for number in range(2000)]
    script = Scripted(image_build=[*messages, {"errorDetail": {"message": "step 3 failed"}}])
    with pytest.raises(BuildFailed, match=r"image\.build a:b: step 3 failed") as caught:
        bench.result(bench.client.wrapped(script.wrap).images.build(b"", tags=["a:b"]))
    assert caught.value.output.endswith("line 1998\nline 1999\n")
    assert len(caught.value.output) == 4096


@pytest.mark.parametrize("fault", [refuse(400, "dockerfile parse error"), refuse(500, "Cannot locate Dockerfile")])
def test_a_build_that_does_not_begin(fault: Fault) -> None:
    """What the engine refuses at once is the same error."""
    bench = Bench()
    bench.engine.fail_next("image.build", fault)
    with pytest.raises(BuildFailed, match=r"Dockerfile|dockerfile") as caught:
        bench.result(bench.client.images.build(b""))
    assert caught.value.status in {400, 500}


@pytest.mark.parametrize(
    "last", [{"aux": {"ID": "ID"}}, {"stream": "Successfully built SHORT\n"}, {"stream": "LONG\n"}]
)
def test_what_was_built_is_found(last: dict[str, Any]) -> None:
    """The image is found by whichever way an engine says its id; what a step printed before is not taken for it."""
    bench = Bench()
    id_ = with_image(bench)
    digits = id_.removeprefix("sha256:")
    said = {"ID": id_, "SHORT": digits[:12], "LONG": digits}
    for placeholder, value in said.items():
        last = {key: _replaced(member, placeholder, value) for key, member in last.items()}
    script = Scripted(image_build=[{"stream": f"{64 * 'f'}\n"}, last])
    assert bench.result(bench.client.wrapped(script.wrap).images.build(b"")).id == id_


def _replaced(member: Any, placeholder: str, value: str) -> Any:  # noqa: ANN401 - a part of JSON
    if isinstance(member, dict):
        return {key: value if inner == placeholder else inner for key, inner in member.items()}
    return member.replace(placeholder, value)


def test_a_build_that_says_nothing_is_said() -> None:
    """An engine that ends and has said no id is not believed."""
    bench = Bench()
    with pytest.raises(StreamCorrupt, match="did not say what it built"):
        bench.result(bench.client.wrapped(Scripted(image_build=[{"stream": "Step 1"}]).wrap).images.build(b""))


def test_a_build_shows_the_progress_of_its_pulls() -> None:
    """What the builder says of an image that it pulls is progress; what it prints is output."""
    bench = Bench()
    id_ = with_image(bench)
    pulls: dict[str, Json] = {"status": "Downloading", "id": "a", "progressDetail": {"current": 1, "total": 2}}
    script = Scripted(image_build=[pulls, {"stream": "Step 1"}, {}, {"aux": {"ID": id_}}])
    told: list[Any] = []
    bench.result(bench.client.wrapped(script.wrap).images.build(b"", on_message=told.append))
    assert [message.output for message in told] == ["", "Step 1"]
    assert (told[0].progress.done, told[0].progress.total) == (1, 2)


def test_credentials_for_a_build_go_by_registry() -> None:
    """They are in the engine's own form, and in no representation."""
    bench = Bench()
    id_ = with_image(bench)
    script = Scripted(image_build=[{"aux": {"ID": id_}}])
    auth = {"registry.test": Credentials("ada", "geheim")}
    bench.result(bench.client.wrapped(script.wrap).images.build(b"", auth=auth))
    (request, _) = script.asked
    assert request.parameters["registries"]["registry.test"]["password"] == auth["registry.test"].password
    assert "geheim" not in repr(request)


def test_archives_of_the_contract_are_archives() -> None:
    """What the tests build and import has the files that it should."""
    with tarfile.open(fileobj=io.BytesIO(archive_of(a=b"b"))) as tar:
        assert tar.getnames() == ["a"]
