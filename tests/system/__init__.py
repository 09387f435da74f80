"""The whole venue as real processes, on hosts and disks of their own."""
