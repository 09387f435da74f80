"""A client of the WeChat card API: tickets that live there come here, what gates did goes there."""
