"""People who asked to be recognised: enrolment, the encrypted gallery, forgetting."""
