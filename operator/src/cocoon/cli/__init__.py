"""kubectl-cocoon: the fleet at a prompt.

One module per command. A module defines `command`, a click command whose docstring is its help, and `__main__.COMMANDS`
names it in one line; completion and exit statuses follow from that, and so does the reference page, once
`python -m cocoon.cli.reference > docs/reference/cli.md` has been run (a test says when it must be).

    @click.command("seal", short_help="encrypt an input to an attested keyring")
    @click.argument("file", type=EXISTING_FILE)
    @on_cluster                                   # --kubeconfig, --context, -n: one argument `reach`
    def command(reach: Reach, file: Path) -> None:
        asyncio.run(_seal(reach, file))

    async def _seal(reach: Reach, file: Path) -> None:
        async with connected(reach) as cluster:   # raises Failure: a sentence, never a traceback
            provider = await cluster.get(PROVIDERS, cluster.namespace, "dc1")

What can't be done is raised as `failure.Failure` (or one of its kinds, which have exit statuses of their own). What is
printed goes through `screen`, which knows about colours, JSON and YAML, and keeps others' control characters out of the
terminal. Modules that only calculate (standing of a fleet, gates of a job) take parsed objects and return Structs.

Where things are:

    commands            status, why, submit, output, earnings, payouts, operation, release, digest, seal, open, verify,
                        collateral, completion
    all commands        __main__, options, names, screen, failure, ages, amounts, reference
    the cluster         login, connection, cluster, refusals, port_forward, sight
    the payout service  payout_access, payout_service, owners, earned
    status, why         fleet_report, concerns, gates, advice
    jobs, answers       job_file, input_file, progress, answers, replacing
    sealing             sealed_job, sealing_jobs, sealing_options, sealing_terms, keyring_lookup, keyring_evidence,
                        identity_file
    verify              verifying, collateral_places
"""
