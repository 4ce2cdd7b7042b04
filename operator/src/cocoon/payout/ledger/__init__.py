"""The books: accounts, and entries that move money between two of them."""
