"""QR codes that zxing-cpp gives up: found by correlation, equalised, corrected by reliability.

ISO/IEC 18004 has the symbol. zxing-cpp still reads the text: it is handed a clean drawing.
"""
