"""Every sentence for people, and strangers' text made safe."""
