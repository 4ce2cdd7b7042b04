"""The reference pages that are written from the sources themselves, so that they can't say something else."""
