"""JSON that both databases can keep, of every shape."""

from hypothesis import strategies as st

from narad.domain.task import Json, JsonObject

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
"""Text without U+0000 and without halves of surrogate pairs."""

STORABLE: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
PAYLOADS: st.SearchStrategy[JsonObject] = st.dictionaries(TEXT, STORABLE, max_size=4)
