"""The ticket system of the WeChat card API, with its own tables."""
