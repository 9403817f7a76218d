"""Accounts, sessions and tokens, from outside."""

import stat
from datetime import timedelta

import pytest
from sqlalchemy import select

from melisma.studio.access import Access, Limiter, TooManyTries, neighbourhood
from melisma.studio.lan import qr_rows
from melisma.studio.tables import Session, Token, User, now


def test_an_open_studio_asks_nobody(open_house) -> None:
    me = open_house.client().get("/api/me").json()
    assert (me["open"], me["setup_needed"], me["csrf"]) == (True, False, None)
    assert (me["user"]["name"], me["user"]["admin"]) == ("You", True)
    assert open_house.client().get("/api/me").json()["user"]["id"] == me["user"]["id"]


def test_accounts_mean_nothing_in_an_open_studio(open_house) -> None:
    answer = open_house.client().post("/api/login", json={"name": "You", "password": "x"})
    assert (answer.status_code, answer.json()["code"]) == (409, "open")


def test_the_first_account_needs_the_passcode(house) -> None:
    client = house.client()
    assert client.get("/api/me").json()["setup_needed"] is True
    body = {"name": "Ann", "password": "correct horse", "passcode": "AAAA-AAAA"}
    assert client.post("/api/setup", json=body).json()["code"] == "wrong_passcode"
    body["passcode"] = house.studio.access.passcode.lower().replace("-", " ")
    answer = client.post("/api/setup", json=body)
    assert answer.status_code == 200
    assert answer.json()["user"]["admin"] is True
    assert client.get("/api/me").json()["user"]["name"] == "Ann"
    assert client.post("/api/setup", json=body).status_code in (403, 409)
    assert house.client().post("/api/setup", json=body).json()["code"] == "set_up"


def test_the_first_account_takes_over_the_open_library(make) -> None:
    you = make().client().get("/api/me").json()["user"]["id"]
    house = make("http://192.168.1.20:7788", lan=True)
    assert house.owner("Ann").get("/api/me").json()["user"]["id"] == you


def test_signing_in_and_out(house) -> None:
    house.owner("Ann", "correct horse")
    client = house.client()
    assert client.get("/api/me").json()["user"] is None
    wrong = client.post("/api/login", json={"name": "Ann", "password": "horse"})
    nobody = client.post("/api/login", json={"name": "Bob", "password": "horse"})
    assert (wrong.status_code, nobody.status_code) == (401, 401)
    assert wrong.json() == nobody.json()
    client = house.signed_in("Ann", "correct horse")
    assert client.get("/api/me").json()["user"]["name"] == "Ann"
    assert client.post("/api/logout").status_code == 204
    assert client.get("/api/me").json()["user"] is None


def test_the_cookie_is_out_of_reach_of_scripts_and_sites(house) -> None:
    house.owner("Ann", "correct horse")
    answer = house.client().post("/api/login", json={"name": "Ann", "password": "correct horse"})
    said = answer.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said
    assert "secure" not in said


def test_what_is_kept_lets_nobody_in(house) -> None:
    client = house.owner("Ann", "correct horse")
    secret = client.post("/api/tokens", json={"name": "t", "scopes": ["read"]}).json()["secret"]
    with house.studio.database.reading() as session:
        kept = [session.scalar(select(User)).password_hash, session.scalar(select(Session)).secret_hash]
        kept.append(session.scalar(select(Token)).secret_hash)
    assert kept[0].startswith("$argon2id$")
    assert not any(word in str(kept) for word in ("correct horse", secret, client.cookies["melisma_session"]))


def test_the_key_of_cookies_is_its_owners_alone(house) -> None:
    house.owner()
    path = house.studio.settings.data / "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text()) == 64


def test_a_cookie_of_ones_own_making_is_worthless(house) -> None:
    client = house.owner()
    secret = client.cookies["melisma_session"].rsplit(".", 1)[0]
    for forged in (secret, f"{secret}.AAAA", "x", "\x80", f"{secret}." + "A" * 5000):
        answer = house.client().get("/api/songs", headers={"Cookie": f"melisma_session={forged}".encode("latin-1")})
        assert answer.status_code == 401


def test_a_session_ends(house) -> None:
    client = house.owner()
    with house.studio.database.transaction() as session:
        session.scalar(select(Session)).expires_at = now() - timedelta(seconds=1)
    assert client.get("/api/me").json()["user"] is None


