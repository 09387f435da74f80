"""Systems that tickets live in: they state them here, and are told what our gates did."""
