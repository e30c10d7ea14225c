"""Three stories of a small shop, each in a lake of its own: who lived where, what a price was, what a day sold."""