def test_a_new_password_signs_others_out(house) -> None:
    first, second = house.owner("Ann", "correct horse"), house.signed_in("Ann", "correct horse")
    body = {"old": "wrong horse", "new": "battery staple"}
    assert first.post("/api/me/password", json=body).status_code == 401
    assert first.post("/api/me/password", json=body | {"old": "correct horse"}).status_code == 204
    assert first.get("/api/me").json()["user"] is not None
    assert second.get("/api/me").json()["user"] is None
    assert house.signed_in("Ann", "battery staple")


def test_signing_out_everywhere(house) -> None:
    first, second = house.owner("Ann", "correct horse"), house.signed_in("Ann", "correct horse")
    assert first.post("/api/logout?everywhere=true").status_code == 204
    assert second.get("/api/me").json()["user"] is None


def test_at_the_machine_itself_a_forgotten_password_is_set_anew(make) -> None:
    make("http://192.168.1.20:7788", lan=True).owner("Ann", "correct horse")
    make().client().post("/api/me/password", json={"new": "battery staple"}).raise_for_status()
    assert make("http://192.168.1.20:7788", lan=True).signed_in("Ann", "battery staple")


def test_guessing_is_slowed_down(house) -> None:
    house.owner("Ann", "correct horse")
    client = house.client()
    answers = [client.post("/api/login", json={"name": "Ann", "password": str(n)}) for n in range(Access.PER_NAME + 1)]
    assert [answer.status_code for answer in answers] == [401] * Access.PER_NAME + [429]
    assert int(answers[-1].headers["retry-after"]) > 200
    right = client.post("/api/login", json={"name": "Ann", "password": "correct horse"})
    assert right.status_code == 429


def test_guessing_names_is_slowed_down_by_address(house) -> None:
    house.owner("Ann", "correct horse")
    client = house.client()
    tries = [client.post("/api/login", json={"name": f"n{n}", "password": "x"}) for n in range(Access.PER_ADDRESS + 1)]
    assert 429 in {answer.status_code for answer in tries}


def test_guessing_the_passcode_is_slowed_down(house) -> None:
    body = {"name": "Eve", "password": "12345678", "passcode": "0"}
    answers = [house.client().post("/api/setup", json=body).status_code for _ in range(Access.PER_NAME + 1)]
    assert answers == [403] * Access.PER_NAME + [429]


def test_a_limiter_forgets_in_time() -> None:
    moment = [0.0]
    limiter = Limiter(60, clock=lambda: moment[0])
    for _ in range(2):
        limiter.count({"a": 2})
    with pytest.raises(TooManyTries, match="60 seconds"):
        limiter.count({"a": 2, "b": 5})
    assert "b" not in limiter.tries
    moment[0] = 61
    limiter.count({"a": 2})


def test_a_household_is_one_neighbour() -> None:
    assert neighbourhood("2001:db8::1") == neighbourhood("2001:db8::ffff") == "2001:db8::/64"
    assert neighbourhood("192.168.1.4") != neighbourhood("192.168.1.5")
    assert neighbourhood("testclient") == "testclient"


def test_people_are_an_administrators_business(house) -> None:
    ann = house.owner("Ann")
    bob = ann.post("/api/users", json={"name": " Bob ", "password": "bobs secret"})
    assert (bob.status_code, bob.json()["name"], bob.json()["admin"]) == (201, "Bob", False)
    assert ann.post("/api/users", json={"name": "Bob", "password": "bobs secret"}).status_code == 409
    assert ann.post("/api/users", json={"name": "  ", "password": "bobs secret"}).status_code == 422
    browser = house.signed_in("Bob", "bobs secret")
    assert browser.get("/api/users").status_code == 403
    assert browser.post("/api/users", json={"name": "C", "password": "12345678"}).status_code == 403
    assert browser.post(f"/api/users/{bob.json()['id']}/password", json={"new": "12345678"}).status_code == 403
    assert [user["name"] for user in ann.get("/api/users").json()] == ["Ann", "Bob"]
    assert browser.get("/api/machine").json()["data_folder"] == ""
    assert str(house.studio.settings.data) in ann.get("/api/machine").json()["data_folder"]


def test_an_invitation_names_an_address_that_works_elsewhere(house) -> None:
    ann = house.owner("Ann")
    ann.post("/api/users", json={"name": "Bob", "password": "bobs secret"})
    assert house.signed_in("Bob", "bobs secret").get("/api/users/invitation").status_code == 403
    found = ann.get("/api/users/invitation").json()
    assert found["url"] == house.base + "/"
    assert found["picture"] == qr_rows(found["url"])
    side = len(found["picture"])
    assert (side - 17) % 4 == 0
    assert all(len(row) == side and set(row) <= {"0", "1"} for row in found["picture"])
    # The three corners by which a camera finds it.
    assert [row[:7] for row in (found["picture"][0], found["picture"][-1])] == ["1111111"] * 2
    assert found["picture"][0][-7:] == "1111111"


