"""What a row that came from the database has and a new one has not."""


def stored_id(row_id: int | None) -> int:
    """The id of a stored row. Its type allows None only because the same class also describes rows not yet stored."""
    if row_id is None:
        raise ValueError("this row has not been stored yet")
    return row_id
