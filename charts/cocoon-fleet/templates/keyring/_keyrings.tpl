{{- /* All keyrings, the newest first, as JSON: name, generation, image, replicas, terms. Each is a StatefulSet of its own. */ -}}
{{- define "cocoon.keyrings" -}}
{{- $keyrings := list -}}
{{- if .Values.keyring.enabled -}}
{{- range prepend .Values.keyring.previous (dict "generation" .Values.keyring.generation) -}}
{{- $name := include "cocoon.keyringName" (list $ .generation) -}}
{{- $own := dict "name" $name "generation" (.generation | default "") "image" (.image | default $.Values.image.keyring) -}}
{{- $_ := set $own "replicas" (.replicas | default $.Values.keyring.replicas | int) -}}
{{- $_ := set $own "terms" (.terms | default $.Values.keyring.terms) -}}
{{- $keyrings = append $keyrings $own -}}
{{- end -}}
{{- end -}}
{{ toJson $keyrings }}
{{- end }}
{{- /* Its name: (list $ "2"); without a generation it has no suffix. */ -}}
{{- define "cocoon.keyringName" -}}
{{ include "cocoon.name" (index . 0) }}-keyring{{ with index . 1 }}-{{ . }}{{ end }}
{{- end }}
{{- /* The labels of one keyring's Pods: (list $ keyring). */ -}}
{{- define "cocoon.keyringSelector" -}}
{{ include "cocoon.selectorOf" (list (index . 0) "keyring") }}
cocoonfleet.io/keyring: {{ (index . 1).name }}
{{- end }}
{{- /* Of each replica of one keyring, by commas: a Service's address would lead to any of them. */ -}}
{{- define "cocoon.keyringPeers" -}}
{{- $ := index . 0 -}}
{{- $keyring := index . 1 -}}
{{- $peers := list -}}
{{- range until (int $keyring.replicas) -}}
{{- $peers = append $peers (printf "https://%s-%d.%s.%s.svc:8443" $keyring.name . $keyring.name $.Release.Namespace) -}}
{{- end -}}
{{ join "," $peers }}
{{- end }}
{{- /* What the operator is told: all replicas of all keyrings, and the measurements that they may have. */ -}}
{{- define "cocoon.keyringAddresses" -}}
{{- $addresses := list -}}
{{- range include "cocoon.keyrings" . | fromJsonArray -}}
{{- $addresses = append $addresses (include "cocoon.keyringPeers" (list $ .)) -}}
{{- end -}}
{{ join "," $addresses }}
{{- end }}
{{- define "cocoon.keyringMeasurements" -}}
{{- $found := list -}}
{{- range include "cocoon.keyrings" . | fromJsonArray -}}
{{- $found = concat $found (.terms.keyrings.measurements | default list) -}}
{{- end -}}
{{ $found | uniq | join "," }}
{{- end }}
{{- /* Whether it runs in a guest that makes hardware evidence, and so needs that guest's configfs: (list $ keyring). */ -}}
{{- define "cocoon.keyringInGuest" -}}
{{- $ := index . 0 -}}
{{- $trust := (index . 1).terms.keyrings.trust | default "Hardware" -}}
{{- if and (ne $trust "Test") $.Values.keyring.runtimeClassName (ne $.Values.keyring.collector "software") }}yes{{ end -}}
{{- end }}
