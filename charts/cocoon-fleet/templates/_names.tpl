{{- /* The operator's labels: `selector` must never change, for a Deployment's selector can't. */ -}}
{{- define "cocoon.selector" -}}
{{ include "cocoon.selectorOf" (list . "operator") }}
{{- end }}
{{- define "cocoon.labels" -}}
{{ include "cocoon.labelsOf" (list . "operator") }}
{{- end }}
{{- /* The same for any part: (list $ "payout"). */ -}}
{{- define "cocoon.selectorOf" -}}
app.kubernetes.io/name: cocoon-fleet
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}
{{- define "cocoon.labelsOf" -}}
{{- $ := index . 0 -}}
{{ include "cocoon.selectorOf" . }}
app.kubernetes.io/part-of: cocoon-fleet
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $.Release.Service }}
helm.sh/chart: {{ $.Chart.Name }}-{{ $.Chart.Version }}
{{- end }}
{{- /* Names in the cluster's scope carry the namespace, so that two releases don't meet. */ -}}
{{- define "cocoon.name" -}}
{{- if contains "cocoon-fleet" .Release.Name -}}
{{ .Release.Name }}
{{- else -}}
{{ .Release.Name }}-cocoon-fleet
{{- end -}}
{{- end }}
{{- define "cocoon.clusterName" -}}
{{ printf "%s:%s" .Release.Namespace (include "cocoon.name" .) }}
{{- end }}
{{- define "cocoon.payoutName" -}}
{{ include "cocoon.name" . }}-payout
{{- end }}
{{- define "cocoon.localtonName" -}}
{{ include "cocoon.name" . }}-localton
{{- end }}
{{- /* Where the operator finds the payout service; empty if there is none. */ -}}
{{- define "cocoon.payoutUrl" -}}
{{- if .Values.payout.enabled -}}
https://{{ include "cocoon.payoutName" . }}.{{ .Release.Namespace }}.svc
{{- else -}}
{{ .Values.payout.external.url }}
{{- end -}}
{{- end }}
{{- /* What the payout service's certificate is signed by, as a source of a projected volume; empty if the image knows. */ -}}
{{- define "cocoon.payoutCa" -}}
{{- if .Values.payout.enabled -}}
secret: {name: {{ include "cocoon.payoutTlsSecret" . }}, items: [{key: ca.crt, path: ca.crt}]}
{{- else if .Values.payout.external.caBundle -}}
configMap: {name: {{ include "cocoon.payoutName" . }}-ca}
{{- end -}}
{{- end }}
{{- define "cocoon.payoutTlsSecret" -}}
{{ .Values.payout.tls.existingSecret | default (printf "%s-tls" (include "cocoon.payoutName" .)) }}
{{- end }}
{{- /* Of every Pod: nobody's user, no privilege, nothing of the system writable. */ -}}
{{- define "cocoon.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}
{{- define "cocoon.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
