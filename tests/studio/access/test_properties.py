"""Whatever the schema allows, and much that it does not: the API answers, and never with a fault of its own.

Schemathesis draws requests from the OpenAPI schema. Half of the ids in addresses are of things that exist, so that
requests get past the first look-up.
"""

import json
import re
import time
from contextlib import suppress
from typing import Any

import hypothesis.strategies as st
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from melisma.studio import facts
from melisma.studio.tables import File, Job, Playlist, Song, Take, Token, User

EXAMPLES = 5
BUDGET_S = 90.0  # of computing: a crowded two-core machine takes 46
# Endless by design; its own tests read it.
STREAMS = ("/api/events",)
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


def lived_in(house: Any) -> dict[str, list[str]]:
    """Something of each kind; ids by the name of the parameter that takes them."""
    owner = house.studio.access.owner()
    with house.studio.database.transaction() as session:
        other = User(name="Ann")
        song = Song(owner_id=owner.id, title="Waltz")
        gone = Song(owner_id=owner.id, title="Gone", deleted_at=owner.created_at)
        session.add_all([other, song, gone])
        session.flush()
        job = Job(owner_id=owner.id, kind="sing", song_id=song.id, request={"caption": "waltz"})
        done = Job(owner_id=owner.id, kind="plan", state="failed", request={"caption": "waltz"})
        file = {"sha256": "a" * 64, "format": "flac", "sample_rate": 48000, "duration_s": 2.0, "kind": "compose"}
        session.add_all(
            [job, done, Playlist(owner_id=owner.id, name="List"), Token(user_id=owner.id, name="t", secret_hash="x")]
        )
        session.flush()
        session.add(File(sha256=file["sha256"], suffix=".flac", size=1))
        session.flush()
        take = Take(song_id=song.id, **file)
        session.add(take)
        session.flush()
        facts.say(session, "worker", {"state": "ready"})
        return {
            "song_id": [song.id, gone.id],
            "take_id": [take.id],
            "job_id": [job.id, done.id],
            "user_id": [other.id, owner.id],
            "name": ["turbo", "vae", "starter"],
            "sha256": ["a" * 64],
        }


def test_no_request_is_answered_with_a_fault(open_house) -> None:
    known = lived_in(open_house)
    client = open_house.client()
    found = schemathesis.openapi.from_dict(open_house.app.openapi())
    started, answered = time.process_time(), 0
    operations = [result.ok() for result in found.get_all_operations()]
    assert len(operations) > 40
    for operation in operations:
        if operation.path not in STREAMS:
            for mode in MODES:
                answered += probe(open_house, client, operation, operation.as_strategy(generation_mode=mode), known)
    taken = time.process_time() - started
    assert answered > 300
    assert taken < BUDGET_S, f"{taken:.0f} s of computing for {answered} requests: draw fewer examples"


def probe(house: Any, client: Any, operation: Any, cases: Any, known: dict[str, list[str]]) -> int:
    """Ask one operation many things; returns how many."""
    count = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def ask(data: st.DataObject) -> None:
        nonlocal count
        case = data.draw(cases)
        for name in re.findall(r"{(\w+)}", operation.path):
            if name in known and data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(known[name]))
        asked = accepted(case.as_transport_kwargs(base_url=house.base))
        answer = client.request(**asked)
        count += 1
        assert answer.status_code < 500, (operation.label, asked, answer.text[:500])
        if answer.status_code >= 400 and asked["method"] != "HEAD":
            assert isinstance(answer.json()["detail"], str), (operation.label, answer.text[:200])

    with suppress(Unsatisfiable):  # nothing can be wrong where nothing is asked for
        ask()
    return count


def accepted(asked: dict[str, Any]) -> dict[str, Any]:
    """Arguments as the test client takes them."""
    names = ("method", "url", "headers", "params", "cookies", "json", "data", "content", "files")
    found = {name: asked[name] for name in names if asked.get(name) is not None}
    if "data" in found and not isinstance(found["data"], dict):
        body = found.pop("data")
        found["content"] = written(body)
    if "files" in found:
        found["files"] = [
            (name, tuple(map(written, part)) if isinstance(part, tuple) else written(part))
            for name, part in found["files"]
        ]
    return found


def written(value: Any) -> Any:
    """What is drawn for a body may be a number or an object; on the wire it is text."""
    return value if value is None or isinstance(value, (bytes, str)) else json.dumps(value)


@pytest.mark.parametrize("text", ["\0", "\ud800", "a" * 5000, "'; DROP TABLE users; --", "<script>", "‮"])
def test_odd_names_are_taken_or_refused(open_house, text: str) -> None:
    client = open_house.client()
    for path, body in (
        ("/api/playlists", {"name": text}),
        ("/api/tokens", {"name": text, "scopes": ["read"]}),
        ("/api/users", {"name": text, "password": "12345678"}),
    ):
        raw = json.dumps(body).encode()
        answer = client.post(path, content=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code in (201, 422), (path, answer.status_code, answer.text)
        assert client.get(path).status_code == 200
