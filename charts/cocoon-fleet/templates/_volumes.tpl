{{- /* A volume named (index . 0) as its `persistence` (index . 1) says: in the Pod, unless a StatefulSet's claim makes it. */ -}}
{{- define "cocoon.volume" -}}
{{- $persistence := index . 1 -}}
{{- if not $persistence.enabled -}}
- {name: {{ index . 0 }}, emptyDir: {}}
{{- else if $persistence.existingClaim -}}
- {name: {{ index . 0 }}, persistentVolumeClaim: {claimName: {{ $persistence.existingClaim }}}}
{{- end -}}
{{- end }}
{{- /* The StatefulSet's claim for it. It stays when the release goes, and no label in it may ever change. */ -}}
{{- define "cocoon.claim" -}}
{{- $persistence := index . 1 -}}
{{- if and $persistence.enabled (not $persistence.existingClaim) -}}
volumeClaimTemplates:
- metadata: {name: {{ index . 0 }}}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with $persistence.storageClassName }}
    storageClassName: {{ . }}
    {{- end }}
    resources: {requests: {storage: {{ $persistence.size }}}}
{{- end -}}
{{- end }}
