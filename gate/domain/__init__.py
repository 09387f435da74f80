"""The pure core: what tickets, scans and journals mean. No I/O, no clock, standard library only."""
