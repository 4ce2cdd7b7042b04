"""The process beside Triton in a server Pod: keys, models, input, metering, output, receipts.

Where things are:

    one process  __main__, process, settings, logs, surroundings, keys
    APIs         http_api, health, contact, events
    jobs         jobs, attempt, pipeline, endings, account
    input        inputs, lines, items, openai_lines, tensors, unsealing, keyrings
    output       replies, forms, spool
    models       models, sources, meter
    Triton       triton, triton_grpc, triton_metrics, gpus
    receipts     signing, journal
    the network  web, addresses
    metrics      metrics
"""
