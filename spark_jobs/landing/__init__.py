"""Files as they come: listed, opened, split into records, read as text, written as rows of Bronze."""
