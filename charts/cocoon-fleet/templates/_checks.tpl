{{- /* What no schema can say: each refusal is a sentence that says what to do. */ -}}
{{- define "cocoon.check" -}}
{{- $payout := .Values.payout -}}
{{- if and .Values.localton.enabled (not .Values.development) -}}
{{ fail "localton.enabled: a local chain's keys are known to everybody. Set development: true if this is play money, else payout.chain.globalConfig." }}
{{- end -}}
{{- if and $payout.enabled $payout.external.url -}}
{{ fail "payout.external.url: payout.enabled runs a payout service here already. Set one of them." }}
{{- end -}}
{{- if $payout.enabled -}}
{{- if and (eq $payout.policy.trust "Test") (not .Values.development) -}}
{{ fail "payout.policy.trust: anybody can sign Test evidence and would be paid. Leave it at Hardware, or set development: true." }}
{{- end -}}
{{- if and (not $payout.persistence.enabled) (not .Values.development) -}}
{{ fail "payout.persistence.enabled: without a volume the books end with the Pod. Leave it at true, or set development: true." }}
{{- end -}}
{{- if not (or $payout.chain.globalConfig .Values.localton.enabled) -}}
{{ fail "payout.chain.globalConfig: give the TON network's configuration: --set-file payout.chain.globalConfig=global.config.json" }}
{{- end -}}
{{- if and $payout.chain.globalConfig .Values.localton.enabled -}}
{{ fail "payout.chain.globalConfig: localton.enabled makes its own. Set one of them." }}
{{- end -}}
{{- if and $payout.wallet.pay (not $payout.wallet.existingSecret) -}}
{{ fail "payout.wallet.existingSecret: name the Secret with the hot wallet's key: kubectl create secret generic payout-wallet --from-file=key=FILE. Or set payout.wallet.pay: false to take receipts only." }}
{{- end -}}
{{- if and $payout.archiveBucket.bucket (not $payout.archiveBucket.existingSecret) -}}
{{ fail "payout.archiveBucket.existingSecret: name the Secret with the bucket's key pair: kubectl create secret generic payout-archive --from-literal=accessKey=… --from-file=secretKey=FILE." }}
{{- end -}}
{{- if not $payout.clusters -}}
{{ fail "payout.clusters: nobody could call the payout service. Pin this cluster's id, issuer and keys, and name the operator among its callers; values.yaml says how." }}
{{- end -}}
{{- end -}}
{{- include "cocoon.checkKeyring" . -}}
{{- end }}
{{- define "cocoon.checkKeyring" -}}
{{- $names := list -}}
{{- range include "cocoon.keyrings" . | fromJsonArray -}}
{{- if has .name $names -}}
{{ fail (printf "keyring.previous: two keyrings are of generation %q. Give the new one a keyring.generation of its own." .generation) }}
{{- end -}}
{{- $names = append $names .name -}}
{{- if gt (len .name) 52 -}}
{{ fail (printf "keyring.generation: the name %s is too long for a StatefulSet, whose Pods carry it in a label of 63 characters with 11 more. Choose a generation that is %d characters shorter, or a shorter name for the release." .name (sub (len .name) 52)) }}
{{- end -}}
{{- range $part, $policy := .terms -}}
{{- $test := or $policy.allow_test_roots (eq ($policy.trust | default "Hardware") "Test") -}}
{{- if and $test (not $.Values.development) -}}
{{ fail (printf "keyring.terms.%s: anybody can sign Test evidence and would get the keys. Leave trust at Hardware, or set development: true." $part) }}
{{- end -}}
{{- if not (or $test $policy.measurements $policy.guests) -}}
{{ fail (printf "keyring.terms.%s.measurements: without a launch measurement nobody is let in. docs/concepts/confidentiality.md says how to compute them; or set keyring.enabled: false." $part) }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
