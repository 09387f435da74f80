"""What runs beside a lane and keeps it up to date."""
