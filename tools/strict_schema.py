"""JSON Schema in the form that strict structured outputs take.

Strict mode wants `additionalProperties: false` and every property required, in each object; it knows neither
defaults nor many keywords of validation. What is left out here is checked afterwards by pydantic.
Rules: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
"""

from pydantic import BaseModel, JsonValue

Schema = dict[str, JsonValue]

_KEPT = frozenset(
    {"type", "enum", "const", "anyOf", "items", "properties", "required", "additionalProperties"}
    | {"description", "title", "$ref", "$defs"}
)


def strict_schema(model_class: type[BaseModel]) -> Schema:
    """The schema of a pydantic model for a strict response_format.

    Objects with free keys cannot be said in strict mode; they stay as they are, and an endpoint that refuses
    them is asked without response_format by ModelClient.
    """
    return _strict(model_class.model_json_schema())


def _strict(schema: Schema) -> Schema:
    if "oneOf" in schema:  # pydantic says tagged unions so; strict mode knows only anyOf
        schema = {**schema, "anyOf": schema["oneOf"]}
    if isinstance(schema.get("$ref"), str):
        return {"$ref": schema["$ref"]}  # a reference may have no neighbours
    kept = {key: value for key, value in schema.items() if key in _KEPT}
    for key in ("properties", "$defs"):
        named = kept.get(key)
        if isinstance(named, dict):
            kept[key] = {name: _strict_value(value) for name, value in named.items()}
    for key in ("anyOf", "items"):
        if key in kept:
            kept[key] = _strict_value(kept[key])
    properties = kept.get("properties")
    if isinstance(properties, dict):
        kept["required"] = list(properties)
        kept["additionalProperties"] = False
    return kept


def _strict_value(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return _strict(value)
    if isinstance(value, list):
        return [_strict_value(item) for item in value]
    return value
