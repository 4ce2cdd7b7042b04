"""`make demo`: the whole product on one machine, from nothing to verified receipts.

    python -m demo up      cluster, images, chart, a provider, jobs; then everything that came out is checked
    python -m demo down    nothing of it is left but the caches

Each step may be done again: what is there already is kept, so that a second run takes two minutes at most.
"""
