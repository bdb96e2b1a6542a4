"""Frozen, checked data: the base of plans, experiments and board options, and its messages."""

import json
from collections.abc import Iterator
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from labnet.errors import PlanError

Where = tuple[str | int, ...]


def keys_of(model: type[BaseModel]) -> dict[str, list[str]]:
    """Give the keys of data, those of its tables with dots, and what each may be where that is one of few words."""
    found: dict[str, list[str]] = {}
    for name, field in model.model_fields.items():
        for part in _parts(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                for inner, words in keys_of(part).items():
                    found.setdefault(f"{name}.{inner}", []).extend(words)
            elif part is not type(None):
                found.setdefault(name, []).extend(_words(part))
    return {key: list(dict.fromkeys(words)) for key, words in found.items()}


def _parts(annotation: Any) -> Iterator[Any]:
    """Take a union apart."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _parts(inner[0])
    elif origin in (Union, UnionType):
        for each in inner:
            yield from _parts(each)
    else:
        yield annotation


def _words(annotation: Any) -> list[str]:
    if annotation is bool:
        return ["true", "false"]
    return [str(word) for word in get_args(annotation)] if get_origin(annotation) is Literal else []


def summary(data: "Data") -> str:
    """Say what has a name, with those of its values that are not the defaults: "adam (rate = 0.01)"."""
    values, fields = data.model_dump(mode="json"), type(data).model_fields
    name, said = values.pop("name"), []
    for key, value in values.items():
        if value != (fields[key].default if key in fields else None):
            text = f"{value:g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
            said.append(f"{key} = {text}")
    return f"{name} ({', '.join(said)})" if said else str(name)


class Data(BaseModel):
    """Frozen, checked data; a mistake raises `PlanError`, which names key, value and what is allowed."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True, validate_default=True
    )

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, data: Any) -> Any:
        for key, value in data.items() if isinstance(data, dict) else ():
            field = cls.model_fields.get(key)
            if isinstance(value, bool) and field is not None and field.annotation is not bool:
                raise ValueError(f"{key} is {value}; allowed: {field.description or 'a number'}")
        return data

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            problems = tuple(_problems(type(self), error))
            lines = [f"{'.'.join(map(str, where))} {what}".strip() for where, what in problems]
            raise PlanError("; ".join(lines), problems) from None


def _problems(model: type[BaseModel], error: ValidationError) -> list[tuple[Where, str]]:
    """Flatten pydantic's errors: one a key, nested `Data` included, branches of a union joined by "or"."""
    found: dict[Where, list[str]] = {}
    inputs: dict[Where, Any] = {}
    for problem in error.errors():
        where = _key(model, problem["loc"])
        cause = problem.get("ctx", {}).get("error")
        if isinstance(cause, PlanError) and cause.problems:
            for inner, what in cause.problems:
                found.setdefault(where + inner, []).append(what)
        elif isinstance(cause, ValueError):
            found.setdefault(where, []).append(str(cause))
        elif problem["type"] == "extra_forbidden":
            found.setdefault(where, []).append(_unknown(model, str(where[-1])))
        elif problem["type"] == "missing":
            field = model.model_fields.get(str(where[-1]))
            found.setdefault(where, []).append(f"is missing; give {(field and field.description) or 'it'}")
        elif problem["type"].startswith("union_tag"):
            tag = problem["ctx"]["discriminator"].strip("'()")  # of a field, or a function of that name
            given = problem["ctx"].get("tag")
            allowed = ", ".join(map(repr, _tags(model, str(where[0]), tag)))
            start = "is missing" if given is None else f"is {given!r}"
            found.setdefault((*where, tag), []).append(f"{start}; allowed: {allowed}")
        else:
            inputs.setdefault(where, problem["input"])
            found.setdefault(where, []).append(problem["msg"].removeprefix("Input should be "))
    return [
        (
            where,
            f"is {inputs[where]!r}; allowed: {_allowed(model, where, what)}" if where in inputs else what[0],
        )
        for where, what in found.items()
    ]


def _tags(model: type[BaseModel], key: str, tag: str) -> list[str]:
    """Give the values that tell the branches of a union apart."""
    branches = [(*get_args(each), each)[0] for each in get_args(model.model_fields[key].annotation)]
    return [value for branch in branches for value in get_args(branch.model_fields[tag].annotation)]


def _allowed(model: type[BaseModel], where: Where, messages: list[str]) -> str:
    """Give the field's own words for what it takes, else pydantic's."""
    field = model.model_fields.get(str(where[0])) if len(where) == 1 else None
    return (field and field.description) or " or ".join(dict.fromkeys(messages))


def _key(model: type[BaseModel], loc: Where) -> Where:
    """Give the key in the data: pydantic adds the names of union branches to it."""
    if len(loc) < 2 or loc[0] not in model.model_fields:
        return loc
    if any(isinstance(part, int) for part in loc[1:]) or len(loc) == 2:
        return loc[:1]
    return (loc[0], loc[-1])


def _unknown(model: type[BaseModel], key: str) -> str:
    allowed = list(model.model_fields)
    close = get_close_matches(key, allowed, n=1)
    return f"is not a known key; allowed: {', '.join(allowed)}" + (f". Did you mean {close[0]}?" if close else "")
