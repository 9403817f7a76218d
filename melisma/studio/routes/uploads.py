"""Uploads: audio that people bring, as a source, a reference or a song."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, Response
from sqlalchemy import select

from melisma.studio import library, uploads
from melisma.studio.context import Person, Reading, Studio, Writing
from melisma.studio.exports import MEDIA_TYPES
from melisma.studio.routes.sending import KEPT_FOREVER
from melisma.studio.shapes import UploadOut
from melisma.studio.tables import File, Upload

router = APIRouter(prefix="/api/uploads", tags=["uploads"])

FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


@router.post("", status_code=201, openapi_extra=FORM)
async def upload(request: Request, studio: Studio, user: Person) -> UploadOut:
    """Bring a sound: WAV, FLAC, MP3, Ogg, Opus, M4A, AAC, AIFF or WebM. The same one again gets the same id."""
    file = await uploads.received(request, studio.settings.max_upload_mb * 1_000_000)
    try:
        added = await run_in_threadpool(
            uploads.store,
            studio.database,
            studio.files,
            user,
            file.file,
            file.filename or "upload",
            studio.settings.max_upload_s,
        )
    finally:
        await file.close()
    return UploadOut.model_validate(added)


@router.get("")
def list_uploads(session: Reading, user: Person) -> list[UploadOut]:
    """What you brought, newest first."""
    rows = session.scalars(select(Upload).where(Upload.owner_id == user.id).order_by(Upload.created_at.desc()))
    return [UploadOut.model_validate(row) for row in rows]


@router.delete("/{upload_id}", status_code=204)
def delete_upload(session: Writing, studio: Studio, user: Person, upload_id: str) -> None:
    """Delete an upload; songs that were made of it stay."""
    uploads.remove(session, studio.files, uploads.upload_of(session, user, upload_id))


@router.get("/{upload_id}/audio", response_class=Response, responses={200: {"content": {"audio/*": {}}}, 206: {}})
def get_upload_audio(studio: Studio, user: Person, upload_id: str) -> FileResponse:
    """The sound of an upload, as it was brought; ranges are understood."""
    with studio.database.reading() as session:
        file = session.get(File, uploads.upload_of(session, user, upload_id).sha256)
        assert file is not None
        path = library.path_of(studio.files, file)
    return FileResponse(
        path, media_type=MEDIA_TYPES.get(path.suffix[1:], "application/octet-stream"), headers=KEPT_FOREVER
    )
