"""What tests share: oracles, lakes, servers, rows. No test imports from another test."""
