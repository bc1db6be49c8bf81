"""What makes a run a function of its configuration: fingerprint, store, manifest, ``ensure``.

The modules are imported by name: composing a configuration needs no torch, and tab completion waits for none.
"""
