"""The register of job titles that are authorised to use the system (clause B5)."""
