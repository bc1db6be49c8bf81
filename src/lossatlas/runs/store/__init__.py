"""What lies on disk: runs, their manifests, fingerprints, references, progress, weight files."""
