{{- /* The settings of the payout service: what `python -m cocoon.payout --config` reads. */ -}}
{{- define "cocoon.payoutSettings" -}}
{{- $payout := .Values.payout -}}
{{- $data := "/var/lib/cocoon-payout" -}}
{{- $etc := "/etc/cocoon-payout" -}}
{{- $development := $payout.chain.development -}}
{{- if .Values.localton.enabled -}}
{{- $development = append $development (include "cocoon.localtonZeroState" .) -}}
{{- end -}}
{{- $clusters := list -}}
{{- range $payout.clusters -}}
{{- $keys := dict "file" (printf "%s/clusters/%s.json" $etc .id) -}}
{{- $clusters = append $clusters (dict "id" .id "issuer" .issuer "keys" $keys "callers" .callers) -}}
{{- end -}}
{{- $settings := dict
  "chain" (dict "globalConfig" (printf "%s/chain/global.config.json" $etc) "development" $development)
  "clusters" $clusters
  "policy" (include "cocoon.given" $payout.policy | fromJson)
  "http" (dict "port" 8443 "certificateFile" (printf "%s/tls/tls.crt" $etc) "keyFile" (printf "%s/tls/tls.key" $etc))
  "logLevel" .Values.logLevel
-}}
{{- with $payout.archiveBucket -}}
{{- if .bucket -}}
{{- $bucket := dict "bucket" .bucket "region" .region "prefix" .prefix "endpoint" .endpoint -}}
{{- $_ := set $bucket "accessKeyFile" (printf "%s/bucket/accessKey" $etc) -}}
{{- $_ := set $bucket "secretKeyFile" (printf "%s/bucket/secretKey" $etc) -}}
{{- if $.Values.caBundle.configMap }}{{ $_ := set $bucket "caFile" (include "cocoon.caFile" $) }}{{ end -}}
{{- $_ := set $settings "archiveBucket" $bucket -}}
{{- else -}}
{{- $_ := set $settings "archive" (printf "%s/archive" $data) -}}
{{- end -}}
{{- end -}}
{{- if $payout.database.existingSecret -}}
{{- $_ := set $settings "databaseFile" (printf "%s/database/%s" $etc $payout.database.key) -}}
{{- else -}}
{{- $_ := set $settings "database" (printf "sqlite:///%s/books.sqlite" $data) -}}
{{- end -}}
{{- if $payout.wallet.pay -}}
{{- $key := dict "keyFile" (printf "%s/wallet/%s" $etc $payout.wallet.key) -}}
{{- $_ := set $settings "payments" (merge $key (include "cocoon.given" $payout.payments | fromJson)) -}}
{{- end -}}
{{ toYaml $settings }}
{{- end }}
{{- /* Without what is left empty, as JSON: no value is not the empty value. */ -}}
{{- define "cocoon.given" -}}
{{- $given := dict -}}
{{- range $name, $value := . -}}
{{- if not (and (kindIs "string" $value) (eq $value "")) -}}
{{- $_ := set $given $name $value -}}
{{- end -}}
{{- end -}}
{{ toJson $given }}
{{- end }}
