"""The operator: it mirrors the cluster, plans, and acts through ports.

Where things are:

    one process    __main__, run, settings, leadership, loop, patience, catching_up, logs
    layers         observe, plan, act, render, ports
    what it hears  handlers, watching, kopf_storage, mirror, foreign, listener, nudges
    trust          attestation_terms, identity, receipt_keys, vouching, accepted_evidence, keyring_watch
    money          credits, owners
    what it shows  health, metrics, gauges, stock, stock_metrics, outcomes, installed
"""
