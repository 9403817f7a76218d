"""The door, tried by a second machine that was never let in, and by other sites' pages."""

import asyncio
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from melisma.studio import guard
from melisma.studio.guard import HEADERS, PUBLIC, Guard, needs_person, right_for

METHODS = ("get", "post", "put", "patch", "delete")
UNGUARDED = {("GET", "/health"), ("GET", "/ready")}


def routes(app: Any) -> list[tuple[str, str]]:
    """Every method and path of the API, with something in place of its parameters."""
    return [
        (method.upper(), re.sub(r"\{[^}]+\}", "a" * 32, path))
        for path, item in app.openapi()["paths"].items()
        for method in METHODS
        if method in item
    ]


def test_there_is_an_api(house) -> None:
    assert len(routes(house.app)) > 40


def test_a_stranger_is_let_in_nowhere(house) -> None:
    house.owner()
    stranger = house.client()
    for method, path in routes(house.app):
        if (method, path) in UNGUARDED | PUBLIC:
            continue
        for body in ({}, {"json": {}}):
            answer = stranger.request(method, path, **body)
            assert answer.status_code == 401, (method, path, answer.status_code)
            assert answer.json()["code"] == "sign_in"


def test_what_is_public_is_named(house) -> None:
    open_to_all = {(method, path) for method, path in routes(house.app) if not needs_person(method, path)}
    assert open_to_all == UNGUARDED | PUBLIC
    ann = house.owner()
    assert ann.get("/api/openapi.json").status_code == 200
    assert house.client().get("/api/openapi.json").status_code == 401


def test_public_answers_tell_a_stranger_nothing(house) -> None:
    house.owner("Ann")
    said = house.client().get("/api/me").json()
    assert (said["user"], said["csrf"], said["settings"]) == (None, None, {})
    assert house.client().get("/health").json()["status"] == "ok"
    assert house.client().post("/api/logout").status_code == 204


@pytest.mark.parametrize("header", ["Bearer x", "Bearer ", "Bearer melisma_" + "A" * 43, "Basic QW5uOng=", "bearer"])
def test_no_header_of_ones_own_making_helps(house, header: str) -> None:
    house.owner("Ann")
    assert house.client(headers={"Authorization": header}).get("/api/songs").status_code == 401


@pytest.mark.parametrize("scope", ["read", "make", "manage"])
def test_a_token_does_what_its_scope_says(house, scope: str) -> None:
    secret = house.owner().post("/api/tokens", json={"name": "t", "scopes": [scope]}).json()["secret"]
    program = house.client(headers={"Authorization": f"Bearer {secret}"})
    for method, path in routes(house.app):
        if (method, path) in UNGUARDED or path in ("/api/events", "/api/login", "/api/setup", "/api/trash"):
            continue
        if method == "DELETE" and path == f"/api/tokens/{'a' * 32}":
            continue
        answer = program.request(method, path)
        refused = answer.status_code == 403 and answer.json()["code"] == "scope"
        assert refused == (right_for(method, path) != scope), (method, path, answer.status_code)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/api/songs", "read"),
        ("GET", "/api/events", "read"),
        ("GET", "/metrics", "read"),
        ("POST", "/api/jobs", "make"),
        ("DELETE", "/api/songs/a", "make"),
        ("POST", "/api/uploads", "make"),
        ("GET", "/api/users", "manage"),
        ("GET", "/api/tokens", "manage"),
        ("POST", "/api/models/turbo/pull", "manage"),
        ("DELETE", "/api/models/turbo", "manage"),
        ("GET", "/api/models", "read"),
        ("POST", "/api/me/password", "manage"),
        ("GET", "/api/me", "read"),
    ],
)
def test_scopes(method: str, path: str, scope: str) -> None:
    assert right_for(method, path) == scope


def test_a_change_with_a_cookie_needs_the_pages_secret(house) -> None:
    client = house.owner()
    csrf = client.headers.pop("X-CSRF-Token")
    assert client.post("/api/playlists", json={"name": "a"}).json()["code"] == "csrf"
    for wrong in ("", csrf[:-1], csrf + "0", "é"):
        answer = client.post("/api/playlists", json={"name": "a"}, headers={"X-CSRF-Token": wrong.encode()})
        assert answer.status_code == 403
    assert client.post("/api/playlists", json={"name": "a"}, headers={"X-CSRF-Token": csrf}).status_code == 201
    assert client.get("/api/playlists").status_code == 200
    assert client.post("/api/logout").status_code == 403


def test_ones_own_secret_opens_no_other_session(house) -> None:
    ann = house.owner("Ann")
    ann.post("/api/users", json={"name": "Bob", "password": "bobs secret"}).raise_for_status()
    bob = house.signed_in("Bob", "bobs secret")
    bob.headers["X-CSRF-Token"] = ann.headers["X-CSRF-Token"]
    assert bob.post("/api/playlists", json={"name": "a"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "http://127.0.0.1:7788.evil.example"},
        {"Origin": "file://127.0.0.1:7788"},
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_sites_change_nothing(open_house, headers: dict[str, str]) -> None:
    answer = open_house.client().post("/api/playlists", json={"name": "a"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "other_site")


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "http://127.0.0.1:7788"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}]
)
def test_our_page_and_programs_may_change_things(open_house, headers: dict[str, str]) -> None:
    assert open_house.client().post("/api/playlists", json={"name": "a"}, headers=headers).status_code == 201


