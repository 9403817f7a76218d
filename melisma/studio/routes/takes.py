"""Takes: changes, sound in any format, waveforms, lyrics in time, selections."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse, PlainTextResponse

from melisma import audio
from melisma.studio import library
from melisma.studio.context import Person, Studio, Writing
from melisma.studio.exports import MEDIA_TYPES, Cut, Format, exported, file_name, lrc, name_of, provenance_of
from melisma.studio.library import take_to_change, take_to_see
from melisma.studio.peaks import as_numbers
from melisma.studio.problems import NotHere, Refused
from melisma.studio.routes.sending import KEPT_FOREVER, KEPT_IF_SAME, attachment
from melisma.studio.shapes import Line, PeaksOut, Section, SelectionIn, TakeEdit, TakeOut, TakePatch
from melisma.studio.sounds import Origin, keep_sound
from melisma.studio.tables import File
from melisma.studio.views import take_out

router = APIRouter(prefix="/api/takes", tags=["takes"])

Moment = Annotated[float | None, Query(ge=0, le=100_000, allow_inf_nan=False)]
SHORTEST_S = 0.05


@router.patch("/{take_id}")
def patch_take(session: Writing, studio: Studio, user: Person, take_id: str, body: TakePatch) -> TakeOut:
    """Name a take, rate it, or change how it is played: trim, fades and gain leave the sound itself alone."""
    take, song = take_to_change(session, user, take_id)
    return take_out(library.change_take(session, studio.files, take, song, body))


@router.delete("/{take_id}", status_code=204)
def discard_take(session: Writing, studio: Studio, user: Person, take_id: str) -> None:
    """Set a take aside; it can be restored."""
    take, song = take_to_change(session, user, take_id)
    library.discard(session, studio.files, take, song)


@router.post("/{take_id}/restore")
def restore_take(session: Writing, studio: Studio, user: Person, take_id: str) -> TakeOut:
    """Take a discarded take back."""
    take, song = take_to_change(session, user, take_id)
    return take_out(library.bring_back(session, studio.files, take, song))


@router.post("/{take_id}/selection", status_code=201)
def select_part(studio: Studio, user: Person, take_id: str, body: SelectionIn) -> TakeOut:
    """Make a stretch of a take a take of its own."""
    with studio.database.reading() as session:
        take, song = take_to_see(session, user, take_id)
        file = session.get(File, take.sha256)
        assert file is not None
        path = library.path_of(studio.files, file)
    end_s = min(body.end_s, take.duration_s)
    if end_s - body.start_s < SHORTEST_S:
        raise Refused(
            f"From {body.start_s:g} s to {end_s:g} s is no stretch of {take.duration_s:.2f} s: select more of it."
        )
    origin = Origin(song.id, "selection", number=take.number, parent_id=take.id, song_title=song.title)
    sound = audio.read(path, rate_hz=None).between(body.start_s, end_s)
    kept = keep_sound(studio.files, sound, origin, provenance=provenance_of(take), title=name_of(song, take))
    lines = [
        line.model_copy(update={"start_s": line.start_s - body.start_s, "end_s": min(line.end_s, end_s) - body.start_s})
        for line in map(Line.model_validate, take.lines)
        if body.start_s <= line.start_s < end_s
    ]
    sections = [
        Section(
            start_s=max(part.start_s, body.start_s) - body.start_s,
            end_s=min(part.end_s, end_s) - body.start_s,
            name=part.name,
        )
        for part in map(Section.model_validate, take.sections)
        if part.start_s < end_s and part.end_s > body.start_s
    ]
    with studio.database.transaction() as session:
        take_to_change(session, user, take_id)
        added = library.add_take(session, studio.files, kept, title=body.title, lines=lines, sections=sections)
        return take_out(added)


@router.get("/{take_id}/audio", response_class=Response, responses={200: {"content": {"audio/*": {}}}, 206: {}})
def get_audio(
    studio: Studio,
    user: Person,
    take_id: str,
    format: Annotated[Format | None, Query(description="Left out: the file as it is stored.")] = None,
    start_s: Moment = None,
    end_s: Moment = None,
    plain: Annotated[bool, Query(description="As it was made, without trim, fades and gain.")] = False,
    download: Annotated[bool, Query(description="To be saved under its name.")] = False,
) -> FileResponse:
    """The sound of a take; ranges are understood. With a format or `download`, its trim, fades and gain are applied."""
    with studio.database.reading() as session:
        take, song = take_to_see(session, user, take_id)
        file = session.get(File, take.sha256)
        assert file is not None
        path = library.path_of(studio.files, file)
    edit = TakeEdit() if plain or not (format or download) else TakeEdit.model_validate(take.edit or {})
    stored = take.format if take.format in ("flac", "wav", "mp3", "opus", "m4a") else "flac"
    as_stored = edit == TakeEdit() and start_s is None and end_s is None and format in (None, take.format)
    if not as_stored:
        cut = Cut(format or stored, edit, start_s, end_s)  # type: ignore[arg-type]
        path = exported(studio.files, path, song, take, cut)
    headers = dict(KEPT_FOREVER if as_stored and not download else KEPT_IF_SAME)
    if download:
        headers |= attachment(f"{file_name(name_of(song, take))}{path.suffix}")
    return FileResponse(path, media_type=MEDIA_TYPES.get(path.suffix[1:], "application/octet-stream"), headers=headers)


@router.get("/{take_id}/peaks")
def get_peaks(studio: Studio, user: Person, take_id: str, response: Response) -> PeaksOut:
    """The waveform of a take, to look at."""
    with studio.database.reading() as session:
        take, _ = take_to_see(session, user, take_id)
        file = session.get(File, take.peaks_sha256) if take.peaks_sha256 else None
        if file is None:
            raise NotHere("This take has no waveform: `melisma library check --repair` makes it.")
        stored = library.path_of(studio.files, file).read_bytes()
    response.headers.update(KEPT_FOREVER)
    return PeaksOut(duration_s=take.duration_s, peaks=as_numbers(stored))


@router.get("/{take_id}/lyrics.lrc", response_class=PlainTextResponse)
def get_lyrics(studio: Studio, user: Person, take_id: str, plain: bool = False) -> PlainTextResponse:
    """Lyrics in time, as an LRC file that fits the take's download; `plain`: that fits it untrimmed."""
    with studio.database.reading() as session:
        take, song = take_to_see(session, user, take_id)
        text = lrc(song, take, None if plain else TakeEdit.model_validate(take.edit or {}))
        if text is None:
            raise NotHere("Nobody knows when the words of this take are sung.")
    return PlainTextResponse(text, headers=attachment(f"{file_name(name_of(song, take))}.lrc"))
