{{- /* The operator's labels: `selector` must never change, for a Deployment's selector can't. */ -}}
{{- define "cocoon.selector" -}}
app.kubernetes.io/name: cocoon-fleet
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}
{{- define "cocoon.labels" -}}
{{ include "cocoon.selector" . }}
app.kubernetes.io/part-of: cocoon-fleet
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
{{- /* Names in the cluster's scope carry the namespace, so that two releases don't meet. */ -}}
{{- define "cocoon.name" -}}
{{- if contains "cocoon-fleet" .Release.Name -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-cocoon-fleet" .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end }}
{{- define "cocoon.clusterName" -}}
{{ printf "%s:%s" .Release.Namespace (include "cocoon.name" .) }}
{{- end }}
