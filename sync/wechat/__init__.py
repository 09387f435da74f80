"""The ticket system: the WeChat card API, spoken by the central server."""
