"""Faults as problem details (RFC 9457): what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from aggregator import log
from aggregator.errors import AggregatorError, NotFound, NothingToCorrect, QueryError, StoreError

MEDIA_TYPE = "application/problem+json"


class Place(BaseModel):
    """A part of a request that cannot be taken."""

    where: str = Field(description="The parameter or member, with dots between levels.")
    what: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """A fault, as RFC 9457 has it."""

    type: str = Field("about:blank", description="The status says it all.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The same as in the status line.")
    detail: str = Field(description="What happened, and what to do.")
    errors: list[Place] = Field([], description="Each part that cannot be taken, of a 422.")


def _described(status: int) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": HTTPStatus(status).phrase, "content": content}


RESPONSES: dict[int | str, dict[str, Any]] = {
    401: _described(401) | {"description": "No token, or one that is not known."},
    422: _described(422) | {"description": "A parameter or the body cannot be taken; `errors` says which."},
    503: _described(503) | {"description": "The database does not answer; try again later."},
}
"""What any operation may answer."""

MISSING: dict[int | str, dict[str, Any]] = {404: _described(404)}
MOVED: dict[int | str, dict[str, Any]] = {
    308: {
        "description": "The story was merged into another.",
        "headers": {"Location": {"schema": {"type": "string"}, "description": "The other story."}},
    }
}
WRITING: dict[int | str, dict[str, Any]] = {
    400: _described(400) | {"description": "The body is no JSON."},
    403: _described(403) | {"description": "The token is for reading, or another site has asked."},
    415: _described(415) | {"description": "The body is not sent as application/json."},
}
NOTHING: dict[int | str, dict[str, Any]] = {
    409: _described(409) | {"description": "There is nothing to change."}
}


def answer(
    status: int, detail: str, errors: list[Place] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """A problem as an answer."""
    said = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or [])
    return JSONResponse(
        said.model_dump(exclude_defaults=not errors) | {"type": said.type},
        status,
        dict(headers or {}),
        MEDIA_TYPE,
    )


def described_in(app: FastAPI) -> None:
    """Have the OpenAPI document of an application, with all its routes, say what a problem is."""
    document = app.openapi()
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    document["components"]["schemas"] |= schema.pop("$defs") | {Problem.__name__: schema}


def answered_by(app: FastAPI) -> None:
    """Have an application answer its faults so."""
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(AggregatorError, _of_ours)
    app.add_exception_handler(Exception, _of_a_defect)


async def _of_http(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return answer(error.status_code, error.detail, headers=error.headers)


async def _of_validation(_: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    places = [
        Place(where=".".join(map(str, fault["loc"][1:])) or fault["loc"][0], what=fault["msg"])
        for fault in faults
    ]
    return answer(422, "; ".join(f"{each.where}: {each.what}" for each in places), places)


_STATUS: dict[type[AggregatorError], int] = {
    NotFound: 404,
    NothingToCorrect: 409,
    QueryError: 422,
    StoreError: 503,
}


async def _of_ours(_: Request, error: Exception) -> Response:
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            if status != 503:
                return answer(status, str(error))
            log.warning("serve.store", str(error))
            return answer(503, "the database does not answer", headers={"Retry-After": "60"})
    raise error


async def _of_a_defect(_: Request, __: Exception) -> Response:
    """What nobody foresaw; the server logs it."""
    return answer(500, "something is broken here; the log says what")
