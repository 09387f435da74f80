"""Whatever yields scans: cameras, scanners, keyboards."""
