"""Aztec symbols that zxing-cpp gives up: found by their bull's eye, placed, equalised, corrected.

ISO/IEC 24778 has the symbol.
"""
