"""Making a gate of a machine: what is asked, what is written for it, and how that is taken back."""
