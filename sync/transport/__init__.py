"""HTTP, the LAN, TLS and discovery."""
