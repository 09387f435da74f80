"""The screen: what the operator sees, types and hears. Nothing here decides anything."""
