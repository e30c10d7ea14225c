"""The lakehouse jobs: sources, transforms, sinks, and the queries and batch jobs told in calls to them."""
