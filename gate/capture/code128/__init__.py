"""Code 128 symbols that zxing-cpp gives up: found by start and stop, placed, equalised, checked.

ISO/IEC 15417 has the symbol. Cards and tickets from thermal printers carry it.
"""