def test_other_sites_embed_nothing(open_house) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert open_house.client().get("/api/songs", headers=headers).status_code == 403
    headers["Sec-Fetch-Mode"] = "navigate"
    assert open_house.client().get("/api/songs", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7788", "", "127.0.0.1.evil.example", "localhost@evil", "[::1"]
)
def test_an_open_studio_answers_to_its_own_name_alone(open_house, host: str) -> None:
    for path in ("/api/songs", "/", "/health"):
        assert open_house.client().get(path, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:7788", "music.example"])
def test_names_that_are_ours(make, host: str) -> None:
    client = make(hosts="music.example, b.example").client()
    assert client.get("/api/songs", headers={"Host": host}).status_code == 200


def test_on_a_network_addresses_are_ours_and_strange_names_are_not(house) -> None:
    assert house.client().get("/health", headers={"Host": "10.0.0.7:7788"}).status_code == 200
    assert house.client().get("/health", headers={"Host": "evil.example"}).status_code == 421


def test_behind_a_proxy_the_page_may_bear_its_name(make) -> None:
    client = make(hosts="music.example").client()
    ours, theirs = {"Origin": "https://music.example"}, {"Origin": "https://music.example.evil"}
    assert client.post("/api/playlists", json={"name": "a"}, headers=ours).status_code == 201
    assert client.post("/api/playlists", json={"name": "a"}, headers=theirs).status_code == 403


@pytest.mark.parametrize("path", ["/", "/api/songs", "/api/nothing", "/health", "/library/deep"])
def test_every_answer_is_dressed(open_house, path: str) -> None:
    for host in ("127.0.0.1:7788", "evil.example"):
        answer = open_house.client().get(path, headers={"Host": host})
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_no_script_may_be_inline() -> None:
    policy = dict(part.split(" ", 1) for part in HEADERS["content-security-policy"].split("; "))
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    assert "http" not in HEADERS["content-security-policy"]


def test_answers_of_the_api_are_kept_by_nobody(open_house) -> None:
    assert open_house.client().get("/api/songs").headers["cache-control"] == "no-store"


def test_no_site_is_granted_anything(open_house) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = open_house.client().options("/api/songs", headers=headers)
    assert "access-control-allow-origin" not in answer.headers


def test_a_body_beyond_all_measure_is_cut(open_house) -> None:
    client: TestClient = open_house.client()
    big = b'{"name": "' + b"x" * 4_100_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    assert client.post("/api/playlists", content=big, headers=headers).status_code == 413
    assert client.post("/api/playlists", content=iter([big]), headers=headers).status_code == 413
    assert client.get("/api/songs", headers={"Content-Length": "minus"}).status_code == 413


def test_libraries_are_apart(house) -> None:
    ann = house.owner("Ann")
    ann.post("/api/users", json={"name": "Bob", "password": "bobs secret"}).raise_for_status()
    bob = house.signed_in("Bob", "bobs secret")
    mine = ann.post("/api/playlists", json={"name": "private"}).json()["id"]
    assert bob.get("/api/playlists").json() == []
    assert bob.get(f"/api/playlists/{mine}").status_code == 404
    assert bob.delete(f"/api/playlists/{mine}").status_code == 404


# --- Streams --------------------------------------------------------------------------------------------------------


async def endless(scope: Any, receive: Any, send: Any) -> None:
    """An app that says something every so often, for ever."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b":\n", "more_body": True})
        await asyncio.sleep(0.01)


def streamed(house: Any, client: TestClient, after_s: float, then: Any) -> list[dict[str, Any]]:
    """What a stream sends until it ends by itself, when `then` is done after a while."""
    cookie = f"melisma_session={client.cookies['melisma_session']}".encode()
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/events",
        "headers": [(b"host", b"192.168.1.20:7788"), (b"cookie", cookie)],
    }
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.sleep(3600)

    async def both() -> None:
        stream = asyncio.create_task(Guard(endless, house.studio.access)(scope, receive, send))
        await asyncio.sleep(after_s)
        assert not stream.done()
        await asyncio.to_thread(then)
        await asyncio.wait_for(stream, 5)

    asyncio.run(both())
    return sent


def test_signing_out_ends_streams(house) -> None:
    client = house.owner()
    sent = streamed(house, client, 0.1, lambda: client.post("/api/logout").raise_for_status())
    assert len(sent) > 3
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert house.studio.access.streams.open == {}


def test_a_stream_is_looked_at_anew_in_time(house, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "STREAM_S", 0.2)
    client = house.owner()
    assert streamed(house, client, 0.05, lambda: None)[-1]["more_body"] is False


def test_a_removed_token_ends_streams(house) -> None:
    client = house.owner()
    token = client.post("/api/tokens", json={"name": "t", "scopes": ["read"]}).json()["id"]
    assert streamed(house, client, 0.05, lambda: client.delete(f"/api/tokens/{token}"))[-1]["more_body"] is False
