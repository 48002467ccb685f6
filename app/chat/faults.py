"""What is wrong with a field of a payload, as a sentence: pydantic's own words, which the reader's language knows as
well."""

from typing import Any

from pydantic_core import ErrorDetails

from app.model import Sentence

# By the kind of error. Places are the names that pydantic has for them.
SENTENCES = {
    "missing": Sentence("Field required"),
    "extra_forbidden": Sentence("Extra inputs are not permitted"),
    "string_type": Sentence("Input should be a valid string"),
    "string_unicode": Sentence("Input should be a valid string, unable to parse raw data as a unicode string"),
    "string_too_long": Sentence("String should have at most {max_length} characters", max_length=""),
    "string_pattern_mismatch": Sentence("String should match pattern '{pattern}'", pattern=""),
    "bool_type": Sentence("Input should be a valid boolean"),
    "int_type": Sentence("Input should be a valid integer"),
    "float_type": Sentence("Input should be a valid number"),
    "finite_number": Sentence("Input should be a finite number"),
    "greater_than": Sentence("Input should be greater than {gt}", gt=""),
    "greater_than_equal": Sentence("Input should be greater than or equal to {ge}", ge=""),
    "less_than_equal": Sentence("Input should be less than or equal to {le}", le=""),
    "literal_error": Sentence("Input should be {expected}", expected=""),
    "list_type": Sentence("Input should be a valid list"),
    "too_short": Sentence("List should have at least 1 item after validation, not 0"),
    "too_long": Sentence(
        "List should have at most {max_length} items after validation, not {actual_length}",
        max_length="",
        actual_length="",
    ),
}


def why(fault: ErrorDetails) -> str:
    """What one error says: the Sentence of one of ours (kinds.py), or of one of pydantic's; in English alone where it
    is of another kind."""
    values: dict[str, Any] = fault.get("ctx", {})
    known = SENTENCES.get(fault["type"])
    if known is None or "sentence" in values:
        said: str = values.get("sentence", fault["msg"])
        return said
    return Sentence(known.pattern, **{name: _shown(values[name]) for name in known.values})


def _shown(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
