"""The part of JSON Schema (draft 7) that schema.json uses; an unknown keyword is an error."""

import re

IGNORED = {"$schema", "title", "description", "default", "definitions"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def faults(value, schema, root, where=""):
    """Every way in which `value` isn't what `schema` says, as text."""
    if "$ref" in schema:
        yield from faults(value, root["definitions"][schema["$ref"].split("/")[-1]], root, where)
        return
    for keyword, argument in schema.items():
        if keyword in IGNORED or keyword == "additionalProperties":
            continue
        yield from KEYWORDS[keyword](value, argument, schema, root, where)


def is_type(value, name):
    return isinstance(value, TYPES[name]) and not (name == "integer" and isinstance(value, bool))


def check(test, says):
    def keyword(value, argument, schema, root, where):
        if not test(value, argument):
            yield f"{where}: {str(value)[:60]} {says} {argument}"
    return keyword


def when(kind, test):
    """A keyword says nothing about values of other types."""
    return lambda value, argument: not is_type(value, kind) or test(value, argument)


def properties(value, known, schema, root, where):
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if key in known:
            yield from faults(inner, known[key], root, f"{where}/{key}")
        elif schema.get("additionalProperties") is False:
            yield f"{where}: {key} isn't known"


def items(value, inner, schema, root, where):
    for index, item in enumerate(value if isinstance(value, list) else []):
        yield from faults(item, inner, root, f"{where}/{index}")


def one_of(value, choices, schema, root, where):
    results = [list(faults(value, choice, root, where)) for choice in choices]
    fitting = sum(not result for result in results)
    if fitting != 1:
        nearest = min(results, key=len)
        yield f"{where}: fits {fitting} of {len(choices)} forms; the nearest: {nearest[:2]}"


def not_(value, inner, schema, root, where):
    if not list(faults(value, inner, root, where)):
        yield f"{where}: fits what it must not"


KEYWORDS = {
    "type": check(is_type, "isn't of type"),
    "enum": check(lambda v, a: v in a, "isn't one of"),
    "const": check(lambda v, a: v == a and type(v) is type(a), "isn't"),
    "required": check(when("object", lambda v, a: set(a) <= v.keys()), "lacks one of"),
    "pattern": check(when("string", lambda v, a: re.search(a, v) is not None), "doesn't match"),
    "minLength": check(when("string", lambda v, a: len(v) >= a), "is shorter than"),
    "minItems": check(when("array", lambda v, a: len(v) >= a), "has fewer items than"),
    "maxItems": check(when("array", lambda v, a: len(v) <= a), "has more items than"),
    "uniqueItems": check(when("array", lambda v, a: len(set(map(str, v))) == len(v)), "repeats; unique"),
    "minimum": check(when("integer", lambda v, a: v >= a), "is below"),
    "maximum": check(when("integer", lambda v, a: v <= a), "is above"),
    "properties": properties,
    "items": items,
    "oneOf": one_of,
    "not": not_,
}
