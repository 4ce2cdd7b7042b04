"""Evidence, policy, verdict: what may be believed of a TEE, and who signed what. Verifiers are pure.

Where things are:

    verdict      verify, verify_tdx, verify_snp, verify_gpu, verify_switch, case, policy, stated, findings, golden,
                 roots, topology
    formats      bundle, preimage, snp_report, certificate_table, spdm, devices, gpu_report, switch_report, rim,
                 certificates, snp_certificates
    collateral   collateral, needs, library, sources, vendors, ocsp, opening
    collecting   collect, hardware, tsm, nvml, nvml_reports, nscq, nscq_reports, nscq_library, development, turns
    connections  channel, listening, tls
    receipts     receipts
    sealed jobs  age, sealing, terms
"""
