"""PDF417 symbols that zxing-cpp gives up: found by start and stop, placed, equalised, corrected.

ISO/IEC 15438 has the symbol. Paper boarding passes carry it.
"""
