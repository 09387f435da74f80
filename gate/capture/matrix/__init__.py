"""What symbols of modules have in common, whatever their patterns and their layout.

A known pattern is found by correlation and the symbol placed by all that is known of it; an
equaliser learns from that how modules are smeared; codewords are corrected by reliability.
zxing-cpp still reads the text: it is handed a clean drawing.
"""
