"""The demo and the scenarios: small lakes of their own, and what they show."""
