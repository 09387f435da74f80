"""Data Matrix symbols that zxing-cpp gives up: found by their sides, placed, equalised, corrected.

ISO/IEC 16022 has the symbol (ECC 200).
"""
