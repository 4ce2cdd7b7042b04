"""The age file format (C2SP age-encryption.org/v1): sealed inputs and outputs, which any age tool opens."""
