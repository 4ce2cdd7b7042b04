"""Pure decisions: what the fleet should do next, seen from a snapshot and a time. No I/O, no clock, no kopf.

`plan` lists the decisions in their order; that order is the policy.

Where things are:

    decisions         validity, trust, recovery, binding, placement, models, retirement, making_room, reporting,
                      conditions, explain
    steps of theirs   rollout, nodes, rooms, eligibility, counting, standing, gone_jobs, backoff, names,
                      stocktaking
    what they answer  plan, draft, actions, reasons
    what they write   job_status, remedies, provider_status, payouts
    what people hear  announcements, provider_news
    the world         snapshot, knowledge, known, records, differences, touched, receipt_claims
    indexes over it   queues, shelves, census, capacity, usage, lazy_heap
    under way, tried  expectations, memory, remembering
    a new leader      roll_call
"""
