"""Whatever yields scans: cameras, pictures, keyboards and input devices."""