def test_an_invitation_made_at_the_machine_itself_names_its_address_in_the_network(make, monkeypatch) -> None:
    ann = make(lan=True).owner("Ann")
    monkeypatch.setattr("melisma.studio.routes.users.lan_address", lambda: "192.168.1.20")
    assert ann.get("/api/users/invitation").json()["url"] == "http://192.168.1.20:7788/"
    monkeypatch.setattr("melisma.studio.routes.users.lan_address", lambda: None)
    answer = ann.get("/api/users/invitation")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_network")


def test_an_open_studio_invites_nobody(open_house) -> None:
    answer = open_house.client().get("/api/users/invitation")
    assert (answer.status_code, answer.json()["code"]) == (409, "open")


def test_an_administrator_gives_a_new_password(house) -> None:
    ann = house.owner("Ann")
    bob = ann.post("/api/users", json={"name": "Bob", "password": "bobs secret"}).json()["id"]
    browser = house.signed_in("Bob", "bobs secret")
    assert ann.post(f"/api/users/{bob}/password", json={"new": "another one"}).status_code == 204
    assert browser.get("/api/songs").status_code == 401
    assert house.signed_in("Bob", "another one")
    assert ann.post("/api/users/nobody/password", json={"new": "another one"}).status_code == 404


def test_whoever_is_removed_is_gone_at_once(house) -> None:
    ann = house.owner("Ann")
    bob = ann.post("/api/users", json={"name": "Bob", "password": "bobs secret"}).json()["id"]
    browser = house.signed_in("Bob", "bobs secret")
    token = browser.post("/api/tokens", json={"name": "t", "scopes": ["read"]}).json()["secret"]
    browser.post("/api/playlists", json={"name": "mine"}).raise_for_status()
    assert ann.delete(f"/api/users/{bob}").status_code == 204
    assert browser.get("/api/songs").status_code == 401
    assert house.client().get("/api/songs", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert ann.delete(f"/api/users/{bob}").status_code == 404
    me = ann.get("/api/me").json()["user"]["id"]
    assert ann.delete(f"/api/users/{me}").status_code == 409


def test_settings_are_remembered_key_by_key(open_house) -> None:
    client = open_house.client()
    assert client.put("/api/me/settings", json={"theme": "dark", "compose": {"steps": 8}}).status_code == 200
    assert client.put("/api/me/settings", json={"theme": None, "speed": 2}).json() == {
        "compose": {"steps": 8},
        "speed": 2,
    }
    assert client.get("/api/me").json()["settings"] == {"compose": {"steps": 8}, "speed": 2}
    assert client.put("/api/me/settings", json={"big": "x" * 70_000}).status_code == 413


def test_tokens_come_and_go(house) -> None:
    ann = house.owner("Ann")
    made = ann.post("/api/tokens", json={"name": "script", "scopes": ["make", "read", "read"], "days": 1}).json()
    assert made["scopes"] == ["read", "make"]
    program = house.client(headers={"Authorization": f"Bearer {made['secret']}"})
    assert program.get("/api/songs").status_code == 200
    shown = ann.get("/api/tokens").json()
    assert [(token["name"], token["secret"]) for token in shown] == [("script", None)]
    assert shown[0]["used_at"] is not None
    with house.studio.database.transaction() as session:
        session.get(Token, made["id"]).expires_at = now()
    assert program.get("/api/songs").status_code == 401
    assert ann.delete(f"/api/tokens/{made['id']}").status_code == 204
    assert ann.get("/api/tokens").json() == []


def test_nobody_removes_another_ones_token(house) -> None:
    ann = house.owner("Ann")
    ann.post("/api/users", json={"name": "Bob", "password": "bobs secret"}).raise_for_status()
    token = ann.post("/api/tokens", json={"name": "script", "scopes": ["read"]}).json()["id"]
    assert house.signed_in("Bob", "bobs secret").delete(f"/api/tokens/{token}").status_code == 404
    assert len(ann.get("/api/tokens").json()) == 1


def test_a_token_makes_none_that_may_do_more(house) -> None:
    ann = house.owner("Ann")
    secret = ann.post("/api/tokens", json={"name": "boss", "scopes": ["manage"]}).json()["secret"]
    program = house.client(headers={"Authorization": f"Bearer {secret}"})
    assert program.post("/api/tokens", json={"name": "more", "scopes": ["manage", "make"]}).status_code == 403
    assert program.post("/api/tokens", json={"name": "same", "scopes": ["manage"]}).status_code == 201
