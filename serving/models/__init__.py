"""The pydantic models of the API's responses."""
