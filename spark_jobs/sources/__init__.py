"""Where rows come from: landed files, opened, split into records and read as text."""
