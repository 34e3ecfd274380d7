"""The API's documentation as a page of our own: the usual viewers load their scripts from elsewhere."""

import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from beyondloss.web.render import render

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    where: str
    required: bool
    kind: str
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    body: str
    answer: str
    statuses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resource:
    name: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class DocsPage:
    description: str
    resources: tuple[Resource, ...]
    schemas: tuple[Schema, ...]


@router.get("/api/docs")
def docs(request: Request) -> Response:
    """Every call, from the OpenAPI description."""
    return render(request, "api/docs.html", docs_page(request.app.openapi()))


def docs_page(openapi: dict[str, Any]) -> DocsPage:
    by_tag: dict[str, list[Operation]] = {}
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(method.upper(), path, operation))
    schemas = openapi.get("components", {}).get("schemas", {})
    return DocsPage(
        description=openapi["info"]["description"],
        resources=tuple(Resource(tag, tuple(operations)) for tag, operations in by_tag.items()),
        schemas=tuple(
            Schema(name, json.dumps(schema, indent=2, ensure_ascii=False)) for name, schema in sorted(schemas.items())
        ),
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> Operation:
    body = operation.get("requestBody", {}).get("content", {})
    good = next(status for status in operation["responses"] if status.startswith("2"))
    return Operation(
        method=method,
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        parameters=tuple(_parameter(parameter) for parameter in operation.get("parameters", ())),
        body=_kind(next(iter(body.values()))["schema"]) if body else "",
        answer=_kind(operation["responses"][good].get("content", {}).get("application/json", {}).get("schema", {})),
        statuses=tuple(operation["responses"]),
    )


def _parameter(parameter: dict[str, Any]) -> Parameter:
    schema = parameter["schema"]
    return Parameter(
        name=parameter["name"],
        where=parameter["in"],
        required=parameter.get("required", False),
        kind=_kind(schema),
        description=parameter.get("description", schema.get("description", "")),
    )


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words: the name of what it refers to, or its type."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_kind(option) for option in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    return str(schema.get("type", ""))
